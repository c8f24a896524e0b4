import assert from "node:assert/strict";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { Admin, ConnectionError, ConnectionLostError } from "edgear";
import { expect, inject, test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { makeCertificates } from "../support/certificates.ts";
import { startGearmand } from "../support/gearmand.ts";
import { startTerminator } from "../support/tls.ts";

const [{ address } = { address: "" }] = inject("servers");
const port = Number(address.split(":")[1]);

test("over TLS, a server whose certificate is trusted is administered", async () => {
  const { server, ca } = await makeCertificates();
  await using tls = await startTerminator(port, server);
  await using admin = new Admin({ host: "127.0.0.1", port: tls.port, tls: { ca } });
  assert.match(await admin.version(), /^\d/);
  assert.ok((await admin.status()).length > 0);
  await using distrustful = new Admin(`gearmans://127.0.0.1:${tls.port}`);
  await rejection(distrustful.version(), ConnectionError);
});

/** What a WinterTC `connect()` gives. */
function open(port: number) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const { readable, writable } = Duplex.toWeb(socket) as {
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
  };
  return { readable, writable, close: () => void socket.destroy(), socket };
}

test("over an injected socket, which is told where to", async () => {
  const asked: unknown[] = [];
  await using admin = new Admin("gearmans://jobs.internal:4731", {
    connect: async (address) => {
      asked.push(address);
      return open(port);
    },
  });
  const [version, status] = await Promise.all([admin.version(), admin.status()]);
  assert.match(version, /^\d/);
  assert.ok(status.length > 0);
  expect(asked).toEqual([{ hostname: "jobs.internal", port: 4731, secureTransport: "on" }]);
});

test("an injected socket that comes too late is closed", async () => {
  let late: ReturnType<typeof open> | undefined;
  const connect = () =>
    new Promise<ReturnType<typeof open>>((resolve) =>
      setTimeout(() => {
        late = open(port);
        resolve(late);
      }, 100),
    );
  const admin = new Admin("jobs1", { connect, connectTimeout: 20 });
  await rejection(admin.version(), Error);
  await expect.poll(() => late?.socket.destroyed).toBe(true);
});

test("a server that restarts is found again", async () => {
  const server = await startGearmand();
  await using admin = new Admin(server.address);
  const pid = await admin.pid();
  assert.equal(pid, server.pid);
  await server.stop();
  await expect.poll(() => admin.pid().catch((error) => error.constructor)).toBe(ConnectionError);
  await using again = await startGearmand({ port: server.port });
  assert.equal(await admin.pid(), again.pid);
});

test("a server that is killed rejects what waits", async () => {
  await using server = await startGearmand();
  await using admin = new Admin(server.address);
  await admin.version();
  process.kill(server.pid, "SIGSTOP");
  const waiting = admin.status();
  process.kill(server.pid, "SIGKILL");
  await rejection(waiting, ConnectionLostError);
});
