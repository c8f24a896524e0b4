import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { root, runtimes } from "../runtimes/installed.ts";
import { type Certificates, type Identity, makeCertificates } from "../support/certificates.ts";
import { command } from "../support/command.ts";
import { type Delivery, SECRET, startHooks, verified } from "./hooks.ts";

const SCRIPT = fileURLToPath(new URL("runtime.mjs", import.meta.url));

let certificates: Certificates;

beforeAll(async () => {
  certificates = await makeCertificates();
});

// What keeps callbacks from where they must not go is the runtime's own TLS and names: each has to be asked.
describe.each(runtimes)("on $name", ({ program, args }) => {
  async function call(identity: Identity, address: string) {
    await using hooks = await startHooks(identity);
    const env = { HOST: hooks.host, SECRET, CA: certificates.ca, ADDRESS: address };
    const all = [
      ...args.filter((each) => !each.startsWith("--allow-net")),
      ...(args.length > 2 ? ["--allow-net"] : []),
    ];
    const { code, stdout, stderr } = await command(program, [...all, SCRIPT], { env, cwd: root, timeout: 60_000 });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return { lines: stdout.trim().split("\n"), deliveries: hooks.deliveries as readonly Delivery[] };
  }

  test("callbacks are delivered, and to no private address, no stranger and nobody under another name", async () => {
    const { server, foreign, otherName } = certificates;
    const [good, hidden, strange, other] = await Promise.all([
      call(server, "127.0.0.1"),
      call(server, ""),
      call(foreign, "127.0.0.1"),
      call(otherName, "127.0.0.1"),
    ]);
    expect(good?.lines).toEqual(["done"]);
    expect(good?.deliveries).toHaveLength(1);
    expect(verified(good?.deliveries[0] as Delivery).data.result).toEqual({ text: "done" });
    for (const [failed, words] of [
      [hidden, "where callbacks may not go"],
      [strange, "did not answer"],
      [other, "did not answer"],
    ] as const) {
      expect(failed?.lines).toEqual([expect.stringContaining(words), "done"]);
      expect(failed?.deliveries).toEqual([]);
    }
  }, 90_000);
});
