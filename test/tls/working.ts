import assert from "node:assert/strict";
import { Client, type ServerOptions, type TlsOptions, Worker } from "edgear";
import { fresh } from "../conformance/names.ts";
import { PASSPHRASE } from "../support/certificates.ts";
import type { TlsCase } from "./case.ts";
import type { PortName, TlsEnvironment } from "./environment.ts";

const LARGE = 20_000_000;

/** Connections that are made. */
const TAKEN: readonly [what: string, to: PortName, tls: (environment: TlsEnvironment) => TlsOptions, host?: string][] =
  [
    ["an authority that was given", "server", ({ certificates: { ca } }) => ({ ca })],
    [
      "an authority that was given as bytes, among others",
      "server",
      ({ certificates: { ca, selfSigned } }) => ({ ca: [selfSigned.cert, bytes(ca)] }),
    ],
    [
      "several authorities in one text",
      "server",
      ({ certificates: { ca, selfSigned } }) => ({ ca: `Two:\n${selfSigned.cert}\n${ca}` }),
    ],
    ["an IP address that the certificate has", "server", ({ certificates: { ca } }) => ({ ca }), "127.0.0.1"],
    [
      "options that are undefined",
      "server",
      ({ certificates: { ca } }) =>
        ({ ca, servername: undefined, rejectUnauthorized: undefined }) as unknown as TlsOptions,
    ],
    [
      "a self-signed certificate that was given as its own authority",
      "selfSigned",
      ({ certificates }) => ({ ca: certificates.selfSigned.cert }),
    ],
    ["another name that was given", "otherName", ({ certificates: { ca } }) => ({ ca, servername: "jobs.example" })],
    [
      "another name that was given, at an IP address",
      "otherName",
      ({ certificates: { ca } }) => ({ ca, servername: "jobs.example" }),
      "127.0.0.1",
    ],
    ["any certificate, when that is asked for", "expired", () => ({ rejectUnauthorized: false })],
    ["a client's certificate", "mutual", ({ certificates: { ca, client } }) => ({ ca, ...client })],
    [
      "a client's certificate as bytes",
      "mutual",
      ({ certificates: { ca, client } }) => ({ ca, cert: bytes(client.cert), key: bytes(client.key) }),
    ],
    ["a client's certificate, by TLS 1.2", "mutual12", ({ certificates: { ca, client } }) => ({ ca, ...client })],
    [
      "a client's certificate with an encrypted key",
      "mutual",
      ({ certificates: { ca, client, encryptedKey } }) => ({
        ca,
        cert: client.cert,
        key: encryptedKey,
        passphrase: PASSPHRASE,
      }),
    ],
    ["the least version that was given", "server", ({ certificates: { ca } }) => ({ ca, minVersion: "TLSv1.3" })],
    [
      "a protocol that was asked for",
      "alpn",
      ({ certificates: { ca } }) => ({ ca, ALPNProtocols: ["other", "gearman"] }),
    ],
  ];

export const working: readonly TlsCase[] = [
  ...TAKEN.map(
    ([what, to, tls, host = "localhost"]): TlsCase => ({
      name: `${what}: the connection is made`,
      async run(environment) {
        await using client = new Client({ host, port: environment.ports[to], tls: tls(environment) });
        assert.ok((await client.ping()) >= 0);
      },
    }),
  ),
  {
    name: "gearmans:// and tls: true trust the authorities of the runtime",
    async run({ ports }) {
      for (const server of [
        `gearmans://localhost:${ports.server}`,
        { host: "localhost", port: ports.server, tls: true },
      ]) {
        await using client = new Client(server);
        await client.ping();
      }
    },
  },
  {
    name: "the next server takes over from one whose certificate is wrong",
    async run(environment) {
      await using client = new Client([server(environment, "foreign"), server(environment, "server")]);
      assert.equal((await client.background("nobody")).server, `localhost:${environment.ports.server}`);
    },
  },
  ...(["server", "jobServer"] as const).map(
    (to): TlsCase => ({
      name: `jobs are submitted, worked off and followed through TLS (${to === "server" ? "gearmand" : "JobServer"})`,
      async run(environment) {
        await using worker = work(server(environment, to));
        await using client = new Client(server(environment, to));
        const { mirror, count } = worker;
        // Twenty megabytes there and back.
        const large = Uint8Array.from({ length: LARGE }, (_, index) => index % 251);
        const back = (await client.run(mirror, large, { timeout: 15_000 })).bytes;
        assert.ok(Buffer.compare(back, large) === 0, `${back.length} other bytes came back`);
        // Thousands of small ones, all at once.
        const jobs = Array.from({ length: 3_000 }, (_, job) => client.run(mirror, String(job), { timeout: 15_000 }));
        for (const [job, result] of (await Promise.all(jobs)).entries()) assert.equal(result.text(), String(job));
        const handles = await Promise.all(Array.from({ length: 3_000 }, () => client.background(count)));
        assert.equal(new Set(handles.map(String)).size, 3_000);
        await client.completed(handles.at(-1) ?? "", { interval: 20, timeout: 10_000 });
      },
    }),
  ),
  {
    name: "a large workload on a slow line is not given up while it moves",
    async run(environment) {
      const client = new Client(server(environment, "slow"), { requestTimeout: 1_000 });
      // As without TLS (client/losses.test.ts): three times as long as a request may take.
      const job = await client.background("nobody", new Uint8Array(24_000_000));
      assert.equal((await client.status(job)).state, "queued");
      await client.close();
    },
  },
];

function server({ ports, certificates: { ca } }: TlsEnvironment, to: PortName): ServerOptions {
  return { host: "localhost", port: ports[to], tls: { ca } };
}

/** A worker that gives back what it gets, and one that does nothing. */
function work(to: ServerOptions): AsyncDisposable & { mirror: string; count: string } {
  const [mirror, count] = [fresh("mirror"), fresh("count")];
  const worker = new Worker(to, { concurrency: 8 });
  worker.add(mirror, (job) => job.workload.bytes);
  worker.add(count, () => {});
  const running = worker.run();
  return {
    mirror,
    count,
    async [Symbol.asyncDispose]() {
      await worker.close({ timeout: 5_000 });
      await running;
    },
  };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
