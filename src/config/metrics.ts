import { show } from "../connection/check.js";

/** Where metrics and health are served. */
export interface MetricsAddress {
  /** Undefined for every interface. */
  readonly host: string | undefined;
  readonly port: number;
}

/**
 * Reads `[host]:port`: `:9464` is every interface, `127.0.0.1:9464` one of them, `[::1]:9464` one of IPv6; port 0 is any
 * free one.
 * @throws TypeError when it is something else
 */
export function parseMetricsAddress(text: string): MetricsAddress {
  const address = readMetricsAddress(text);
  if (!address)
    throw new TypeError(
      `metrics are served at [host]:port, as in ":9464" or "127.0.0.1:9464", and not at ${show(text)}`,
    );
  return address;
}

/** As `parseMetricsAddress`; undefined when it is something else. */
export function readMetricsAddress(text: string): MetricsAddress | undefined {
  const [, ipv6, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:/[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  return digits === undefined || port > 65_535 ? undefined : { host: ipv6 || name || undefined, port };
}
