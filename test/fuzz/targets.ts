import { fromWord } from "./inputs.ts";
import type { Run, Summary } from "./run.ts";

/** Something that is fuzzed. */
export interface Target {
  /** How many inputs a long run has. */
  readonly inputs: number;
  /** Whose corpus it begins with. */
  readonly corpus: string;
  run(run: Run): Promise<Summary>;
  /** Feeds one input, and says what came of it. Rejects when it fails. */
  replay(word: string): Promise<unknown>;
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
      return fuzzDecoder(run, coverage);
    },
    async replay(word) {
      const { decodeInput } = await import("./decoder.ts");
      return decodeInput(fromWord(word));
    },
  },
  server: {
    inputs: 100_000,
    corpus: "server",
    async run(run) {
      const { measureCodec } = await import("./coverage.ts");
      const coverage = measureCodec();
      const { fuzzServer } = await import("./fuzz-server.ts");
      return fuzzServer(run, coverage);
    },
    async replay(word) {
      const { replayServer } = await import("./fuzz-server.ts");
      return replayServer(word.split(",").map(fromWord));
    },
  },
  gearmand: {
    inputs: 20_000,
    corpus: "server",
    async run(run) {
      const { fuzzGearmand } = await import("./fuzz-gearmand.ts");
      return fuzzGearmand(run);
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
      return fuzzDoor(run);
    },
    async replay(word) {
      const { replayDoor } = await import("./fuzz-door.ts");
      return replayDoor(fromWord(word));
    },
  },
};
