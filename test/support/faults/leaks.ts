import { afterAll, beforeAll } from "vitest";
import { nothingMore, open, watchCodecs } from "./open.ts";

/**
 * Has the tests of a file leave nothing open: no socket, server, timer, codec's connection or slot. A rejection that nobody
 * handles is the test runner's to tell. Called before the file's first connection.
 */
export function leaveNothing(): void {
  watchCodecs();
  let before: Record<string, number> = {};
  beforeAll(() => {
    before = open();
  });
  afterAll(() => nothingMore(before));
}
