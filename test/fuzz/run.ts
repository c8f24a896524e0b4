/** What a run is to do. */
export interface Run {
  readonly inputs: number;
  readonly seed: number;
  /** After so many failures it ends. */
  readonly maxFailures: number;
  /** Whether its time is over. */
  over(): boolean;
}

/** What came of it. */
export interface Summary {
  readonly inputs: number;
  readonly seconds: number;
  /** How many inputs are kept. */
  readonly corpus: number;
  /** Each begins with the input that has it again, as a word. */
  readonly failures: readonly string[];
  readonly kept: readonly Uint8Array[];
  readonly details: Readonly<Record<string, unknown>>;
}
