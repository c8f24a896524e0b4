import assert from "node:assert/strict";
import { Client, type TlsOptions } from "edgear";
import type { TlsCase } from "./case.ts";
import type { TlsEnvironment } from "./environment.ts";

const CUT = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const CUT_KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";

/** Options that can't be right, and what is said of them. */
const WRONG: readonly [what: string, tls: (environment: TlsEnvironment) => unknown, message: RegExp][] = [
  ["a number for ca", () => ({ ca: 7 }), /^tls\.ca must be PEM, as a string or .*, not 7$/],
  ["null for ca", () => ({ ca: null }), /^tls\.ca must be PEM, .*, not null$/],
  ["an empty list for ca", () => ({ ca: [] }), /^tls\.ca must be PEM, .*, not an array$/],
  ["a file's name for ca", () => ({ ca: "ca.pem" }), /^tls\.ca has no certificate in it: .* not the name/],
  ["a ca that was cut", () => ({ ca: CUT }), /^tls\.ca has a certificate that can't be read/],
  [
    "one in a list that was cut",
    ({ certificates: { ca } }) => ({ ca: [ca, ca + CUT] }),
    /^tls\.ca has a certificate that/,
  ],
  ["a cert without its key", ({ certificates }) => ({ cert: certificates.client.cert }), /^tls\.cert needs tls\.key/],
  ["a key without its cert", ({ certificates }) => ({ key: certificates.client.key }), /^tls\.key needs tls\.cert/],
  [
    "a key of another certificate",
    ({ certificates: { client, server } }) => ({ cert: client.cert, key: server.key }),
    /^tls\.cert and tls\.key don't belong together/,
  ],
  [
    "cert and key, each in the other's place",
    ({ certificates: { client } }) => ({ cert: client.key, key: client.cert }),
    /^tls\.cert has no certificate in it: .* -----BEGIN CERTIFICATE-----$/,
  ],
  [
    "a certificate for a key",
    ({ certificates: { client } }) => ({ cert: client.cert, key: client.cert }),
    /^tls\.key has no private key in it: .* -----BEGIN PRIVATE KEY-----$/,
  ],
  [
    "a key that was cut",
    ({ certificates: { client } }) => ({ ...client, key: CUT_KEY }),
    /^tls\.key can't be read: is a/,
  ],
  [
    "an encrypted key without its passphrase",
    ({ certificates: { client, encryptedKey } }) => ({ ...client, key: encryptedKey }),
    /^tls\.key can't be read: it is encrypted \(give tls\.passphrase\)$/,
  ],
  [
    "an encrypted key with another passphrase",
    ({ certificates: { client, encryptedKey } }) => ({ ...client, key: encryptedKey, passphrase: "secret" }),
    /^tls\.key can't be read: it is encrypted, and not with tls\.passphrase$/,
  ],
  ["a passphrase for nothing", () => ({ passphrase: "secret" }), /^tls\.passphrase needs tls\.key/],
  [
    "a passphrase that is a number",
    () => ({ passphrase: 1234 }),
    /^tls\.passphrase must be a string, not of type number$/,
  ],
  [
    "a word for rejectUnauthorized",
    () => ({ rejectUnauthorized: "no" }),
    /^tls\.rejectUnauthorized must be true or false/,
  ],
  [
    "a misspelt option",
    () => ({ rejectUnauthorised: true }),
    /^tls has no option "rejectUnauthorised"; it knows ca, cert,/,
  ],
  [
    "an IP address for servername",
    () => ({ servername: "127.0.0.1" }),
    /^tls\.servername must be a host's name, not "127/,
  ],
  ["no name for servername", () => ({ servername: "" }), /^tls\.servername must be a host's name, not ""/],
  ["a version that is none", () => ({ minVersion: "1.3" }), /^tls\.minVersion must be one of "TLSv1\.2", "TLSv1\.3"/],
  [
    "a protocol alone",
    () => ({ ALPNProtocols: "gearman" }),
    /^tls\.ALPNProtocols must be a list of names, not "gearman"$/,
  ],
  ["a list", () => [], /^the tls of .* must be true, false or an object, not an array$/],
];

export const options: readonly TlsCase[] = WRONG.map(([what, tls, message]) => ({
  name: `${what} is refused in words when the client is made`,
  async run(environment) {
    const make = () => new Client({ host: "localhost", tls: tls(environment) as TlsOptions });
    assert.throws(make, { name: "TypeError", message });
    const { key } = environment.certificates.client;
    // A key is nobody's business, logs' included.
    assert.throws(make, (error: Error) => !error.message.includes(key.slice(40, 60)));
  },
}));
