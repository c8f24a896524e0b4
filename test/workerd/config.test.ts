import { Admin, Client, ConfigError, Worker } from "edgear";
import { defineConfig, loadConfig } from "edgear/config";
import { expect, test } from "vitest";

test("Workers have no files: a configuration can't be had, and it is said", async () => {
  const words = "Workers have no files, so no edgear.config: pass the servers on, from env";
  for (const made of [Client.for("local"), Admin.for("local"), Worker.for("text"), loadConfig()]) {
    const error: unknown = await (made as Promise<unknown>).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code: "CONFIG", message: words });
  }
  expect(defineConfig({ connections: { a: "b" } })).toEqual({ connections: { a: "b" } });
});
