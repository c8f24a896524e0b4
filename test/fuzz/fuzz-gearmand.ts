import { Randoms } from "../support/faults/randoms.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { textCommand } from "../support/text-command.ts";
import { Corpus, loadCorpus } from "./corpus.ts";
import { exchange, HEAD } from "./exchange.ts";
import { features, seeds } from "./fuzz-server.ts";
import { mutate, toWord } from "./inputs.ts";
import type { Run, Summary } from "./run.ts";

/** Milliseconds: it leaves many a bad request unanswered. */
const PATIENCE = 150;

/** Puts to gearmand what JobServer is given, to compare: how often it ends, or no longer answers others. That is no failure of ours. */
export async function fuzzGearmand(run: Run): Promise<Summary> {
  const randoms = new Randoms(run.seed);
  const corpus = new Corpus();
  const ends: Record<string, number> = { answered: 0, closed: 0, hung: 0 };
  const waiting = [...loadCorpus("server"), ...seeds(randoms)];
  const begin = performance.now();
  const crashes: string[] = [];
  let inputs = 0;
  let server: Gearmand = await startGearmand();
  try {
    while (inputs < run.inputs && !run.over()) {
      const input = waiting.shift() ?? mutate(corpus.inputs, randoms, HEAD);
      inputs++;
      const answer = await exchange(server.port, input, PATIENCE);
      answer.socket?.destroy();
      ends[answer.end] = (ends[answer.end] ?? 0) + 1;
      corpus.offer(input, features(answer));
      if (answer.end === "answered") continue;
      const alive = await textCommand(server.port, "version").then(
        () => true,
        () => false,
      );
      if (alive) continue;
      crashes.push(toWord(input));
      await server.stop().catch(() => {});
      server = await startGearmand();
    }
  } finally {
    await server.stop();
  }
  return {
    inputs,
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    corpus: corpus.inputs.length,
    failures: [],
    kept: corpus.few,
    details: { ends, crashes: crashes.length, crashing: crashes.slice(0, 20) },
  };
}
