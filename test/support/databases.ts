import { spawnSync } from "node:child_process";
import { chownSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import mysql from "mysql2/promise";
import pg from "pg";
import { findPostgres, findProgram } from "../../scripts/programs.mjs";
import { freePort } from "./ports.ts";
import { BackgroundProcess } from "./process.ts";

/** A real database server of its own, on a free loopback port, with an empty database `test`. */
export interface DatabaseServer extends AsyncDisposable {
  readonly port: number;
  /** `postgres://…` or `mysql://…`, the database included; without a password. */
  readonly url: string;
  /** Ends it at once, as a crash does, and starts it again where it was, with what was committed. */
  restart(): Promise<void>;
}

/** Starts PostgreSQL. */
export async function startPostgres(): Promise<DatabaseServer> {
  const programs = findPostgres();
  if (!programs) throw new Error("PostgreSQL is not installed: run node scripts/peers.mjs");
  // It refuses to run as root.
  const user = owner("postgres");
  const folder = await ownFolder("edgear-postgres-", user);
  const data = path.join(folder, "data");
  run(path.join(programs, "initdb"), ["-D", data, "-A", "trust", "-U", "test", "--no-sync", "-E", "UTF8"], user);
  const port = await freePort();
  const url = `postgres://test@127.0.0.1:${port}/test`;
  const args = ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder, "-c", "fsync=off"];
  const server = await serve(folder, user, path.join(programs, "postgres"), args, "SIGQUIT", async () => {
    const client = new pg.Client({
      connectionString: url.replace(/test$/, "postgres"),
      connectionTimeoutMillis: 1_000,
    });
    await client.connect();
    await client.query("CREATE DATABASE test").catch((error: { code?: string }) => {
      if (error.code !== "42P04") throw error;
    });
    await client.end();
  });
  return { ...server, port, url };
}

/** Starts MariaDB. */
export async function startMariadb(): Promise<DatabaseServer> {
  const [program, install] = [findProgram("mariadbd"), findProgram("mariadb-install-db")];
  if (!program || !install) throw new Error("MariaDB is not installed: run node scripts/peers.mjs");
  const user = owner("mysql");
  const folder = await ownFolder("edgear-mariadb-", user);
  const data = path.join(folder, "data");
  const quick = ["--no-defaults", `--datadir=${data}`, "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M"];
  run(install, [...quick, "--auth-root-authentication-method=normal", "--skip-test-db"], user);
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${port}/test`;
  const here = [`--port=${port}`, "--bind-address=127.0.0.1", `--socket=${folder}/socket`, `--pid-file=${folder}/pid`];
  const args = [...quick, ...here, "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2"];
  const server = await serve(folder, user, program, args, "SIGKILL", async () => {
    const connection = await mysql.createConnection({
      ...{ host: "127.0.0.1", port, user: "root" },
      connectTimeout: 1_000,
    });
    await connection.query("CREATE DATABASE IF NOT EXISTS test");
    await connection.end();
  });
  return { ...server, port, url };
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** Whom a program runs as: root's are run as the user that the database's package made. */
function owner(name: string): Owner {
  if (userInfo().uid !== 0) return {};
  const id = (what: string) => Number(spawnSync("id", [what, name], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

async function ownFolder(prefix: string, { uid, gid }: Owner): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), prefix));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

function run(program: string, args: readonly string[], user: Owner): void {
  const { status, stdout, stderr } = spawnSync(program, args, { ...user, encoding: "utf8", timeout: 60_000, cwd: "/" });
  if (status !== 0) throw new Error(`${program} failed (${status}):\n${stdout}${stderr}`);
}

/** Runs a server until it is disposed of; `ready` resolves once it can be talked to. */
async function serve(
  folder: string,
  user: Owner,
  program: string,
  args: readonly string[],
  crash: NodeJS.Signals,
  ready: () => Promise<void>,
): Promise<Pick<DatabaseServer, "restart" | typeof Symbol.asyncDispose>> {
  const start = async () => {
    const process = await BackgroundProcess.start(program, args, folder, { ...user, keep: true });
    for (let tries = 300; ; tries--) {
      try {
        await ready();
        return process;
      } catch (error) {
        if (tries === 0) throw new Error(`${program} doesn't answer: ${process.output}`, { cause: error });
        await delay(100);
      }
    }
  };
  let running = await start();
  return {
    async restart() {
      await running.kill(crash);
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await running.kill(crash);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
