import { Client } from "edgear";
import { JobServer } from "edgear/server";
import { expect, inject, test } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { CliProcess, edgear, main, systemNode } from "../support/cli.ts";
import { startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { Terminal } from "../support/pty.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** Starts `edgear top` on a terminal. */
function top(args: readonly string[], options?: Parameters<typeof Terminal.start>[1], node = process.execPath) {
  return Terminal.start([node, main, "top", "--interval", "100ms", ...args], options);
}

/** Lines of a screen, without colours. */
function lines(screen: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals are steered by
  return screen.replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, "").split(/\r*\n/);
}

test.each([
  ["this Node", process.execPath],
  ["the system's Node", systemNode],
])("top on %s shows functions as they change, on a screen of its own, and q ends it", async (_name, node) => {
  await using server = await startGearmand();
  await using client = new Client(server.address);
  const name = fresh("top");
  await client.background(name);
  await using terminal = await top(["--servers", server.address], { columns: 100, rows: 12 }, node);
  await terminal.until("the function", ({ screen }) => new RegExp(`${name} +1 +0 +0 `).test(lines(screen).join("\n")));
  expect(terminal.output.startsWith(ENTER)).toBe(true);
  for (let job = 0; job < 9; job++) await client.background(name);
  await terminal.until("more of it", ({ screen }) => /10 +0 +0 .*▁*█/.test(lines(screen).join("\n")));
  // It has come to more, and how fast.
  expect(terminal.output).toMatch(/\+\d+(\.\d)?\/s/);
  expect(lines(terminal.screen).slice(0, 2)).toEqual([server.address, "1 function, 10 queued, 0 running"]);
  terminal.press("q");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.output.endsWith(LEAVE)).toBe(true);
});

test("top keeps to the terminal's size, also when it changes", async () => {
  await using server = await startGearmand();
  await using client = new Client(server.address);
  for (let job = 0; job < 20; job++) await client.background(`${fresh("top")}-${job}`);
  await using terminal = await top(["--servers", server.address, "--interval", "60s"], {
    columns: 50,
    rows: 8,
  });
  const fits = (columns: number, rows: number) => {
    const shown = lines(terminal.screen);
    return shown.length === rows && shown.every((line) => line.length <= columns);
  };
  await terminal.until("a full screen", () => fits(50, 8) && lines(terminal.screen).at(-1) === "… and 17 more");
  await terminal.resize(120, 30);
  // There is room for a line beside the numbers now.
  const larger = () => lines(terminal.screen).length === 24 && fits(120, 24) && terminal.screen.includes("█");
  await terminal.until("a larger one", larger);
  await terminal.resize(20, 5);
  await terminal.until("a tiny one", () => fits(20, 5));
  terminal.press("\x03");
  expect(await terminal.ended()).toBe(0);
});

test("top sorts by the column that s chooses", async () => {
  await using server = await startGearmand();
  await using client = new Client(server.address);
  for (const name of ["zebra", "zebra", "ant"]) await client.background(name);
  await using terminal = await top(["--servers", server.address, "--sort", "rate"]);
  const order = () =>
    lines(terminal.screen)
      .slice(4)
      .map((line) => line.split(" ")[0]);
  await terminal.until("both", () => order().length === 2);
  terminal.press("s");
  await terminal.until("the other order", () => order().join() === "ant,zebra");
  terminal.press("s");
  await terminal.until("the first again", () => order().join() === "zebra,ant");
  terminal.press("q");
  expect(await terminal.ended()).toBe(0);
});

test("top says that a server is away, and goes on when it is back", async () => {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  await using terminal = await top(["--servers", `${address},${AWAY}`], { columns: 120 });
  await terminal.until("both", ({ screen }) => screen.includes(address) && screen.includes(`${AWAY}: nothing listens`));
  await using server = await JobServer.listen({ port });
  await using client = new Client(server.address);
  await client.background("back");
  await terminal.until("the function", ({ screen }) => /back +1 /.test(screen));
  expect(lines(terminal.screen)[0]).toBe(address);
  terminal.press("q");
  expect(await terminal.ended()).toBe(0);
});

test("a SIGTERM ends top, and the terminal is as it was", async () => {
  const [{ address } = { address: "" }] = inject("servers");
  const file = ["sh", "-c", 'echo "pid $$."; exec "$0" "$@"', process.execPath, main, "top", "--servers", address];
  await using terminal = await Terminal.start(file);
  await terminal.until("the screen", ({ screen }) => screen.includes("FUNCTION"));
  const pid = Number(/pid (\d+)\./.exec(terminal.output)?.[1]);
  process.kill(pid, "SIGTERM");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.output.endsWith(LEAVE)).toBe(true);
});

test("top without a terminal prints tables, or JSON, and ends after --count", async () => {
  const [{ address } = { address: "" }] = inject("servers");
  const args = ["top", "--servers", address, "--interval", "50ms", "--count", "2"];
  const table = await edgear(args);
  expect(table.code).toBe(0);
  expect(table.stdout.match(/^FUNCTION +QUEUED +RUNNING +WORKERS +RATE$/gm)).toHaveLength(2);
  expect(table.stdout).not.toContain("\x1b");
  const json = (await edgear([...args, "--json"])).stdout.trim().split("\n");
  expect(json).toHaveLength(2);
  const { time, servers, functions } = JSON.parse(json[0] ?? "");
  expect(new Date(time).getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(servers).toEqual([{ server: address, ok: true }]);
  expect(functions).toContainEqual({
    function: "reverse",
    queued: expect.any(Number),
    running: expect.any(Number),
    total: expect.any(Number),
    workers: expect.any(Number),
    rate: expect.any(Number),
  });
});

test("top that no server has answered has failed, and one that somebody ends has not", async () => {
  const away = await edgear(["top", "--servers", AWAY, "--interval", "50ms", "--count", "2"]);
  expect(away.code).toBe(1);
  expect(away.stdout).toContain("nothing listens there");
  const [{ address } = { address: "" }] = inject("servers");
  expect(await edgear(["top", "--servers", `${AWAY},${address}`, "--count", "1"])).toMatchObject({ code: 0 });
});

test("server runs a job server until it is told to end", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using server = new CliProcess(["server", "--port", "0", "--handle-prefix", "H:cli"]);
    await server.says(/listens on 127\.0\.0\.1:\d+/);
    const [address] = /127\.0\.0\.1:\d+/.exec(server.stdout) ?? [];
    const { code, stdout } = await edgear(["submit", "f", "--background", "--servers", address ?? ""]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "H:cli:1\n" });
    server.kill(signal);
    expect(await server.ended()).toMatchObject({ code: 0, stderr: "" });
  }
});

test("server says so when its port is taken, and prints JSON", async () => {
  await using server = new CliProcess(["server", "--port", "0", "--json"]);
  await server.says(/\}\n/);
  const { address, port } = JSON.parse(server.stdout);
  expect(address).toBe(`127.0.0.1:${port}`);
  const second = await edgear(["server", "--port", String(port)]);
  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect(second.stderr).toMatch(/something listens on that port already/);
});
