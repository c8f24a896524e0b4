import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "edgear";
import { traced } from "edgear/otel";
import { Pool } from "edgear/pool";
import { expect, test, vi } from "vitest";
import { fresh } from "../conformance/names.ts";
import { startGearmand } from "../support/gearmand.ts";
import { ended, register } from "./tracing.ts";

const exporter = register();
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

test("workers of a pool are traced by its hooks, and their last spans are not lost when they end", async () => {
  await using gearmand = await startGearmand();
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-traces-"));
  const spans = path.join(folder, "spans");
  vi.stubEnv("EDGEAR_TEST_SPANS", spans);
  const [upper, throws] = [fresh("upper"), fresh("throws")];
  const file = here("../pool/metered.ts");
  const functions = { [upper]: { file, name: "upper" }, [throws]: { file, name: "throws", concurrency: 2 } };
  const pool = { workers: 2, hooks: { file: here("hooks.ts"), name: "hooks" } };
  try {
    await using running = new Pool(
      { name: "traced", connection: "default", functions, pool },
      { servers: gearmand.address },
    );
    const errors: Error[] = [];
    running.on("error", ({ error }) => errors.push(error));
    await running.start();
    await using client = traced(new Client(gearmand.address), { envelope: [upper, throws] });
    expect((await client.run(upper, "abc", { timeout: 15_000 })).text()).toBe("ABC");
    await expect(client.run(throws, "abc", { timeout: 15_000 })).rejects.toThrow("as it was told to");
    expect(await running.stop()).toEqual({ aborted: 0 });
    const told = (await readFile(spans, "utf8")).trim().split("\n");
    const jobs = told.map((line) => JSON.parse(line)).filter(({ outcome }) => outcome !== undefined);
    const parents = [await ended(exporter, `run ${upper}`), await ended(exporter, `run ${throws}`)];
    expect(jobs.map(({ name, parent, outcome }) => [name, parent, outcome]).sort()).toEqual(
      [
        [`process ${upper}`, parents[0]?.spanContext().spanId, "complete"],
        [`process ${throws}`, parents[1]?.spanContext().spanId, "exception"],
      ].sort(),
    );
    expect(errors).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  }
});
