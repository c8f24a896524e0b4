import { concat } from "../codec/packets.ts";
import { Randoms } from "../support/faults/randoms.ts";
import { Corpus, loadCorpus } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import { decodeInput, HEAD } from "./decoder.ts";
import { golden, mutate, toWord } from "./inputs.ts";
import type { Failure, Run, Summary } from "./run.ts";

/** Bytes that the process may hold in buffers: what peers announce is not believed. */
const MOST_BUFFERS = 256 * 1024 * 1024;

/** Feeds the decoder, until so many inputs were fed or the time is over. */
export async function fuzzDecoder(run: Run, coverage: Coverage): Promise<Summary> {
  const randoms = new Randoms(run.seed);
  const corpus = new Corpus();
  const begin = performance.now();
  // Half the inputs end in an error, and nobody reads where it was made.
  Error.stackTraceLimit = 0;
  const failures: Failure[] = [];
  let inputs = 0;
  let buffers = 0;
  const faults: Record<string, number> = {};
  const feed = (input: Uint8Array): void => {
    inputs++;
    try {
      const { frames, fault } = decodeInput(input);
      faults[fault || "none"] = (faults[fault || "none"] ?? 0) + 1;
      corpus.offer(input, [...coverage.taken(), `${(input[0] ?? 0) & 7} ${fault} ${Math.min(frames, 3)}`]);
    } catch (error) {
      coverage.taken();
      failures.push({ inputs: [toWord(input)], what: (error as Error).message });
    }
  };
  for (const input of loadCorpus("decoder")) feed(input);
  for (let count = 0; count < 200; count++) {
    const sender = count % 2 ? "client" : "server";
    const packets = Array.from({ length: 1 + randoms.below(4) }, () => golden(randoms, sender));
    feed(concat([Uint8Array.of((randoms.below(128) & ~1) | (count % 2), randoms.below(256)), ...packets]));
  }
  while (inputs < run.inputs && failures.length < run.maxFailures && !run.over()) {
    for (let count = 0; count < 2_000 && inputs < run.inputs && failures.length < run.maxFailures; count++) {
      feed(mutate(corpus.inputs, randoms, HEAD));
    }
    buffers = Math.max(buffers, process.memoryUsage().arrayBuffers);
    if (buffers > MOST_BUFFERS) failures.push({ inputs: [], what: `${buffers} bytes of buffers` });
    // Timers and signals have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    inputs,
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    corpus: corpus.inputs.length,
    failures,
    kept: corpus.few,
    details: { features: corpus.features, ways: coverage.ways, reached: coverage.reached, buffers, faults },
  };
}
