import fc from "fast-check";
import type { Fault } from "../support/faults/script.ts";

/** How many there are in a world. */
export const SERVERS = 2;
export const CLIENTS = 3;
export const WORKERS = 3;
export const FUNCTIONS = ["f0", "f1", "f2"] as const;

/** What a worker makes of a job. */
export const BEHAVIOURS = ["quick", "slow", "stream", "fail", "throw"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface SubmitOperation {
  readonly op: "foreground" | "background";
  readonly client: number;
  readonly function: (typeof FUNCTIONS)[number];
  readonly behaviour: Behaviour;
  readonly priority: "high" | "normal" | "low";
  /** Which of the shared uniques, if one. */
  readonly unique: number | undefined;
  /** Whether the unique is one that both kinds of job use. */
  readonly mixed: boolean;
  /** Milliseconds after which it is given up by a signal. */
  readonly abort: number | undefined;
  /** Milliseconds that the result has. */
  readonly timeout: number | undefined;
}

/** One thing that is done in a world. */
export type Operation =
  | SubmitOperation
  | { readonly op: "bulk"; readonly client: number; readonly function: string; readonly count: number }
  /** Asks for one of the last jobs that were acknowledged. */
  | {
      readonly op: "status" | "statusOf";
      readonly client: number;
      readonly job: number;
      readonly abort: number | undefined;
    }
  | { readonly op: "ping"; readonly client: number }
  | { readonly op: "add" | "remove"; readonly worker: number; readonly function: string }
  | { readonly op: "destroyClient" | "closeClient" | "cutClient"; readonly client: number; readonly flavour: number }
  | { readonly op: "killWorker" | "closeWorker" | "cutWorker"; readonly worker: number; readonly flavour: number }
  /** SIGKILL, and a new one after a while, its port refused meanwhile or not. */
  | { readonly op: "killServer"; readonly server: number; readonly away: number; readonly refuse: boolean }
  /** Nothing passes between a client or worker and a server for a while. */
  | { readonly op: "part"; readonly actor: number; readonly server: number; readonly milliseconds: number }
  | {
      readonly op: "fault";
      readonly actor: number;
      readonly server: number;
      readonly up: boolean;
      readonly fault: Fault;
    }
  | { readonly op: "pause"; readonly milliseconds: number };

const client = fc.nat(CLIENTS - 1);
const worker = fc.nat(WORKERS - 1);
const server = fc.nat(SERVERS - 1);
const actor = fc.nat(CLIENTS + WORKERS - 1);
const name = fc.constantFrom(...FUNCTIONS);
const flavour = fc.nat(3);
const at = fc.nat(300);

/** A result has 800 ms mostly; or less, or as long as it takes. */
const timeout = fc.oneof(
  { weight: 6, arbitrary: fc.constant<number | undefined>(800) },
  { weight: 2, arbitrary: fc.integer({ min: 20, max: 800 }) },
  { weight: 2, arbitrary: fc.constant(undefined) },
);
const abort = fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(40) });

const submit = fc.record({
  op: fc.constantFrom("foreground" as const, "background" as const),
  client,
  function: name,
  behaviour: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Behaviour>("quick") },
    { weight: 1, arbitrary: fc.constantFrom(...BEHAVIOURS) },
  ),
  priority: fc.constantFrom("normal" as const, "high" as const, "low" as const),
  unique: fc.option(fc.nat(5), { nil: undefined, freq: 2 }),
  mixed: fc.boolean(),
  abort,
  timeout,
});

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant("delay" as const), milliseconds: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant("split" as const), size: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant("split" as const), at }),
  fc.record({ kind: fc.constant("merge" as const), milliseconds: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant("throttle" as const), rate: fc.integer({ min: 5, max: 50 }) }),
  fc.record({ kind: fc.constant("reset" as const), at }),
  fc.record({ kind: fc.constant("half-close" as const), at }),
);

/** Any operation, each as often as it may come. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 60, arbitrary: submit },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("bulk" as const),
      client,
      function: name,
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constantFrom("status" as const, "statusOf" as const),
      client,
      job: fc.nat(30),
      abort,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("ping" as const), client }) },
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constantFrom("add" as const, "remove" as const), worker, function: name }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("destroyClient" as const, "closeClient" as const, "cutClient" as const),
      client,
      flavour,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom("killWorker" as const, "closeWorker" as const, "cutWorker" as const),
      worker,
      flavour,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("killServer" as const), server, away: fc.nat(120), refuse: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("part" as const),
      actor,
      server,
      milliseconds: fc.integer({ min: 10, max: 500 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant("fault" as const), actor, server, up: fc.boolean(), fault }) },
  { weight: 15, arbitrary: fc.record({ op: fc.constant("pause" as const), milliseconds: fc.nat(20) }) },
);

/** So many operations on average. Fewer, when a failure is looked into. */
export function operations(length: number): fc.Arbitrary<Operation[]> {
  return fc.array(operation, { minLength: 1, maxLength: 2 * length, size: "max" });
}
