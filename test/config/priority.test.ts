import { Client, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import { fresh } from "../conformance/names.ts";
import { startGearmand } from "../support/gearmand.ts";
import { Folder } from "./folder.ts";

afterEach(() => vi.unstubAllEnvs());

const [last, first, second, third] = [fresh("last"), fresh("first"), fresh("second"), fresh("third")];

/** The functions of jobs, and their priorities, in the order that a worker of the configuration gets them. */
async function order(address: string): Promise<string[]> {
  await using folder = await Folder.make({
    "edgear.config.json": {
      connections: { default: address },
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
    "order.js": "export default () => {};",
  });
  vi.stubEnv("EDGEAR_CONFIG", folder.at("edgear.config.json"));
  await using client = await Client.for();
  for (const name of [last, third, second, first]) {
    await client.background(name, "high", { priority: "high" });
    await client.background(name, "low", { priority: "low" });
  }
  const seen: string[] = [];
  await using worker: Worker = await Worker.for("order");
  worker.on("complete", ({ job }) => seen.push(`${job.function} ${job.workload.text()}`));
  await worker.drain();
  return seen;
}

const WITHIN = [first, second, third, last].flatMap((name) => [`${name} high`, `${name} low`]);

describe("the function of the largest priority comes first, with its jobs of low priority", () => {
  test("at gearmand 1.x", async () => {
    await using gearmand = await startGearmand();
    expect(await order(gearmand.address)).toEqual(WITHIN);
  });

  test('at a JobServer with priorities: "within"', async () => {
    await using server = await JobServer.listen({ port: 0, priorities: "within" });
    expect(await order(`127.0.0.1:${server.port}`)).toEqual(WITHIN);
  });
});

test("a JobServer as it is by default goes by the jobs' own priority", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const seen = await order(`127.0.0.1:${server.port}`);
  expect(seen.map((job) => job.split(" ")[1])).toEqual([...Array(4).fill("high"), ...Array(4).fill("low")]);
  expect([...seen].sort()).toEqual([...WITHIN].sort());
});
