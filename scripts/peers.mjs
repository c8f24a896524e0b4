/**
 * Makes sure that the programs are installed that the tests talk to: gearmand, the existing job server, its command
 * line tools, PHP's and Perl's clients, Perl's gearmand, openssl, and the stores, databases and supervisor around them.
 * Installs what is missing with apt-get (as root, or through a sudo that asks nothing) or brew; where neither can be used
 * it says what to install, and fails.
 */

import { spawnSync } from "node:child_process";
import { findGearmand, findPerlGearmand, findPostgres, findProgram, succeeds } from "./programs.mjs";

/**
 * What the tests need: how to see that it is there, and the packages that have it.
 * @type {{ name: string; there: () => boolean; apt: string; brew?: string }[]}
 */
const PEERS = [
  { name: "gearmand", there: () => findGearmand() !== undefined, apt: "gearman-job-server", brew: "gearman" },
  { name: "gearman", there: () => findProgram("gearman") !== undefined, apt: "gearman-tools", brew: "gearman" },
  { name: "gearadmin", there: () => findProgram("gearadmin") !== undefined, apt: "gearman-tools", brew: "gearman" },
  {
    name: "PHP's gearman extension",
    there: () => succeeds("php", ["-r", "exit(class_exists('GearmanClient') ? 0 : 1);"]),
    apt: "php-gearman",
  },
  {
    name: "Perl's Gearman::Client",
    there: () => succeeds("perl", ["-MGearman::Client", "-MJSON::PP", "-e", "1"]),
    apt: "libgearman-client-perl",
  },
  // Makes the certificates of the tests of TLS. The one of macOS is another program, with other options.
  { name: "openssl", there: () => succeeds("openssl", ["ca", "-help"]), apt: "openssl", brew: "openssl@3" },
  { name: "redis-server", there: () => findProgram("redis-server") !== undefined, apt: "redis-server", brew: "redis" },
  { name: "PostgreSQL", there: () => findPostgres() !== undefined, apt: "postgresql", brew: "postgresql@15" },
  { name: "MariaDB", there: () => findProgram("mariadbd") !== undefined, apt: "mariadb-server", brew: "mariadb" },
  { name: "systemd-analyze", there: () => findProgram("systemd-analyze") !== undefined, apt: "systemd" },
  { name: "supervisord", there: () => findProgram("supervisord") !== undefined, apt: "supervisor", brew: "supervisor" },
  { name: "Perl's gearmand", there: () => findPerlGearmand() !== undefined, apt: "gearman-server" },
];

/**
 * Installs Debian packages. Some start a service, which nobody has asked for and which would keep a port: for the time
 * of the installation, policy-rc.d forbids that, unless the machine has a policy of its own.
 */
const APT = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "$@"
`;

const missing = PEERS.filter((peer) => !peer.there());
if (missing.length > 0) {
  const { by, packages } = install(missing);
  const left = missing.filter((peer) => !peer.there());
  if (left.length > 0) {
    const names = left.map(({ name }) => name).join(", ");
    console.error(
      `${names} could not be installed: install the ${by ?? "Debian or Homebrew"} packages ${packages.join(" ")} and try again`,
    );
    process.exit(1);
  }
}

/** Installs what is missing, if it can. */
function install(/** @type {typeof PEERS} */ peers) {
  const apt = [...new Set(peers.map((peer) => peer.apt))];
  if (findProgram("apt-get")) {
    const shell = ["/bin/sh", "-c", APT, "sh", ...apt];
    if (process.getuid?.() === 0) run(shell);
    else if (findProgram("sudo") && run(["sudo", "-n", "true"], "ignore")) run(["sudo", "-n", ...shell]);
    return { by: "Debian", packages: apt };
  }
  // Homebrew has gearmand and its tools, and no more: the others are to be had from PECL and CPAN.
  const brew = [...new Set(peers.flatMap((peer) => peer.brew ?? []))];
  if (findProgram("brew")) {
    if (brew.length > 0) run(["brew", "install", ...brew]);
    return { by: "Homebrew", packages: brew };
  }
  return { packages: [...apt, "/", ...brew] };
}

/** Runs a program; its output goes to standard error. */
function run(/** @type {string[]} */ [program = "", ...args], /** @type {2 | "ignore"} */ output = 2) {
  return spawnSync(program, args, { stdio: ["ignore", output, output] }).status === 0;
}
