/* A connection's servers, as the library's classes take them. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseServers, type ServerOptions, type Servers, serverName } from "../connection/address.js";
import { isObject } from "./merge.js";

/**
 * Reads the servers of a connection.
 * @param folder what the files of certificates and keys are relative to; undefined: they are left alone, and out
 * @param wrong is told of each that is none: where in the connection, and why
 */
export function readServers(
  given: unknown,
  folder: string | undefined,
  wrong: (path: readonly PropertyKey[], message: string) => void,
): ServerOptions[] {
  const list = Array.isArray(given) ? (given as unknown[]) : [given];
  const seen = new Map<string, number>();
  if (list.length === 0) wrong([], "no server is in the list");
  return list.flatMap((server, index) => {
    const at = Array.isArray(given) ? [index] : [];
    const attempt = () => parseServers(withFiles(server, folder) as Servers);
    let addresses: ReturnType<typeof attempt>;
    try {
      if (Array.isArray(server)) throw new TypeError("a list in a list is no server");
      addresses = attempt();
    } catch (error) {
      wrong(at, error instanceof Error ? error.message : String(error));
      return [];
    }
    return addresses.map((address) => {
      const name = serverName(address);
      if (seen.has(name) && seen.get(name) !== index) wrong(at, `the server ${name} is listed twice`);
      seen.set(name, index);
      const { host, port, tls } = address;
      return { host, port, ...(tls && { tls }) };
    });
  });
}

/** What may be in files, and what belongs to it. */
const FILED = ["ca", "cert", "key"];
const OF_FILES = [...FILED, "passphrase"];

/** With what the files of its certificates and keys have in them. */
function withFiles(server: unknown, folder: string | undefined): unknown {
  if (!isObject(server) || !isObject(server.tls)) return server;
  const { tls } = server;
  if (folder === undefined) {
    const isFile = (value: unknown) => isObject(value) || (Array.isArray(value) && value.some(isObject));
    if (!FILED.some((key) => isFile(tls[key]))) return server;
    return { ...server, tls: Object.fromEntries(Object.entries(tls).filter(([key]) => !OF_FILES.includes(key))) };
  }
  const read = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => read(each, key));
    if (!isObject(value) || Object.keys(value).join() !== "file") return value;
    if (typeof value.file !== "string") throw new TypeError(`tls.${key}.file must be a file's path`);
    try {
      return readFileSync(path.resolve(folder, value.file), "utf8");
    } catch (error) {
      throw new TypeError(`the file of tls.${key} can't be read: ${(error as Error).message}`);
    }
  };
  const keys = FILED.filter((key) => tls[key] !== undefined);
  return { ...server, tls: { ...tls, ...Object.fromEntries(keys.map((key) => [key, read(tls[key], key)])) } };
}
