import assert from "node:assert/strict";
import { Client, ConnectionError, ConnectionLostError, TimeoutError, type TlsOptions } from "edgear";
import { rejection } from "../conformance/case.ts";
import type { TlsCase } from "./case.ts";
import type { PortName, TlsEnvironment } from "./environment.ts";

type Options = (environment: TlsEnvironment) => TlsOptions;

const trusting: Options = ({ certificates: { ca } }) => ({ ca });
const PLAIN_PORT = /\bplain port.*\bgearman:\/\//;

/** Connections that can't be made, and what is said of them. */
const REFUSED: readonly [what: string, to: PortName, tls: Options, message: RegExp, code: RegExp][] = [
  [
    "a certificate of an authority that the client wasn't given",
    "foreign",
    trusting,
    /nobody whom this client trusts has signed its certificate: give .* as tls\.ca/,
    /^UNABLE_TO_/,
  ],
  [
    "a certificate of an authority that nobody knows",
    "foreign",
    () => ({}),
    /nobody whom this client trusts has signed its certificate: give .* as tls\.ca/,
    /^UNABLE_TO_/,
  ],
  [
    "a self-signed certificate",
    "selfSigned",
    trusting,
    /its certificate is self-signed.* give .* tls\.ca/,
    /SELF_SIGNED/,
  ],
  // Deno doesn't tell this from one of an unknown authority.
  [
    "a certificate that has expired",
    "expired",
    trusting,
    /\b(its certificate|certificate that) has expired/,
    /EXPIRED|UNABLE/,
  ],
  [
    "a certificate for another name",
    "otherName",
    trusting,
    /its certificate is for another name \(.*jobs\.example\).* tls\.servername/,
    /ALTNAME_INVALID/,
  ],
  [
    "a certificate without the name that was asked for",
    "server",
    (environment) => ({ ...trusting(environment), servername: "jobs.example" }),
    /its certificate is for another name \(.*localhost.*\).* tls\.servername/,
    /ALTNAME_INVALID/,
  ],
  ["gearmand's plain port", "plainGearmand", trusting, PLAIN_PORT, /ECONNRESET|WRONG_VERSION/],
  ["JobServer's plain port", "plainJobServer", trusting, PLAIN_PORT, /ECONNRESET|WRONG_VERSION/],
  ["a port that answers in something else", "babbling", trusting, PLAIN_PORT, /WRONG_VERSION/],
  ["a port that closes each connection", "closing", trusting, PLAIN_PORT, /ECONN|EPIPE/],
  [
    "a server of TLS 1.2 that was given no certificate",
    "mutual12",
    trusting,
    /may ask for the client's certificate \(tls\.cert and tls\.key\)/,
    /HANDSHAKE_FAILURE/,
  ],
  ["a server of old versions of TLS", "old", trusting, /speaks no version of TLS that this client does/, /PROTOCOL/],
  [
    "a server of versions that tls.minVersion excludes",
    "mutual12",
    (environment) => ({ ...trusting(environment), ...environment.certificates.client, minVersion: "TLSv1.3" }),
    /speaks no version of TLS that this client does \(tls\.minVersion/,
    /PROTOCOL/,
  ],
  [
    "a server of other protocols",
    "alpn",
    (environment) => ({ ...trusting(environment), ALPNProtocols: ["h2"] }),
    /none of the protocols that were asked for \(tls\.ALPNProtocols\)/,
    /NO_APPLICATION_PROTOCOL/,
  ],
];

/** Connections that are made, and lost at once, and what is said of them. */
const LOST: readonly [what: string, to: PortName, tls: Options | undefined, message: RegExp][] = [
  [
    // With TLS 1.3 this comes when the client believes itself connected.
    "a server that was given no certificate",
    "mutual",
    trusting,
    /it asks for the client's certificate \(tls\.cert and tls\.key\)|may ask for the client's certificate/,
  ],
  [
    "a server that doesn't trust the client's certificate",
    "mutual",
    (environment) => ({ ...trusting(environment), ...environment.certificates.foreign }),
    /may ask for the client's certificate \(tls\.cert and tls\.key\) or not accept it/,
  ],
  ["a TLS port before a job server that is away", "away", trusting, /the job server behind it is away/],
  ["TLS, spoken to plainly", "server", undefined, /it may speak TLS \(use gearmans:\/\//],
  ["TLS that answers with an alert, spoken to plainly", "alert", undefined, /it speaks TLS.* \(use gearmans:\/\//],
];

export const failures: readonly TlsCase[] = [
  ...REFUSED.map(
    ([what, to, tls, message, code]): TlsCase => ({
      name: `${what} is a ConnectionError that says so`,
      async run(environment) {
        const port = environment.ports[to];
        const client = new Client({ host: "localhost", port, tls: tls(environment) });
        const error = await rejection(client.background("f"), ConnectionError);
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(`could not connect to the job server localhost:${port}: `), error.message);
        assert.match(String((error.cause as { code?: string }).code), code);
        client.destroy();
      },
    }),
  ),
  ...LOST.map(
    ([what, to, tls, message]): TlsCase => ({
      name: `${what} is a ConnectionLostError that says so`,
      async run(environment) {
        const port = environment.ports[to];
        const client = new Client({ host: "localhost", port, ...(tls && { tls: tls(environment) }) });
        const error = await rejection(client.background("f"), ConnectionLostError);
        assert.match(error.message, message);
        assert.ok(error.cause instanceof Error);
        client.destroy();
      },
    }),
  ),
  {
    name: "a silent port is a TimeoutError that says so",
    async run({ ports }) {
      const client = new Client(`gearmans://localhost:${ports.silent}`, { connectTimeout: 200 });
      const error = await rejection(client.background("f"), TimeoutError);
      assert.equal(error.timeout, "connectTimeout");
      assert.match(error.message, /did not answer the TLS handshake, as a plain port may do \(use gearman:\/\//);
      client.destroy();
    },
  },
];
