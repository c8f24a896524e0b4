import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";

let folder = "";

const place = (name: string) => path.join(folder, name);
const script = (name: string) => path.join(root, "scripts", name);
const run = (name: string, ...args: string[]) =>
  command(process.execPath, [script(name), ...args], {
    cwd: folder,
    timeout: 60_000,
    env: { EDGEAR_UNDER_WAY: place("under-way.json") },
  });

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "edgear-ci-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("what CI runs", () => {
  test("is ended with all that it has started when its time is over, and what ran is said", async () => {
    // It is deaf to a request, and has started another one.
    const parent = `require("node:child_process").spawn(process.execPath, ["-e", process.argv[1]]); eval(process.argv[1])`;
    const deaf = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); // deaf`;
    const { code, stderr } = await run("limited.mjs", "1", process.execPath, "-e", parent, deaf);
    assert.equal(code, 124, stderr);
    assert.match(stderr, /was not over in 1 seconds\. What ran:/);
    const pids = [...stderr.matchAll(/^ {2}(\d+) for /gm)].map(([, pid]) => Number(pid));
    assert.equal(pids.length, 2, stderr);
    // An orphan may wait a while for whoever takes note of its end.
    for (const pid of pids) {
      const { stdout } = await command("ps", ["-o", "stat=", "-p", String(pid)], { timeout: 10_000 });
      assert.match(stdout.trim(), /^(Z.*)?$/, `${pid} runs`);
    }
  });

  test("is ended with what has lost its parents, too", async () => {
    const orphan = `setInterval(() => {}, 1000)`;
    const leaving = `const { pid } = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(orphan)}],
      { stdio: "ignore" }); console.log(pid); process.exit()`;
    const staying = `require("node:child_process").spawn(process.execPath, ["-e", process.argv[1]], { stdio: "inherit" }); ${orphan}`;
    const { code, stdout: pid } = await run("limited.mjs", "3", process.execPath, "-e", staying, leaving);
    assert.equal(code, 124);
    assert.match(pid, /^\d+\n$/);
    const { stdout } = await command("ps", ["-o", "stat=", "-p", pid.trim()], { timeout: 10_000 });
    assert.match(stdout.trim(), /^(Z.*)?$/, `${pid} runs`);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("is told of %s", async (name) => {
    const deaf = `process.on("${name}", () => process.exit(7)); setInterval(() => {}, 1000); console.log("ready");`;
    const limited = spawn(process.execPath, [script("limited.mjs"), "30", process.execPath, "-e", deaf]);
    const ended = once(limited, "exit");
    await once(limited.stdout, "data");
    limited.kill(name);
    assert.deepEqual(await ended, [7, null]);
  });

  test("ends as it ends when it has time", async () => {
    assert.equal((await run("limited.mjs", "30", process.execPath, "-e", "process.exit(3)")).code, 3);
    assert.equal((await run("limited.mjs", "30", process.execPath, "-e", "")).code, 0);
  });

  test("has a last line that counts what a run that hung had come to, and names what hung", async () => {
    symlinkSync(path.join(root, "node_modules"), place("node_modules"));
    writeFileSync(
      place("a.test.mjs"),
      `import { test } from "vitest";
       test("is over", () => {});
       test("is wrong", () => { throw new Error("wrong"); });
       test("hangs", { timeout: 600_000 }, () => new Promise(() => {}));`,
    );
    const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
    const reporter = `--reporter=${script("under-way.mjs")}`;
    const { code } = await run("limited.mjs", "6", process.execPath, vitest, "run", "--root=.", reporter);
    assert.equal(code, 124);
    const said = await run("tally.mjs", place("nothing.json"), "124", "0", place("under-way.json"));
    const lines = said.stdout.trim().split("\n");
    assert.match(lines.slice(0, -1).join("\n"), /^did not end: .*a\.test\.mjs > hangs$/m);
    assert.equal(lines.at(-1), "1 passed, 2 failed");
    assert.equal(said.code, 1);
  });
});

describe("the tally", () => {
  const assertion = (status: string, meta = {}, fullName = `a test that ${status}`) => ({ status, fullName, meta });
  const report = (numPassedTests: number, numFailedTests: number, files: object[], name = "report.json") =>
    writeFileSync(place(name), JSON.stringify({ numPassedTests, numFailedTests, testResults: files }));
  const tally = async (...args: string[]) => {
    const { code, stdout } = await run("tally.mjs", place("report.json"), ...args);
    return { code, lines: stdout.trim().split("\n") };
  };

  test("counts, and names what was skipped with its reason", async () => {
    const skipped = assertion("skipped", { why: "nothing was audited" });
    report(1, 0, [{ status: "passed", assertionResults: [assertion("passed"), skipped] }]);
    const said = ["skipped: a test that skipped: nothing was audited", "1 passed, 0 failed"];
    assert.deepEqual(await tally("0", "0"), { code: 0, lines: said });
  });

  test.each([
    [
      "what failed",
      [1, 1, [{ status: "failed", assertionResults: [assertion("failed")] }]],
      "1",
      "0",
      "1 passed, 1 failed",
    ],
    [
      "a file that was not loaded",
      [1, 0, [{ status: "failed", assertionResults: [] }]],
      "1",
      "0",
      "1 passed, 1 failed",
    ],
    ["a run that broke off", [1, 0, []], "1", "0", "1 passed, 1 failed"],
    ["what failed before", [1, 0, []], "0", "2", "1 passed, 2 failed"],
    ["that nothing passed", [0, 0, []], "0", "0", "0 passed, 0 failed"],
  ] as const)("fails for %s", async (_what, [passed, failed, files], exitCode, before, last) => {
    report(passed, failed, [...files]);
    const { code, lines } = await tally(exitCode, before);
    assert.deepEqual([code, lines.at(-1)], [1, last]);
  });

  describe("of files that failed and ran again by themselves", () => {
    const name = "/a.test.ts";
    const upset = assertion("failed", {}, "an upset test");
    const file = (...assertionResults: object[]) => ({ name, status: "failed", assertionResults });
    const again = (...files: object[]) => report(0, 0, files, "again.json");
    const passed = { ...file({ ...upset, status: "passed" }, assertion("passed")), status: "passed" };
    const both = (exitCode = "1") => tally(exitCode, "0", place("under-way.json"), place("again.json"));

    test("counts and names what passed there", async () => {
      report(1, 1, [file(upset, assertion("passed"))]);
      again(passed);
      const said = ["passed only when its file ran again by itself: /a.test.ts: an upset test", "2 passed, 0 failed"];
      assert.deepEqual(await both(), { code: 0, lines: said });
    });

    test.each<[string, object[]]>([
      ["what failed again", [file(upset)]],
      ["what passed in one project and failed in another", [passed, file(upset)]],
      ["what didn't run again", [file(assertion("passed"))]],
      ["what passed in another file", [{ ...passed, name: "/b.test.ts" }]],
      ["a second run without a report", []],
    ])("fails for %s", async (_what, files) => {
      report(1, 1, [file(upset, assertion("passed"))]);
      again(...files);
      assert.deepEqual(await both(), { code: 1, lines: ["1 passed, 1 failed"] });
    });

    test("fails for an error that no test caught, whatever passed", async () => {
      writeFileSync(place("under-way.json"), JSON.stringify({ passed: 1, failed: 1, errors: 1, running: [] }));
      report(1, 1, [file(upset, assertion("passed"))]);
      again(passed);
      assert.equal((await both()).lines.at(-1), "2 passed, 1 failed");
    });

    test("are named when one to three tests failed, and all were loaded", async () => {
      const named = async () => (await run("failed-files.mjs", place("report.json"))).stdout;
      assert.equal(await named(), "", "there is no report");
      const one = { ...file(upset, assertion("passed")), name: path.join(folder, "a.test.ts") };
      const other = { ...passed, name: path.join(folder, "b.test.ts") };
      report(2, 1, [one, other]);
      assert.equal(await named(), "a.test.ts\n");
      report(2, 3, [one, one, one, other]);
      assert.equal(await named(), "a.test.ts\n");
      report(2, 4, [one, one, one, one, other]);
      assert.equal(await named(), "");
      report(2, 1, [one, { ...one, assertionResults: [] }]);
      assert.equal(await named(), "");
    });
  });

  test("hears of errors that no test caught", async () => {
    symlinkSync(path.join(root, "node_modules"), place("node_modules"));
    writeFileSync(
      place("a.test.mjs"),
      `import { test } from "vitest"; test("is fine", async () => {
         Promise.reject(new Error("nobody's")); await new Promise((resolve) => setTimeout(resolve, 50)); });`,
    );
    const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
    const reporters = [`--reporter=${script("under-way.mjs")}`, "--reporter=json", "--outputFile=report.json"];
    const { code } = await run("limited.mjs", "30", process.execPath, vitest, "run", "--root=.", ...reporters);
    assert.equal(code, 1);
    const said = await tally("1", "0", place("under-way.json"));
    assert.deepEqual(said, { code: 1, lines: ["1 passed, 1 failed"] });
    assert.equal(JSON.parse(readFileSync(place("under-way.json"), "utf8")).errors, 1);
  });

  test("fails for a report that is not there", async () => {
    assert.deepEqual(await tally("1", "0"), { code: 1, lines: ["0 passed, 1 failed"] });
  });
});

test("`.ci/run` puts a limit to each step that may hang, and tells the tally what was under way", () => {
  const lines = readFileSync(path.join(root, ".ci/run"), "utf8").split("\n");
  const steps = lines.filter((line) => /\bnpm\b/.test(line) && !line.startsWith("#"));
  assert.equal(steps.length, 4);
  for (const step of steps) assert.match(step, /^ *limited npm /);
  assert.match(lines.join("\n"), /vitest run .*again\.json" \|\|\n *rm -f "\$folder\/again\.json"/);
  assert.match(lines.at(-2) ?? "", /^node scripts\/tally\.mjs .* "\$EDGEAR_UNDER_WAY" /);
});
