import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { Line } from "../../support/line.ts";
import { type Answer, ask, deployHub } from "./deployed-hub.ts";

/** What the variables of a hub do, and what they may be. */

let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
});

afterAll(() => gearmand?.stop());

/** An alarm that a hub has set. */
interface Alarms {
  set: { in: number; options: unknown }[];
  at: number | null;
}

test("by default the alarm rings in ten minutes, and nobody waits until that is written down", async () => {
  await using hub = await deployHub({ GEARMAN_SERVERS: gearmand.address });
  expect(await ask(hub, "ping", [], { by: "restarted" })).toBeGreaterThanOrEqual(0);
  expect(await ask(hub, "ping", [], { by: "restarted" })).toBeGreaterThanOrEqual(0);
  const { set, at } = (await (await hub.fetch("/alarms")).json()) as Alarms;
  // Once a connection, not once a call.
  expect(set).toEqual([{ in: expect.any(Number), options: { allowUnconfirmed: true } }]);
  for (const wait of [set[0]?.in, Number(at) - Date.now()]) {
    expect(wait).toBeGreaterThan(590_000);
    expect(wait).toBeLessThanOrEqual(600_000);
  }
}, 60_000);

describe("time limits", () => {
  test("CONNECT_TIMEOUT and GEARMAN_HUB_RUN_TIMEOUT, as text, too", async () => {
    const vars = { GEARMAN_SERVERS: gearmand.address, CONNECT_TIMEOUT: "300", GEARMAN_HUB_RUN_TIMEOUT: "400" };
    await using hub = await deployHub(vars);
    expect(await ask(hub, "ping", [], { by: "silent" })).toMatchObject({
      ...{ name: "TimeoutError", timeout: "connectTimeout", milliseconds: 300, typed: true },
    });
    // Whoever has died gives nothing up: this does.
    expect(await ask(hub, "run", ["nobody", ""])).toMatchObject({
      ...{ name: "TimeoutError", timeout: "timeout", milliseconds: 400 },
    });
    expect(await ask(hub, "run", ["nobody", "", { timeout: 50 }])).toMatchObject({ milliseconds: 50 });
    expect(await ask(hub, "run", ["nobody", "", { timeout: 401 }])).toMatchObject({
      message: "the timeout of a hub's run may be 400 ms at most (GEARMAN_HUB_RUN_TIMEOUT), not 401",
    });
  }, 60_000);

  test("REQUEST_TIMEOUT", async () => {
    await using line = await Line.to(gearmand.port);
    await using hub = await deployHub({ GEARMAN_SERVERS: line.address, REQUEST_TIMEOUT: 500 });
    expect(await ask(hub, "ping")).toBeGreaterThanOrEqual(0);
    line.hold("answers");
    const { timeout, milliseconds } = (await ask(hub, "background", ["nobody", "x"])) as Answer;
    expect({ timeout, milliseconds }).toEqual({ timeout: "requestTimeout", milliseconds: 500 });
  }, 60_000);
});

test("a variable that can't be what it is is the configuration's fault, said in words", async () => {
  await using hub = await deployHub({ GEARMAN_SERVERS: gearmand.address, GEARMAN_HUB_INTERVAL: "soon" });
  expect(await ask(hub, "ping")).toMatchObject({
    ...{ name: "ConfigError", code: "CONFIG", typed: true },
    message: expect.stringMatching(/^the hub is set up wrongly: GEARMAN_HUB_INTERVAL must be .*, not "soon"$/),
  });
}, 60_000);
