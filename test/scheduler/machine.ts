import { setTimeout as delay } from "node:timers/promises";

/** How often it is asked, in milliseconds. */
const PAUSE = 5;

/** How long the machine has somebody wait who only asks a server for the least. It is watched as long as the scope lasts. */
export interface WatchedMachine extends AsyncDisposable {
  /** At most, so far, in milliseconds; what is asked just now is counted, too. */
  readonly held: number;
}

/** @param ask what takes next to no time on a healthy machine */
export function watchMachine(ask: () => Promise<unknown>): WatchedMachine {
  let longest = 0;
  let begin = performance.now();
  let watching = true;
  const held = () => Math.max(longest, performance.now() - begin - PAUSE);
  const watched = (async () => {
    while (watching) {
      begin = performance.now();
      await ask();
      await delay(PAUSE);
      longest = held();
    }
  })();
  // Whoever has it end hears of it.
  watched.catch(() => {});
  return {
    get held() {
      return held();
    },
    async [Symbol.asyncDispose]() {
      watching = false;
      await watched;
    },
  };
}
