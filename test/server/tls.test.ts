import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Client, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { makeCertificates } from "../support/certificates.ts";

const { selfSigned } = await makeCertificates();
const { cert, key } = selfSigned;

test("jobs over TLS", async () => {
  await using server = await JobServer.listen({ port: 0, tls: { cert, key } });
  const address = { host: "127.0.0.1", port: server.port, tls: { ca: cert } };
  await using client = new Client(address);
  const large = new Uint8Array(500_000).fill(7);
  const result = client.run("f", large);
  const worker = new Worker(address);
  worker.add("f", (job) => job.workload.bytes);
  await server.waitFor("f");
  assert.equal(await worker.drain(), 1);
  assert.deepEqual((await result).bytes, large);
});

test("clients can be asked for certificates", async () => {
  await using server = await JobServer.listen({ port: 0, tls: { cert, key, ca: cert, requestCert: true } });
  const { port } = server;
  await using stranger = new Client({ host: "127.0.0.1", port, tls: { ca: cert } });
  await rejection(stranger.background("f", "x"), Error);
  await using known = new Client({ host: "127.0.0.1", port, tls: { ca: cert, cert, key } });
  await known.background("f", "x");
  assert.equal(server.jobs().length, 1);
});

test("who doesn't speak TLS, or says nothing, holds up nobody, nor the server's end", async () => {
  await using server = await JobServer.listen({ port: 0, tls: { cert, key } });
  const silent = connect(server.port, "127.0.0.1");
  silent.on("error", () => {});
  await once(silent, "connect");
  const plain = connect(server.port, "127.0.0.1");
  plain.on("error", () => {});
  plain.write("status\n");
  await once(plain.resume(), "close");
  await using client = new Client({ host: "127.0.0.1", port: server.port, tls: { ca: cert } });
  await client.background("f", "x");
  client.destroy();
  const closed = once(silent.resume(), "close");
  await server.close();
  await closed;
});

test("a certificate that is none is refused in words", async () => {
  const wrong = await rejection(JobServer.listen({ port: 0, tls: { cert: "no", key: "no" } }), TypeError);
  assert.match(wrong.message, /the tls options can't be used/);
  await rejection(JobServer.listen({ port: 0, tls: true as never }), TypeError);
  const none = await rejection(JobServer.listen({ port: 0, tls: {} }), TypeError);
  assert.match(none.message, /tls needs a cert: the server's, PEM/);
  const half = await rejection(JobServer.listen({ port: 0, tls: { cert } }), TypeError);
  assert.match(half.message, /tls needs a key: the server's, PEM/);
  assert.throws(() => new JobServer({ port: 1 } as never), /JobServer has no option "port"/);
});
