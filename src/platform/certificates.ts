/*
 * Certificates and keys are looked at before they are used, since runtimes differ in what they do with wrong ones:
 * Node trusts nobody when it can't read `ca`, Deno shows no certificate when it can't read `key`, both without a word.
 */
import type { KeyObject, X509Certificate } from "node:crypto";
import { createRequire } from "node:module";
import type { TlsOptions } from "./transport.js";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Loaded when a certificate is given: most programs have none, and it takes as long as all the rest of the library. */
const crypto = (): typeof import("node:crypto") =>
  process.getBuiltinModule
    ? process.getBuiltinModule("node:crypto")
    : // Node before 20.16. The path is to be absolute, and is of no matter; a bundle may have no import.meta.url.
      createRequire(process.execPath)("node:crypto");

/** @throws TypeError when a certificate or a key can't be read, or when they don't belong together */
export function checkTls({ ca, cert, key, passphrase }: TlsOptions): void {
  for (const each of ca === undefined ? [] : Array.isArray(ca) ? ca : [ca]) readCertificates(each, "ca");
  if (cert === undefined || key === undefined) return;
  const [own] = readCertificates(cert, "cert");
  if (own && !own.checkPrivateKey(readKey(key, passphrase)))
    throw new TypeError("tls.cert and tls.key don't belong together: the certificate is for another key");
}

function readCertificates(pem: string | Uint8Array, name: string): X509Certificate[] {
  const blocks = textOf(pem).match(CERTIFICATE);
  if (!blocks) throw new TypeError(`tls.${name} has no certificate in it: ${hint("CERTIFICATE")}`);
  const { X509Certificate } = crypto();
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new TypeError(`tls.${name} has a certificate that can't be read: is a part of it missing?`, { cause });
    }
  });
}

function readKey(pem: string | Uint8Array, passphrase: string | undefined): KeyObject {
  const key = textOf(pem);
  if (!PRIVATE_KEY.test(key)) throw new TypeError(`tls.key has no private key in it: ${hint("PRIVATE KEY")}`);
  try {
    return crypto().createPrivateKey(passphrase === undefined ? key : { key, passphrase });
  } catch (cause) {
    const encrypted = key.includes("ENCRYPTED");
    const why = !encrypted
      ? "is a part of it missing?"
      : passphrase === undefined
        ? "it is encrypted (give tls.passphrase)"
        : "it is encrypted, and not with tls.passphrase";
    throw new TypeError(`tls.key can't be read: ${why}`, { cause });
  }
}

function hint(label: string): string {
  return `give the contents of its file, not the name, as PEM, which begins with -----BEGIN ${label}-----`;
}

function textOf(pem: string | Uint8Array): string {
  return typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}
