/*
 * Which addresses callbacks may go to. A host's name says nothing of where it leads: whoever has the name can have it
 * lead into the network that the worker stands in.
 */
import type { BlockList } from "node:net";
import { show } from "../connection/check.js";

/** Networks that are nobody's on the Internet: one's own, or set aside for something else. */
const PRIVATE = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
  ...["192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  ...["224.0.0.0/4", "240.0.0.0/4"],
];

/** Of IPv6, 2000::/3 alone is given out; these in it lead to IPv4 addresses, or to nobody. */
const GIVEN_OUT = "2000::/3";
const NOT_THERE = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/** An address as it is looked up. */
export interface Found {
  readonly address: string;
  readonly family: number;
}

/** Says of addresses whether callbacks may go there. */
export type Allows = (found: Found) => boolean;

/** @param allowed private addresses and networks that callbacks may go to all the same */
export async function allows(allowed: readonly string[]): Promise<Allows> {
  const net = await import("node:net");
  const list = (networks: readonly string[]): BlockList => {
    const blocks = new net.BlockList();
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const family = net.isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) blocks.addAddress(address, family);
      else blocks.addSubnet(address, Number(bits), family);
    }
    return blocks;
  };
  const [wanted, own, given, none] = [allowed, PRIVATE, [GIVEN_OUT], NOT_THERE].map(list) as [
    BlockList,
    BlockList,
    BlockList,
    BlockList,
  ];
  return ({ address, family }) => {
    // An address with a zone is one of this machine's links.
    if (net.isIP(address) === 0 || address.includes("%")) return false;
    if (family === 4) return wanted.check(address, "ipv4") || !own.check(address, "ipv4");
    return wanted.check(address, "ipv6") || (given.check(address, "ipv6") && !none.check(address, "ipv6"));
  };
}

/** @throws TypeError when these are no addresses and networks */
export function checkNetworks(networks: unknown): asserts networks is readonly string[] {
  if (!Array.isArray(networks)) throw new TypeError(`addresses must be a list, not ${show(networks)}`);
  for (const network of networks) {
    const [, address = "", bits = "0"] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(String(network)) ?? [];
    const six = address.includes(":");
    const host = six ? `[${address}]` : address;
    // Of IPv4, an address is one only in the form that URLs have.
    const fits = URL.canParse(`http://${host}`) && (six || new URL(`http://${host}`).hostname === address);
    if (
      typeof network !== "string" ||
      !fits ||
      !/[:.]/.test(address) ||
      /[g-z]/i.test(address) ||
      Number(bits) > (six ? 128 : 32)
    )
      throw new TypeError(`addresses has ${show(network)}: write an IP address, or a network as in "10.0.0.0/8"`);
  }
}

/** The addresses of a URL's host. @throws when there are none, or one is where callbacks may not go */
export async function addressesOf(url: URL, allowed: Allows): Promise<readonly Found[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const { isIP } = await import("node:net");
  const family = isIP(host);
  const found = family
    ? [{ address: host, family }]
    : await (await import("node:dns/promises")).lookup(host, { all: true, verbatim: true });
  const refused = found.find((each) => !allowed(each));
  if (refused || found.length === 0)
    throw new RefusedAddress(`${url.host} is at ${refused?.address ?? "no address"}, where callbacks may not go`);
  return found;
}

/** It won't be otherwise the next time. */
export class RefusedAddress extends Error {}
