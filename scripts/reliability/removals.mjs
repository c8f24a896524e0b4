/**
 * Takes what guards against hostile servers out of a copy of the sources, one after the other, and sees which tests fail:
 *
 *     npm run reliability -- removals --out runs.jsonl
 *
 * Ends with 1 when no test fails without something, or when the code to be removed isn't there any more: then the list below
 * is to be mended.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writer } from "./lines.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Milliseconds that the tests of one removal may take. */
const LIMIT = 180_000;

/** @type {{ handling: string; file: string; from: string; to: string; test: string }[]} */
export const REMOVALS = [
  {
    handling: "a packet's announced size has a limit",
    file: "assembly/decoder.ts",
    from: "if (size > connection.maxPacketSize) return fail(connection, TOO_LARGE, size);",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "arguments end within the window",
    file: "assembly/decoder.ts",
    from: "if (large && !withData) return fail(connection, ARGUMENTS_TOO_LONG, type);",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "arguments that are still to come have room in the window, or are too long",
    file: "assembly/decoder.ts",
    from: "return at + WINDOW_SIZE > end ? 0 : fail(connection, ARGUMENTS_TOO_LONG, type);",
    to: "return 0;",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a handle has 1 to 63 bytes",
    file: "assembly/decoder.ts",
    from: "if (size == 0 || size > <usize>MAX_HANDLE_SIZE || find(0, body, end)) return BAD_HANDLE;",
    to: "",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "there are 42 types of packets",
    file: "assembly/decoder.ts",
    from: "if (type - 1 >= <u32>LAST_PACKET_TYPE) return fail(connection, BAD_TYPE, type);",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "what comes is a response, by its magic",
    file: "assembly/decoder.ts",
    from: "return fail(connection, BAD_MAGIC, seen(at, end));\n  }",
    to: "}",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "an answer is of the kind that the first request waits for",
    file: "src/connection/requests.ts",
    from: "if (expected !== kind) {",
    to: "if (expected === undefined && kind !== expected) {",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "an answer that no request waits for ends the connection",
    file: "src/connection/connection.ts",
    from: "this.#requests.answered(PacketType.NO_JOB, type).answer(frame);",
    to: "if (this.#requests.unanswered > 0) this.#requests.answered(PacketType.NO_JOB, type).answer(frame);",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "an error that answers no request ends the connection",
    file: "src/connection/connection.ts",
    from: "if (!waiter)\n          throw new ProtocolError(",
    to: "if (!waiter) return;\n        if (!waiter)\n          throw new ProtocolError(",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a packet without meaning ends the connection",
    file: "src/connection/connection.ts",
    from: "if (!this.#owner.packet(frame, this))\n          throw",
    to: "if (!this.#owner.packet(frame, this) && type === PacketType.TEXT)\n          throw",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a status is of the job that was asked for",
    file: "src/client/call.ts",
    from: "if (frame.argumentCount > 0 && !frame.is(0, asked)) {",
    to: "if (frame.argumentCount > 99) {",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a request has its time, whatever else comes",
    file: "src/connection/requests.ts",
    from: "const next = this.#expire(now);",
    to: "const next = now > 0 ? undefined : this.#expire(now);",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a packet that gets on by a few bytes is silence",
    file: "src/connection/requests.ts",
    from: "Math.max(lastFrame, moved,",
    to: "Math.max(lastFrame, this.#channel.lastReceived, moved,",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "the heartbeat takes no packet that drips in for a sign of life",
    file: "src/connection/connection.ts",
    from: "Math.max(this.#channel.lastFrame, this.#requests.moved(now)",
    to: "Math.max(this.#channel.lastReceived, this.#requests.moved(now)",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a large packet that drips in doesn't move",
    file: "src/connection/requests.ts",
    from: "if (fresh >= LEAST * Math.max(1, (now - this.#since) / MOVING)) {",
    to: "if (fresh > 0 * LEAST * Math.max(1, (now - this.#since) / MOVING)) {",
    test: "test/faults/handling.test.ts",
  },
  {
    handling: "throttle: a large body that moves delays the limits behind it",
    file: "src/connection/requests.ts",
    from: "if (fresh >= LEAST * Math.max(1, (now - this.#since) / MOVING)) {",
    to: "if (fresh >= 1e12 * LEAST * Math.max(1, (now - this.#since) / MOVING)) {",
    test: "test/faults/handling.test.ts",
  },
  {
    handling: "blackhole: a quiet line is asked for an echo",
    file: "src/connection/connection.ts",
    from: "if (quiet >= heartbeat && ",
    to: "if (quiet >= heartbeat * 1e9 && ",
    test: "test/faults/handling.test.ts",
  },
  {
    handling: "a reader who is behind has the connection read no further",
    file: "src/client/stall.ts",
    from: "this.#connection.pause();",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a worker asks for no more jobs than it has room for",
    file: "src/worker/session.ts",
    from: "this.#hungry = true;\n        this.#rests.woken();",
    to: "this.#hungry = true;\n        this.grab();\n        this.#rests.woken();",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "a job of a function that isn't the worker's is given back",
    file: "src/worker/session.ts",
    from: "this.#abilities.takeBack(this.#connection, job.function);",
    to: "",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "that a job is not there answers no grab",
    file: "src/connection/connection.ts",
    from: "if (code === JOB_NOT_FOUND && this.#owner.packet(frame, this)) return;",
    to: "if (code === JOB_NOT_FOUND && frame.argumentCount > 99) return;",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "an administrator's answer has a limit",
    file: "src/admin/link.ts",
    from: "if (first.size > this.#options.maxAnswerSize) this.destroy",
    to: "if (first.size > this.#options.maxAnswerSize * 1e9) this.destroy",
    test: "test/hostile/admin.test.ts",
  },
  {
    handling: "a line that answers no command ends the administrator's connection",
    file: "src/admin/link.ts",
    from: "else if (command) this.#take(command, line);\n      else this.destroy(",
    to: "else if (command) this.#take(command, line);\n      else if (line === this.server) this.destroy(",
    test: "test/hostile/admin.test.ts",
  },
  {
    handling: "an administrator's command has its time",
    file: "src/admin/link.ts",
    from: "if (!first.dropped) first.reject(error);",
    to: "",
    test: "test/hostile/admin.test.ts",
  },
  {
    handling: "a command that was not answered in time costs the administrator's connection",
    file: "src/admin/link.ts",
    from: "first.dropped = true;\n    this.destroy(error);",
    to: "",
    test: "test/hostile/admin.test.ts",
  },
];

/** A copy of all that git knows, as it is here, with the packages of here. */
function copy() {
  const folder = mkdtempSync(path.join(tmpdir(), "edgear-removals-"));
  const names = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const name of names) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    cpSync(path.join(ROOT, name), path.join(folder, name));
  }
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/**
 * Builds, and runs tests.
 * @param {string} folder
 * @param {string[]} tests
 * @returns {{ passed: number; failed: string[]; error?: string }}
 */
function run(folder, tests) {
  const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: folder, encoding: "utf8" });
  if (built.status !== 0) return { passed: 0, failed: [], error: `${built.stdout}${built.stderr}`.trim() };
  const vitest = path.join(folder, "node_modules/vitest/vitest.mjs");
  const file = path.join(folder, "removal.json");
  rmSync(file, { force: true });
  const args = [
    vitest,
    "run",
    ...tests,
    "--project=node",
    "--project=faults",
    "--reporter=json",
    `--outputFile=${file}`,
  ];
  spawnSync(process.execPath, args, { cwd: folder, stdio: "ignore", timeout: LIMIT });
  try {
    const { testResults } = JSON.parse(readFileSync(file, "utf8"));
    const all = testResults.flatMap((/** @type {any} */ result) => result.assertionResults);
    const failed = all.filter((/** @type {any} */ test) => test.status === "failed");
    return { passed: all.length - failed.length, failed: failed.map((/** @type {any} */ test) => test.title) };
  } catch {
    return { passed: 0, failed: ["(the run did not come to its end)"] };
  }
}

/** @param {string[]} args */
export default async function removals(args) {
  const { values } = parseArgs({ args, options: { out: { type: "string" }, only: { type: "string" } } });
  const write = writer(values.out);
  const folder = copy();
  const chosen = REMOVALS.filter(({ handling }) => handling.includes(values.only ?? ""));
  const tests = [...new Set(chosen.map(({ test }) => test))];
  const lines = [];
  let wrong = 0;
  try {
    const whole = run(folder, tests);
    if (whole.error || whole.failed.length > 0 || whole.passed === 0)
      throw new Error(`with nothing removed: ${whole.error ?? whole.failed.join("; ")}`);
    for (const { handling, file, from, to, test } of chosen) {
      const place = path.join(folder, file);
      const text = readFileSync(place, "utf8");
      const missing = text.split(from).length !== 2;
      let found = { passed: 0, failed: /** @type {string[]} */ ([]) };
      if (!missing) {
        writeFileSync(
          place,
          text.replace(from, () => to),
        );
        const { error, ...rest } = run(folder, [test]);
        if (error) console.error(`without "${handling}" it can't be built: ${error}`);
        found = rest;
        writeFileSync(place, text);
      }
      if (found.failed.length === 0) wrong++;
      lines.push({ suite: "removals", summary: true, handling, file, test, ...found, ...(missing && { missing }) });
      console.log(
        `${handling}: ${missing ? "the code is another by now" : found.failed.join("; ") || "no test failed"}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.out) rmSync(values.out, { force: true });
  for (const line of lines) write(line);
  if (wrong > 0) process.exitCode = 1;
}
