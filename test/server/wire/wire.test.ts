import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { JobServer } from "edgear/server";
import { describe, test } from "vitest";
import { TYPES } from "../../codec/packets.ts";
import { startGearmand } from "../../support/gearmand.ts";
import { clients } from "./clients.ts";
import { deliberate } from "./deliberate.ts";
import { type Exchange, PREFIX, run } from "./exchange.ts";
import { faults } from "./faults.ts";
import { text } from "./text.ts";
import { workers } from "./workers.ts";

type Transcript = string[][];

/**
 * How often gearmand is asked before its answers count as others: its threads tell each other things, so that a connection may be
 * gone from its list a moment before its jobs are given back.
 */
const TRIES = 3;

async function gearmandSays({ steps, gearmand = [], prefix = true }: Exchange): Promise<Transcript> {
  await using server = await startGearmand({
    args: prefix ? [`--job-handle-prefix=${PREFIX}`, ...gearmand] : gearmand,
  });
  return await run(server.port, steps);
}

async function jobServerSays({ steps, jobServer = {}, prefix = true }: Exchange): Promise<Transcript> {
  await using server = await JobServer.listen({ port: 0, ...(prefix && { handlePrefix: PREFIX }), ...jobServer });
  return await run(server.port, steps);
}

describe.each(Object.entries({ clients, workers, text, faults, deliberate }))("%s:", (_group, exchanges) => {
  const asked = Object.entries<Exchange>(exchanges).filter(([, { steps }]) => steps.length > 0);
  test.each(asked)("%s", async (_name, exchange) => {
    const got = await jobServerSays(exchange);
    for (let left = TRIES; ; left--) {
      const expected = exchange.alone ? undefined : await gearmandSays(exchange);
      try {
        compare(exchange, expected, got);
        return;
      } catch (error) {
        if (!expected || left === 1) throw error;
      }
    }
  });
});

/** @throws AssertionError where JobServer's answers are neither gearmand's nor different on purpose */
function compare({ steps, differs = {} }: Exchange, expected: Transcript | undefined, got: Transcript): void {
  for (const [index, step] of steps.entries()) {
    const what = `step ${index}, ${step.join(" ").slice(0, 80)}`;
    const difference = differs[index];
    if (difference?.gearmand) assert.deepEqual(expected?.[index], difference.gearmand, `gearmand at ${what}`);
    if (difference || expected) assert.deepEqual(got[index], difference?.jobServer ?? expected?.[index], what);
  }
}

test("every packet that a server can be sent is sent", () => {
  const sent = new Set(
    [clients, workers, text, faults, deliberate].flatMap((group) =>
      Object.values<Exchange>(group).flatMap(({ steps }) =>
        steps.map(([, what, type = ""]) => (what === "BODY" || what === "RES" ? type : what)),
      ),
    ),
  );
  const missing = TYPES.filter(([number, name]) => !sent.has(name) && !sent.has(String(number)));
  assert.deepEqual(missing, []);
});

test("docs/server.md lists the differences, all of them and no others", () => {
  const docs = readFileSync(new URL("../../../docs/server.md", import.meta.url), "utf8");
  const section = docs.split(/^## /m).find((each) => each.startsWith("Differences"));
  const rows = [...(section ?? "").matchAll(/^\| (?!-|what )(.+?) +\| (.+?) +\| (.+?) +\|$/gm)].map((row) =>
    row.slice(1, 4),
  );
  assert.deepEqual(
    rows,
    Object.entries(deliberate).map(([name, { says }]) => [name, ...says]),
  );
});
