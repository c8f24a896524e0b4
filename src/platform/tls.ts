/*
 * What goes wrong with TLS, in words. The runtimes of node:tls have different messages for the same, and codes that
 * are nearly the same: a version's name in the middle is all that differs (Node 20: ERR_SSL_SSLV3_ALERT_…, Node 24:
 * ERR_SSL_SSL/TLS_ALERT_…). It is no part of workerd's, which has no codes.
 */
import { CLIENT_CERTIFICATE } from "./speechless.js";

/** By what the code ends with. Made when one is looked for: most programs never do. */
const reasons = (): readonly [code: RegExp, reason: string][] => [
  [
    /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_UNTRUSTED)$/,
    "nobody whom this client trusts has signed its certificate: give the certificate of its authority as tls.ca " +
      "(Deno says the same of a certificate that has expired)",
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/,
    "its certificate is self-signed, or its authority's is, and this client doesn't trust it: give that one as tls.ca",
  ],
  [/^CERT_HAS_EXPIRED$/, "its certificate has expired: have it renewed (or is this machine's clock wrong?)"],
  [/^CERT_NOT_YET_VALID$/, "its certificate is not valid yet: is this machine's clock wrong?"],
  [
    /(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/,
    "it answered in something that is not TLS: it may be a plain port (use gearman://, or leave tls out)",
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED$/,
    `it asks for ${CLIENT_CERTIFICATE}, and none was given, or not of an authority it names`,
  ],
  [/ALERT_CERTIFICATE_EXPIRED$/, `it refuses ${CLIENT_CERTIFICATE}: it has expired`],
  [/ALERT_UNKNOWN_CA$/, `it refuses ${CLIENT_CERTIFICATE}: it doesn't trust the authority that signed it`],
  [
    /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|ACCESS_DENIED|DECRYPT_ERROR)$/,
    `it refuses ${CLIENT_CERTIFICATE}`,
  ],
  [
    /ALERT_HANDSHAKE_FAILURE$/,
    `it refuses the TLS handshake: it may ask for ${CLIENT_CERTIFICATE}, or want another version of TLS or other ciphers`,
  ],
  [
    /(ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/,
    "it speaks no version of TLS that this client does (tls.minVersion; older than 1.2 are spoken by no runtime)",
  ],
  [/ALERT_NO_APPLICATION_PROTOCOL$/, "it has none of the protocols that were asked for (tls.ALPNProtocols)"],
  [/ALERT_UNRECOGNI[SZ]ED_NAME$/, "it knows no server of that name (tls.servername)"],
];

/** What a runtime's error means when it is TLS's; otherwise `undefined`. The sentence is about the server. */
export function tlsReason(error: unknown): string | undefined {
  const { code, reason } = (error ?? {}) as { code?: unknown; reason?: unknown };
  if (typeof code !== "string") return undefined;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const detail = typeof reason === "string" ? ` (${reason.replace(/[\s:]+$/, "")})` : "";
    return `its certificate is for another name${detail}: connect to it by that name, or give the name as tls.servername`;
  }
  return reasons().find(([pattern]) => pattern.test(code))?.[1];
}
