import { describe, expect, test } from "vitest";
import { frame, sparkline } from "../../build/src/cli/frame.js";
import { History, type ServerState } from "../../build/src/cli/history.js";

/** What a server says: functions by how many jobs they have. */
function says(server: string, totals: Record<string, number>): ServerState {
  const functions = Object.entries(totals).map(([name, total]) => ({
    function: name,
    queued: total,
    running: 0,
    total,
    workers: 1,
  }));
  return { server, functions };
}

const away: ServerState = { server: "b", functions: undefined, error: "b is away" };

function rates(history: History): Record<string, number> {
  return Object.fromEntries(history.rows("function").map((row) => [row.function, row.rate]));
}

describe("History", () => {
  test("adds up servers, and knows how fast jobs become more and fewer", () => {
    const history = new History();
    history.add([says("a", { x: 2, y: 10 }), says("b", { x: 3 })], 1_000);
    expect(history.rows("total").map((row) => [row.function, row.total, row.workers])).toEqual([
      ["y", 10, 1],
      ["x", 5, 2],
    ]);
    expect(rates(history)).toEqual({ x: 0, y: 0 });
    history.add([says("a", { x: 2, y: 4 }), says("b", { x: 8, z: 6 })], 3_000);
    expect(rates(history)).toEqual({ x: 2.5, y: -3, z: 3 });
    expect(history.totals("x")).toEqual([5, 10]);
  });

  test("takes a server that goes away for one that is not known, and not for one that has lost its jobs", () => {
    const history = new History();
    history.add([says("a", { x: 5 }), says("b", { x: 5, y: 5 })], 0);
    history.add([says("a", { x: 5 }), away], 1_000);
    expect(rates(history)).toEqual({ x: 0 });
    history.add([says("a", { x: 5 }), says("b", { x: 5, y: 5 })], 2_000);
    expect(rates(history)).toEqual({ x: 0, y: 0 });
    history.add([says("a", { x: 5 }), says("b", { x: 5 })], 3_000);
    history.add([says("a", { x: 5 }), says("b", { x: 5, y: 1 })], 4_000);
    expect(rates(history)).toEqual({ x: 0, y: 0.5 });
    expect(history.totals("y")).toEqual([1]);
  });

  test("knows the rate over several looks, and forgets the old ones", () => {
    const history = new History();
    const seen = [0, 10, 10, 10, 10, 10, 10, 4].map((total, look) => {
      history.add([says("a", { x: total })], look * 1_000);
      return rates(history).x;
    });
    expect(seen).toEqual([0, 10, 5, 10 / 3, 2.5, 2, 0, -1.2]);
  });

  test("keeps no more than it can show", () => {
    const history = new History();
    for (let look = 0; look < 1_000; look++) history.add([says("a", { x: look })], look * 1_000);
    expect(history.totals("x").length).toBe(120);
    expect(history.totals("x").at(-1)).toBe(999);
  });
});

test("sparklines end on the right, and only nothing is empty", () => {
  expect(sparkline([], 4)).toBe("    ");
  expect(sparkline([0, 1, 8, 4], 6)).toBe("   ▁█▄");
  expect(sparkline([1, 1_000_000], 2)).toBe("▁█");
  expect(sparkline([1, 2, 3, 4, 5], 2)).toBe("▇█");
});

test("a frame says which server is away, and cuts what is too long", () => {
  const history = new History();
  const states = [says("a", { ["x".repeat(100)]: 1, "\x1b[2J": 2 }), away];
  history.add(states, 0);
  const lines = frame({ history, states, order: "total", width: 60, height: 20 });
  expect(lines.slice(0, 3)).toEqual(["a", "b is away", "2 functions, 3 queued, 0 running"]);
  expect(lines[5]).toMatch(/^\\x1b\[2J +2 +0 +1 +0\/s/);
  expect(lines[6]).toMatch(/^x+… +1 +0 +1 +0\/s/);
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(60);
});

test("many servers leave room for functions, and those that are away come first", () => {
  const history = new History();
  const there = Array.from({ length: 30 }, (_, index) => says(`jobs${index}`, { f: 1 }));
  const states = [...there, away];
  history.add(states, 0);
  const lines = frame({ history, states, order: "total", width: 60, height: 12 });
  expect(lines).toHaveLength(8);
  expect(lines.slice(0, 4)).toEqual(["b is away", "jobs0", "jobs1", "… and 28 more servers"]);
  expect(lines.at(-1)).toMatch(/^f +30 +0 /);
  expect(frame({ history, states, order: "total", width: 60, height: 5 })[0]).toBe("31 servers, 1 of them away");
});

test("wide characters and long numbers leave columns where they are", () => {
  const history = new History();
  const states = [says("a", { 画像の縮小: 123_456_789, resize: 1 })];
  history.add(states, 0);
  const [wide, narrow] = frame({ history, states, order: "total", width: 80, height: 20 }).slice(4);
  expect(wide).toMatch(/^画像の縮小 +123456…? +0 +1/);
  // Five characters take ten cells.
  expect((wide ?? "").indexOf("0 ") + 5).toBe((narrow ?? "").indexOf("0 "));
});
