import type { Randoms } from "./randoms.ts";

/** From a client or worker to its server, and back. */
export type Direction = "up" | "down";

/**
 * What may happen to the bytes that go one way. `at` counts them: of a script from the connection's first one on, of
 * `inject` from where the line is then.
 */
export type Fault =
  /** They come so much later, in milliseconds, in their order. */
  | { readonly kind: "delay"; readonly milliseconds: number }
  /** They come in pieces of so many bytes, each in a read of its own; or in two, parted at one place. */
  | { readonly kind: "split"; readonly size: number }
  | { readonly kind: "split"; readonly at: number }
  /** What comes within so many milliseconds goes on in one write. */
  | { readonly kind: "merge"; readonly milliseconds: number }
  /** So many bytes are left out. */
  | { readonly kind: "drop"; readonly at: number; readonly count: number }
  /** One byte has these bits turned. */
  | { readonly kind: "corrupt"; readonly at: number; readonly bits: number }
  /** At most so many bytes a millisecond pass. */
  | { readonly kind: "throttle"; readonly rate: number }
  /** Then both ends get an RST. */
  | { readonly kind: "reset"; readonly at: number }
  /** Then the receiver gets a FIN; the other way goes on. */
  | { readonly kind: "half-close"; readonly at: number }
  /** Then nothing passes any more, and nobody is told. */
  | { readonly kind: "blackhole"; readonly at: number };

export type FaultKind = Fault["kind"];

/** What happens on one connection. */
export type Faults = Partial<Record<Direction, readonly Fault[]>>;

/** What happens on each connection of a line, the first being 0. */
export type Script = (connection: number) => Faults;

export const FAULT_KINDS: readonly FaultKind[] = [
  "delay",
  "split",
  "merge",
  "drop",
  "corrupt",
  "throttle",
  "reset",
  "half-close",
  "blackhole",
];

/** Those after which the bytes are the same ones still, in their order: as TCP may treat them on any day. */
export const HARMLESS: readonly FaultKind[] = ["delay", "split", "merge", "throttle"];

/** A fault of a kind, somewhere within the next so many bytes. */
function randomFault(randoms: Randoms, kind: FaultKind, within: number): Fault {
  const at = randoms.below(within);
  switch (kind) {
    case "delay":
      return { kind, milliseconds: 1 + randoms.below(30) };
    case "split":
      return randoms.below(2) ? { kind, at } : { kind, size: 1 + randoms.below(7) };
    case "merge":
      return { kind, milliseconds: 1 + randoms.below(20) };
    case "drop":
      return { kind, at, count: 1 + randoms.below(40) };
    case "corrupt":
      return { kind, at, bits: 1 + randoms.below(255) };
    case "throttle":
      return { kind, rate: 5 + randoms.below(50) };
    default:
      return { kind, at };
  }
}

/** A script of `connections` connections with one to three faults each; those after them are sound. */
export function randomScript(randoms: Randoms, kinds: readonly FaultKind[], connections: number, within = 400): Script {
  const plan = Array.from({ length: connections }, (): Faults => {
    const faults: Record<Direction, Fault[]> = { up: [], down: [] };
    const count = 1 + randoms.below(3);
    for (let fault = 0; fault < count; fault++)
      faults[randoms.pick(["up", "down"] as const)].push(randomFault(randoms, randoms.pick(kinds), within));
    return faults;
  });
  return (connection) => plan[connection] ?? {};
}
