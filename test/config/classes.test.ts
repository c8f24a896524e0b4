import { Admin, Client, ConfigError, JobFailed, Worker } from "edgear";
import { afterEach, expect, inject, test, vi } from "vitest";
import { rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { Folder } from "./folder.ts";

afterEach(() => vi.unstubAllEnvs());

const address = inject("servers")[0]?.address ?? "";

async function configured(config: object): Promise<Folder> {
  const folder = await Folder.make({
    "edgear.config.json": config,
    "text.js": `
      import { JobFailed } from "edgear";
      export const reverse = (job) => [...job.workload.text()].reverse().join("");
      export default () => { throw new JobFailed(); };`,
  });
  vi.stubEnv("EDGEAR_CONFIG", folder.at("edgear.config.json"));
  return folder;
}

test("a client, a worker and an admin of names work together", async () => {
  const [reverse, fail] = [fresh("reverse"), fresh("fail")];
  await using _ = await configured({
    connections: { here: address },
    groups: {
      text: {
        connection: "here",
        concurrency: 2,
        functions: { [reverse]: "./text.js#reverse", [fail]: { handler: "./text.js", timeout: "5s" } },
      },
    },
  });
  await using client = await Client.for("here", { balance: "round-robin" });
  await using worker = await Worker.for("text", { id: "named" });
  void worker.run();
  expect((await client.run(reverse, "abc")).text()).toBe("cba");
  // The handler's JobFailed is the worker's, though it comes from a module that was loaded by its name.
  await expect(client.run(fail)).rejects.toMatchObject({ code: "JOB_FAILED" });
  expect(JobFailed.name).toBe("JobFailed");
  await using admin = await Admin.for("here");
  expect(await admin.workers()).toContainEqual(expect.objectContaining({ id: "named" }));
});

test("what can't be one is said", async () => {
  await using _ = await configured({
    connections: { two: ["jobs1", "jobs2"] },
    groups: {
      text: { functions: { a: "./text.js#reverse", b: { handler: "./text.js", concurrency: 2 } } },
      gone: { functions: { a: "./gone.js" } },
    },
  });
  const messages = await Promise.all(
    [Client.for("tow"), Admin.for("two"), Worker.for("txt"), Worker.for("text"), Worker.for("gone")].map(
      async (made: Promise<unknown>) => (await rejection(made, ConfigError)).message,
    ),
  );
  expect(messages).toEqual([
    expect.stringMatching(
      /edgear\.config\.json: there is no connection "tow" \(did you mean "two"\?\); there are: default, two$/,
    ),
    'the connection "two" has several servers: make an Admin for one of jobs1:4730, jobs2:4730',
    expect.stringMatching(
      /edgear\.config\.json: there is no group "txt" \(did you mean "text"\?\); there are: text, gone$/,
    ),
    'the group "text" takes several workers, as "b" has a concurrency of its own: run it by edgear pool, or leave that out',
    expect.stringMatching(/^there is no file .*gone\.js, which is to have the export "default"$/),
  ]);
  await expect(Client.for("two", { balance: "best" as never })).rejects.toThrow(TypeError);
});
