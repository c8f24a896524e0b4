import { Client, Worker } from "edgear";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fresh } from "../conformance/names.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { Folder } from "./folder.ts";

let gearmand: Gearmand;

beforeEach(async () => {
  gearmand = await startGearmand();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await gearmand?.stop();
});

test("gearmand gives out the jobs of the most important function first, those of low priority included", async () => {
  const [last, first, second, third] = [fresh("last"), fresh("first"), fresh("second"), fresh("third")];
  await using folder = await Folder.make({
    "edgear.config.json": {
      connections: { default: gearmand.address },
      groups: {
        order: {
          functions: {
            [last]: { handler: "./order.js", priority: -1 },
            [second]: "./order.js",
            [third]: "./order.js",
            [first]: { handler: "./order.js", priority: 10 },
          },
        },
      },
    },
    "order.js": "export default (job) => job.function;",
  });
  vi.stubEnv("EDGEAR_CONFIG", folder.at("edgear.config.json"));
  await using client = await Client.for();
  for (const name of [last, third, second, first]) {
    await client.background(name, "", { priority: "high" });
    await client.background(name, "", { priority: "low" });
  }
  const order: string[] = [];
  await using worker: Worker = await Worker.for("order");
  worker.on("complete", ({ job }) => order.push(job.function));
  await worker.drain();
  expect(order).toEqual([first, first, second, second, third, third, last, last]);
});
