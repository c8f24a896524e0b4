import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Deployed } from "../support/deployed.ts";
import { type PortName, startEnvironment, type TlsEnvironment } from "../tls/environment.ts";

let environment: TlsEnvironment & AsyncDisposable;
let folder: string;
let worker: Deployed;

beforeAll(async () => {
  environment = await startEnvironment();
  folder = await mkdtemp(path.join(tmpdir(), "edgear-tls-"));
  const file = path.join(folder, "ca.pem");
  await writeFile(file, environment.certificates.ca);
  // It stands for an authority that everybody trusts. miniflare reads this when it is loaded, and hands it to workerd.
  process.env.NODE_EXTRA_CA_CERTS = file;
  const { deploy } = await import("../support/deployed.ts");
  worker = await deploy({}, { script: "test/e2e/tls-client.ts" });
}, 90_000);

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await environment?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true });
});

/** What a ping from workerd comes to. */
async function ping(server: unknown): Promise<{ name: string; message: string }> {
  const response = await worker.fetch(`/?server=${encodeURIComponent(JSON.stringify(server))}`);
  return (await response.json()) as { name: string; message: string };
}

describe("TLS in workerd", () => {
  test.each([{ tls: true }, { tls: {} }, { tls: { rejectUnauthorized: true } }])("works with %j", async (tls) => {
    const { server: port } = environment.ports;
    assert.deepEqual(await ping({ host: "localhost", port, ...tls }), { name: "OK", message: "" });
  });

  test("works with gearmans://", async () => {
    const { server, jobServer } = environment.ports;
    for (const port of [server, jobServer]) assert.equal((await ping(`gearmans://localhost:${port}`)).name, "OK");
  });

  test.each<PortName>([
    "foreign",
    "selfSigned",
    "expired",
    "otherName",
    "plainGearmand",
    "plainJobServer",
    "babbling",
    "closing",
  ])("that fails (%s) is an error that names what it may be: workerd says the same of all", async (to) => {
    const { name, message } = await ping(`gearmans://localhost:${environment.ports[to]}`);
    assert.equal(name, "ConnectionError");
    assert.match(message, /the TLS handshake failed: its certificate must be publicly trusted, valid now and for this/);
    assert.match(message, /the port must not be a plain one \(gearman:\/\/\)/);
  });

  test.each<[string, PortName, name: string, message: RegExp]>([
    ["gearmans", "mutual", "ConnectionLostError", /it may ask for a client's certificate, which Workers can't show/],
    ["gearmans", "away", "ConnectionLostError", /the job server behind it is away/],
    ["gearmans", "silent", "TimeoutError", /connectTimeout: 1000 ms/],
    ["gearman", "server", "ConnectionLostError", /it may speak TLS \(use gearmans:\/\//],
    ["gearman", "alert", "ConnectionLostError", /it speaks TLS.* \(use gearmans:\/\//],
  ])("%s:// to the port %s is a %s", async (scheme, to, name, message) => {
    const error = await ping(`${scheme}://localhost:${environment.ports[to]}`);
    assert.equal(error.name, name, error.message);
    assert.match(error.message, message);
  });

  test("refuses, in words, the options that it can't honour", async () => {
    const { ca, client } = environment.certificates;
    const refused = [
      { ca },
      { key: client.key, cert: client.cert },
      { servername: "localhost" },
      { rejectUnauthorized: false },
      { minVersion: "TLSv1.3" },
      { ALPNProtocols: ["gearman"] },
      { rejectUnauthorised: true },
      { rejectUnauthorized: "yes" },
    ];
    for (const tls of refused) {
      const { name, message } = await ping({ host: "localhost", port: environment.ports.server, tls });
      assert.equal(name, "TypeError", message);
      assert.match(
        message,
        new RegExp(`^tls\\.${Object.keys(tls)[0]} can't be had on Cloudflare Workers: .* tls: true`),
      );
    }
  });
});
