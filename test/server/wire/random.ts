import type { Step } from "./exchange.ts";

/** Numbers that look random, the same ones for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const FUNCTIONS = ["fa", "fb", "fc"];
const SUBMITS = ["", "_HIGH", "_LOW", "_BG", "_HIGH_BG", "_LOW_BG"].map((kind) => `SUBMIT_JOB${kind}`);

/** What two clients and two workers may say, without that in which the servers differ on purpose. */
export function randomSteps(seed: number, count: number): Step[] {
  const below = numbers(seed);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  // All connections, and all functions, are made in one order.
  const steps: Step[] = [
    ["w1", "GRAB_JOB"],
    ["w2", "GRAB_JOB"],
    ...FUNCTIONS.map((name): Step => ["a", "TEXT", `create function ${name}`]),
  ];
  const able = new Map([
    ["w1", new Set<string>()],
    ["w2", new Set<string>()],
  ]);
  let submits = 0;
  const job = () => `H:test:${1 + below(Math.max(1, Math.min(submits, 8)))}`;
  const can = (worker: string, name: string): Step[] => {
    // A second one makes gearmand count a second worker.
    if (able.get(worker)?.has(name)) return [[worker, "PRE_SLEEP"]];
    able.get(worker)?.add(name);
    return [[worker, "CAN_DO", name]];
  };
  const cannot = (worker: string, name: string): Step[] => {
    able.get(worker)?.delete(name);
    return [[worker, "CANT_DO", name]];
  };
  const reset = (worker: string): Step[] => {
    able.get(worker)?.clear();
    return [[worker, "RESET_ABILITIES"]];
  };
  const submit = (client: string, name: string): Step[] => {
    submits++;
    return [[client, pick(SUBMITS), name, pick(["", "-", "u1", "u2"]), pick(["", "a", "b"])]];
  };
  while (steps.length < count) {
    const [worker, client, name] = [pick(["w1", "w2"]), pick(["c1", "c2"]), pick(FUNCTIONS)];
    const kinds: (() => Step[])[] = [
      ...Array.from({ length: 3 }, () => () => can(worker, name)),
      ...Array.from({ length: 4 }, () => () => submit(client, name)),
      ...Array.from({ length: 4 }, () => (): Step[] => [[worker, pick(["GRAB_JOB", "GRAB_JOB_UNIQ", "GRAB_JOB_ALL"])]]),
      ...Array.from({ length: 3 }, () => (): Step[] => [[worker, "PRE_SLEEP"]]),
      () => cannot(worker, name),
      () => (below(3) === 0 ? reset(worker) : []),
      () => [[worker, "WORK_STATUS", job(), pick(["1", "x", " 7z"]), pick(["5", "0", "10.5"])]],
      () => [[worker, pick(["WORK_DATA", "WORK_WARNING"]), job(), pick(["", "data"])]],
      () => [[worker, pick(["WORK_COMPLETE", "WORK_FAIL"]), job()]],
      () => [[client, "GET_STATUS", job()]],
      () => [["a", "TEXT", pick(["status", "prioritystatus"])]],
    ];
    steps.push(...pick(kinds)());
  }
  return steps;
}
