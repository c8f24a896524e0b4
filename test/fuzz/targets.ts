import { fromWord } from "./inputs.ts";
import { type Run, type Summary, watched } from "./run.ts";

/** Something that is fuzzed. */
export interface Target {
  /** How many inputs a long run has. */
  readonly inputs: number;
  /** Whose corpus it begins with. */
  readonly corpus: string;
  run(run: Run): Promise<Summary>;
  /** Feeds inputs again, and says what came of them. Rejects when one fails. */
  replay(words: readonly string[]): Promise<unknown>;
}

// The library is imported late: the codec must be measured before it is instantiated.
export const TARGETS: Record<string, Target> = {
  decoder: {
    inputs: 10_000_000,
    corpus: "decoder",
    async run(run) {
      const { measureCodec } = await import("./coverage.ts");
      const coverage = measureCodec();
      const { fuzzDecoder } = await import("./fuzz-decoder.ts");
      return watched(() => fuzzDecoder(run, coverage));
    },
    async replay(words) {
      const { decodeInput } = await import("./decoder.ts");
      return words.map((word) => decodeInput(fromWord(word)));
    },
  },
  server: {
    inputs: 100_000,
    corpus: "server",
    async run(run) {
      const { measureCodec } = await import("./coverage.ts");
      const coverage = measureCodec();
      const { fuzzServer } = await import("./fuzz-server.ts");
      return watched(() => fuzzServer(run, coverage));
    },
    async replay(words) {
      const { replayServer } = await import("./fuzz-server.ts");
      return replayServer(words.map(fromWord));
    },
  },
  gearmand: {
    inputs: 20_000,
    corpus: "server",
    async run(run) {
      const { fuzzGearmand } = await import("./fuzz-gearmand.ts");
      return watched(() => fuzzGearmand(run));
    },
    async replay() {
      throw new Error("gearmand is only compared with: replay it with --target server");
    },
  },
  door: {
    inputs: 10_000,
    corpus: "door",
    async run(run) {
      const { fuzzDoor } = await import("./fuzz-door.ts");
      return watched(() => fuzzDoor(run));
    },
    async replay(words) {
      const { replayDoor } = await import("./fuzz-door.ts");
      return replayDoor(words.map(fromWord));
    },
  },
};
