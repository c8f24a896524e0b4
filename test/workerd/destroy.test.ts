import { Admin, Client } from "edgear";
import { describe, expect, inject, test } from "vitest";

describe.each(inject("servers"))("at $name", ({ address }) => {
  test("a client that is destroyed while a job is waited for leaves no connection behind", async () => {
    await using admin = new Admin(address);
    const connections = async () => (await admin.workers()).length;
    const before = await connections();
    const client = new Client(address);
    const task = client.submit("nobody", "x");
    await task.handle;
    expect(await connections()).toBe(before + 1);
    client.destroy();
    // Its request isn't over, which would end it anyway.
    await expect.poll(connections, { timeout: 2_000 }).toBe(before);
    await expect(task.result).rejects.toThrow(/destroyed/);
  });
});
