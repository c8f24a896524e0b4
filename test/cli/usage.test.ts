import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { describe as describeError } from "../../build/src/cli/exit.js";
import { AWAY } from "../conformance/names.ts";
import { edgear, main, systemNode } from "../support/cli.ts";

const [{ address } = { address: "" }] = inject("servers");
const COMMANDS = ["submit", "status", "work", "admin", "top", "server", "scheduler", "ping", "outbox"];
const SCHEDULER = ["run", "add", "list", "cancel"];
const ADMIN = ["status", "workers", "jobs", "cancel", "maxqueue", "create", "drop", "version", "shutdown"];
const OUTBOX = ["install", "uninstall", "run", "status", "retry"];

test("every command has a help with examples, and --help is no failure", async () => {
  const commands = [
    [],
    ...COMMANDS.map((name) => [name]),
    ...ADMIN.map((name) => ["admin", name]),
    ...SCHEDULER.map((name) => ["scheduler", name]),
    ...OUTBOX.map((name) => ["outbox", name]),
  ];
  await Promise.all(
    commands.map(async (command) => {
      const { code, stdout, stderr } = await edgear([...command, "--help"]);
      expect({ code, stderr }, command.join(" ")).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: edgear ${command.join(" ")}`.trimEnd());
      if (!["admin", "outbox"].includes(command[0] ?? "") || command.length > 1)
        expect(stdout).toContain("Examples:\n  edgear ");
    }),
  );
});

test("--version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await edgear(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
});

describe("what is not understood ends with 2, and says what is wrong in one line", () => {
  test.each<[string[], RegExp]>([
    [["frobnicate"], /unknown command 'frobnicate'/],
    [["sbumit"], /unknown command 'sbumit'[\s\S]*Did you mean submit/],
    [["submit"], /missing required argument 'function'/],
    [["submit", "f", "x", "y"], /too many arguments/],
    [["submit", "f", "--prority", "high"], /unknown option '--prority'/],
    [["submit", "f", "--priority", "urgent"], /Allowed choices are high, normal, low/],
    [["submit", "f", "--delay", "soon"], /A time is a number with a unit/],
    [["submit", "f", "--timeout", "0"], /a millisecond at least/],
    [
      ["submit", "f", "--timeout", "25d"],
      /option '-t, --timeout <time>' argument '25d' is invalid\. It must be 24 days at most/,
    ],
    [["status", "H:x:1", "--follow", "--interval", "25d"], /option '-i, --interval <time>' .* 24 days at most/],
    [["work", "f", "--grace", "25d", "--", "rev"], /option '--grace <time>' .* 24 days at most/],
    [["top", "--interval", "999999d"], /24 days at most/],
    [["submit", "f", "--background", "--wait"], /give one of them/],
    [["submit", "f", "--background", "--timeout", "1s"], /add --wait/],
    [["submit", ""], /a function name must not be empty/],
    [["submit", "f", "--unique", "u".repeat(64)], /63 bytes at most/],
    [["submit", "f", "--delay", "1s", "--priority", "high"], /always has the normal priority/],
    [["submit", "f", "--servers", "a b"], /"a b" is no server/],
    [["submit", "f", "--servers", "jobs:99999"], /a port is a whole number/],
    [["status"], /which job\?/],
    [["status", "H:x:1", "H:x:2", "--follow"], /--follow watches one job/],
    [["status", "H:x:1", "--interval", "1s"], /are for --follow/],
    [["status", "H".repeat(64)], /63 bytes at most/],
    [["work", "f"], /there is no module "f"/],
    [["work", "f", "rev"], /put "--" before the command: edgear work f -- rev/],
    [["work", "f", "--", "no-such-command"], /there is no command "no-such-command" on the PATH/],
    [["work", "f", "--", "./no-such-command"], /there is no command ".\/no-such-command"$/m],
    [["work", "f", "--concurrency", "0", "--", "rev"], /must be a whole number from 1/],
    [["work", "f", "--drain", "--idle-timeout", "1s", "--", "rev"], /leave --idle-timeout out/],
    [["admin", "frobnicate"], /unknown command 'frobnicate'/],
    [["admin", "maxqueue", "f"], /which limit\?/],
    [["admin", "maxqueue", "f", "many"], /a limit is a whole number or "none", not "many"/],
    [["admin", "maxqueue", "f", "1", "--high", "2"], /a limit for all priorities, or one for each\?/],
    [["admin", "create", "two words"], /can't be said in the text protocol/],
    [["top", "--sort", "size"], /Allowed choices are/],
    [["server", "--port", "70000"], /port must be a whole number from 0 to 65535/],
    [["server", "--port", "x"], /must be a whole number from 0/],
    [["scheduler", "--store", "mysql://x"], /must be sqlite:FILE, redis:/],
    [["scheduler", "--lease", "soon"], /A time is a number with a unit/],
    [["scheduler", "frobnicate"], /too many arguments|unknown command/],
    [["scheduler", "add", "x"], /missing required argument 'function'/],
    [["scheduler", "add", "x", "f"], /when\? give one of --at, --delay, --every and --cron/],
    [["scheduler", "add", "x", "f", "--delay", "1s", "--every", "1s"], /when\? give one of/],
    [["scheduler", "add", "x", "f", "--delay", "1s", "--time-zone", "UTC"], /--time-zone is for --cron/],
    [["scheduler", "add", "x", "f", "--at", "tomorrow"], /A time is written as/],
    [["scheduler", "add", "x", "f", "--cron", "x", "--store", "sqlite::memory:"], /has five parts/],
    [["scheduler", "add", "n".repeat(47), "f", "--delay", "1s", "--store", "sqlite::memory:"], /46 bytes at most/],
    [["scheduler", "cancel"], /missing required argument 'name'/],
    [["outbox", "status"], /which database\?/],
    [["outbox", "run", "--database", "oracle://me:secret@db/x"], /must be postgres:\/\/….* not "oracle:\/\/…@db\/x"/],
    [["outbox", "install", "--database", "d1:", "--on", "insert"], /are for the triggers of a --table/],
    [["outbox", "install", "--database", "d1:", "--table", "a"], /which columns does "a" have/],
    [["outbox", "install", "--database", "d1:", "--table", "a", "--on", "truncate"], /on must be one of "insert"/],
    [["ping", "--count", "-1"], /must be a whole number from 1/],
  ])("%j", async (args, words) => {
    const { code, stdout, stderr } = await edgear(args, { env: { GEARMAN_SERVERS: AWAY } });
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/^edgear: /);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("nothing at all prints the help", async () => {
    const { code, stdout, stderr } = await edgear([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: edgear");
  });
});

describe("a server that is away ends with 1, and says so", () => {
  test.each([
    [["submit", "f", "x"]],
    [["submit", "f", "x", "--background"]],
    [["status", "H:x:1"]],
    [["ping"]],
    [["admin", "status"]],
    [["admin", "create", "f"]],
    [["admin", "cancel", "H:x:1"]],
  ])("%j", async (args) => {
    const { code, stdout, stderr } = await edgear(args, { env: { GEARMAN_SERVERS: AWAY } });
    expect(stderr).toMatch(/^edgear: could not connect to the job server 127\.0\.0\.1:1: nothing listens there.*\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });
});

test("--servers goes before GEARMAN_SERVERS", async () => {
  const env = { GEARMAN_SERVERS: AWAY };
  expect(await edgear(["ping", "--servers", address], { env })).toMatchObject({ code: 0 });
  expect(await edgear(["ping"], { env })).toMatchObject({ code: 1 });
  expect(await edgear(["ping"], { env: { GEARMAN_SERVERS: address } })).toMatchObject({ code: 0 });
});

test("colours are for terminals, unless FORCE_COLOR says otherwise, and NO_COLOR says more", async () => {
  const args = ["ping", "--servers", AWAY];
  const red = "\x1b[31m";
  expect((await edgear(args)).stderr).not.toContain(red);
  expect((await edgear(args, { env: { FORCE_COLOR: "1" } })).stderr).toContain(red);
  expect((await edgear(args, { env: { FORCE_COLOR: "1" }, node: systemNode })).stderr).toContain(red);
  expect((await edgear(args, { env: { FORCE_COLOR: "0" } })).stderr).not.toContain(red);
  expect((await edgear(args, { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stderr).not.toContain(red);
});

test("what it is run by begins with a line for shells", () => {
  expect(readFileSync(main, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  const { bin } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(fileURLToPath(new URL(`../../${bin.edgear}`, import.meta.url))).toBe(main);
});

test("a bug of Edgear's own is no wrong usage, and shows where it is", () => {
  const bug = (run: () => void) => {
    try {
      run();
    } catch (error) {
      return describeError(error);
    }
    throw new Error("it did not throw");
  };
  const nothing = undefined as unknown as { length: number } & Iterable<number> & (() => void) & (new () => object);
  for (const run of [
    () => nothing.length,
    () => nothing(),
    () => new nothing(),
    () => [...nothing],
    () => JSON.stringify(1n),
  ]) {
    const { code, message } = bug(run);
    expect({ code, message }).toEqual({ code: 1, message: expect.stringMatching(/\n\s+at /) });
  }
  expect(describeError(new TypeError("a function name must not be empty"))).toMatchObject({ code: 2 });
});
