import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Admin, Client } from "edgear";
import { expect, test } from "vitest";
import { makeCertificates } from "../support/certificates.ts";
import { CliProcess, edgear } from "../support/cli.ts";

/** Starts a server, and says where. */
async function start(args: readonly string[] = []): Promise<{ server: CliProcess; address: string }> {
  const server = new CliProcess(["server", "--port", "0", "--json", ...args]);
  await server.says(/\}\n/);
  return { server, address: JSON.parse(server.stdout).address };
}

test("SIGUSR1 ends a server when its jobs are done, and opens no debugger", async () => {
  const { server, address } = await start();
  await using running = server;
  await using client = new Client(address);
  await client.background("f", "x");
  running.kill("SIGUSR1");
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(running.child.exitCode).toBe(null);
  expect(await edgear(["work", "f", "--drain", "--", "cat"], { env: { GEARMAN_SERVERS: address } })).toMatchObject({
    code: 0,
  });
  expect(await running.ended()).toMatchObject({ code: 0, stderr: "" });
});

test("what is said of gearmand is not said of a JobServer", async () => {
  const { server, address } = await start();
  await using _running = server;
  await using client = new Client(address);
  await client.background("f", "x");
  await using admin = new Admin(address);
  await expect(admin.shutdown()).rejects.toThrow(/it is a JobServer, which its program closes/);
  await expect(admin.shutdown()).rejects.not.toThrow(/SIGUSR1/);
  await expect(admin.dropFunction("f")).rejects.toThrow(/a JobServer, drops none that has: let it be worked off first/);
  await expect(admin.dropFunction("f", { force: true })).rejects.toThrow(/still connected workers/);
});

test("a server speaks TLS, and logs", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-server-"));
  try {
    const certificates = await makeCertificates();
    const file = async (name: string, text: string) => {
      await writeFile(path.join(folder, name), text);
      return path.join(folder, name);
    };
    const ca = await file("ca.pem", certificates.ca);
    const cert = await file("server.pem", certificates.server.cert);
    const key = await file("server.key", certificates.server.key);
    const { server, address } = await start(["--tls-cert", cert, "--tls-key", key, "--verbose"]);
    await using running = server;
    const args = ["submit", "f", "--background", "--servers", `gearmans://${address}`];
    expect(await edgear(args, { env: { NODE_EXTRA_CA_CERTS: ca } })).toMatchObject({ code: 0 });
    await running.says(/f H:\S+ was submitted/);
    const untrusted = await edgear(args);
    expect(untrusted.code).toBe(1);
    expect(untrusted.stderr).toContain("NODE_EXTRA_CA_CERTS=ca.pem");
    expect(untrusted.stderr).not.toContain("tls.ca");
    expect(await edgear(["server", "--tls-cert", cert])).toMatchObject({ code: 2 });
    const missing = await edgear(["server", "--port", "0", "--tls-cert", cert, "--tls-key", `${key}.not`]);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("can't be read") });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
