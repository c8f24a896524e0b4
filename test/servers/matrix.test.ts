import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { JobServer } from "edgear/server";
import { describe, test } from "vitest";
import { leaveNothing } from "../support/faults/leaks.ts";
import { startGearmand } from "../support/gearmand.ts";
import { startPerlGearmand } from "../support/perl-gearmand.ts";
import { ask, ready, THINGS } from "./matrix.ts";

leaveNothing();

/*
 * The same asked of every server there is, and of gearmand with every option that changes how it works. What one can't
 * do is an error that says so, and neither a hang nor a surprise.
 */

type Answers = Record<string, string | RegExp>;

/** What all answer. */
const USUAL: Answers = {
  ping: "true",
  "a background job": "true",
  "a background job of high priority": "queued",
  "a background job of low priority": "queued",
  "a delayed job": "queued",
  "jobs in bulk": "100",
  "one job for two equal uniques": "true",
  "a result": "hello",
  "a result at high priority": "hello",
  "a result at low priority": "hello",
  "a result of 1 MiB": String(1024 * 1024),
  "status, data and warnings": "status, data part, warning careful, done",
  "an exception": "JOB_EXCEPTION: out of paper",
  "a failure": /^JOB_FAILED: the job \S+ failed/,
  "a job whose worker dies twice": "done after 3 attempts",
  "a job's state by its handle": "queued",
  "a job's state by its unique": "queued",
  "a job's end": "ended",
  "admin: version": "true",
  "admin: status": "true",
  "admin: priorityStatus": "true",
  "admin: workers": "true",
  "admin: jobs": "true",
  "admin: uniqueJobs": "true",
  "admin: pid": "true",
  "admin: verbosity": "true",
  "admin: cancel": "cancelled",
  "admin: createFunction, dropFunction": "dropped",
  "admin: maxQueue": "QUEUE_ERROR",
  "admin: maxQueue by priority": "limited",
  "admin: shutdown, where it is only a command": /^SERVER: .*UNKNOWN_COMMAND.* can't be shut down by a command/,
};

/** An ERROR packet of Perl's gearmand: it looks for a method, and says that there is none. */
const NO_METHOD = /^SERVER: the job server answered with an error: server_error \(Can't locate object method "CMD_/;
const UNKNOWN = /^SERVER: the job server answered with an error: unknown_command \(this server /;

interface Server extends AsyncDisposable {
  readonly address: string;
}

const SERVERS: Record<string, { start(): Promise<Server>; but?: Answers }> = {
  "gearmand -t 1": { start: () => startGearmand({ args: ["-t", "1"] }) },
  "gearmand -t 4": { start: () => startGearmand({ args: ["-t", "4"] }) },
  "gearmand -j 2": {
    start: () => startGearmand({ args: ["-j", "2"] }),
    but: { "a job whose worker dies twice": "failed after 2 attempts" },
  },
  "gearmand --exceptions": { start: () => startGearmand({ args: ["--exceptions"] }) },
  "gearmand -R": { start: () => startGearmand({ args: ["-R"] }) },
  "gearmand -q libsqlite3": { start: startPersistent },
  "Perl's gearmand": {
    start: startPerlGearmand,
    but: {
      "a background job of high priority": NO_METHOD,
      "a background job of low priority": NO_METHOD,
      "a result at low priority": NO_METHOD,
      "a delayed job": NO_METHOD,
      "a job's state by its unique": NO_METHOD,
      // The worker's `error` event says what was dropped: test/interop/features.test.ts.
      "status, data and warnings": "status, done",
      "a job whose worker dies twice": "failed after 1 attempts",
      "admin: priorityStatus": UNKNOWN,
      "admin: jobs": UNKNOWN,
      "admin: uniqueJobs": UNKNOWN,
      "admin: pid": UNKNOWN,
      "admin: verbosity": UNKNOWN,
      "admin: cancel": UNKNOWN,
      "admin: createFunction, dropFunction": UNKNOWN,
      // It takes the job, and drops it (docs/admin.md).
      "admin: maxQueue": "taken",
      "admin: maxQueue by priority": UNKNOWN,
      "admin: shutdown, where it is only a command": "undefined",
    },
  },
  JobServer: { start: () => JobServer.listen({ port: 0 }) },
  "JobServer, as gearmand -j 2 --exceptions": {
    start: () => JobServer.listen({ port: 0, jobRetries: 2, exceptions: true, priorities: "within" }),
    but: { "a job whose worker dies twice": "failed after 2 attempts" },
  },
};

/** With a queue that is a file. */
async function startPersistent(): Promise<Server> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-servers-"));
  const file = path.join(folder, "queue.db");
  const server = await startGearmand({ args: ["-q", "libsqlite3", `--libsqlite3-db=${file}`] });
  return {
    address: server.address,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe.each(Object.entries(SERVERS))("%s", (_name, { start, but = {} }) => {
  test("answers all that is asked, or says that it can't", { timeout: 120_000 }, async () => {
    await using server = await start();
    await using asked = await ready(server.address);
    const wrong: string[] = [];
    for (const thing of Object.keys(THINGS)) {
      const expected = but[thing] ?? USUAL[thing] ?? "a place in the table";
      const answer = await ask(thing, asked);
      const right = typeof expected === "string" ? answer === expected : expected.test(answer);
      if (!right) wrong.push(`${thing}: ${answer}, and not ${expected}`);
    }
    assert.deepEqual(wrong, []);
  });
});
