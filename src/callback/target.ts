import { show } from "../connection/check.js";

/**
 * The hosts that callbacks may go to, as URLs have them: one that is written otherwise would never match.
 * @throws TypeError when one is none
 */
export function hostsOf(hosts: unknown): readonly string[] {
  if (!Array.isArray(hosts) || hosts.length === 0)
    throw new TypeError('hosts must be a list of the hosts that callbacks may go to: ["hooks.example.com"]');
  return hosts.map((host) => {
    if (typeof host !== "string" || /[/\\*@?#\s]/.test(host) || !URL.canParse(`https://${host}`))
      throw new TypeError(
        `hosts has ${show(host)}: write "host" or "host:port", without https://, a path or a wildcard`,
      );
    return new URL(`https://${host}`).host;
  });
}

/** @throws TypeError in words when callbacks can't, or may not, go there */
export function targetOf(callback: unknown, hosts: readonly string[]): URL {
  // A URL is read without spaces and control characters, which may be another one than what was meant.
  if (typeof callback !== "string" || /[\0-\x20\x7f-\x9f\u2028\u2029]/.test(callback) || !URL.canParse(callback))
    throw new TypeError(`callback must be a URL, not ${show(callback)}`);
  const url = new URL(callback);
  if (url.protocol !== "https:") throw new TypeError(`callback must be an https:// URL, not ${show(callback)}`);
  if (url.username || url.password) throw new TypeError("callback must not have a user name or password");
  if (!hosts.includes(url.host))
    throw new TypeError(`callback must be at a host that is listed, which ${show(url.host)} is not`);
  return url;
}
