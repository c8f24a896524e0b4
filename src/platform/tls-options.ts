/*
 * The options of node:tls: each must be what it can be, before any runtime makes of it what it likes. They are no part of
 * workerd's, which has none.
 */
import { checkOptions, checkWord, show } from "../check.js";
import { checkTls } from "./certificates.js";
import type { TlsOptions } from "./transport.js";

const isText = (value: unknown) => typeof value === "string";
const isData = (value: unknown) => typeof value === "string" || value instanceof Uint8Array;

/** What each option must be. */
const KINDS: Record<keyof TlsOptions, readonly [is: (value: unknown) => boolean, what: string]> = {
  ca: [
    (value) => isData(value) || (Array.isArray(value) && value.length > 0 && value.every(isData)),
    "PEM, as a string or a Uint8Array, or a list of these",
  ],
  cert: [isData, "PEM, as a string or a Uint8Array"],
  key: [isData, "PEM, as a string or a Uint8Array"],
  passphrase: [isText, "a string"],
  servername: [isText, "a string"],
  rejectUnauthorized: [(value) => typeof value === "boolean", "true or false"],
  minVersion: [isText, "a string"],
  ALPNProtocols: [
    (value) => Array.isArray(value) && value.length > 0 && value.every((name) => isText(name) && name !== ""),
    "a list of names",
  ],
};

/** Secrets, which no message shows. */
const SECRETS = ["key", "passphrase"];

/**
 * The options that are given, `undefined` being none: to `node:tls` it would be a value.
 * @throws TypeError when one is unknown, or can't be what it is
 */
export function parseTls(options: TlsOptions): TlsOptions {
  // A misspelt `rejectUnauthorized` or `ca` would leave somebody sure of what isn't so.
  checkOptions(options, "tls", Object.keys(KINDS));
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const [is, what] = KINDS[name as keyof TlsOptions];
    if (is(value)) continue;
    const shown = SECRETS.includes(name) ? `of type ${typeof value}` : show(value);
    throw new TypeError(`tls.${name} must be ${what}, not ${shown}`);
  }
  const tls: TlsOptions = Object.fromEntries(given);
  const { cert, key, passphrase, minVersion, servername } = tls;
  if (minVersion !== undefined) checkWord(minVersion, "tls.minVersion", ["TLSv1.2", "TLSv1.3"]);
  if (servername !== undefined && (servername === "" || /^[\d.]+$|:/.test(servername))) {
    throw new TypeError(
      `tls.servername must be a host's name, not ${show(servername)}: leave it out to have the host's own address checked`,
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw new TypeError(`tls.${there} needs tls.${missing}: a client shows its certificate, and signs with its key`);
  }
  if (passphrase !== undefined && key === undefined)
    throw new TypeError("tls.passphrase needs tls.key: it is what that key is encrypted with");
  checkTls(tls);
  return tls;
}
