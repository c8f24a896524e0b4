import { chown, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import mysql from "mysql2/promise";
import pg from "pg";
import { findPostgres, findProgram } from "../../scripts/programs.mjs";
import { command } from "./command.ts";
import { lastingPort } from "./ports.ts";
import { BackgroundProcess } from "./process.ts";

/** Milliseconds until a database must answer. */
const START_TIMEOUT = 30_000;

/** A real database server of its own, on a loopback port, with an empty database `edgear`. */
export interface DatabaseServer extends AsyncDisposable {
  /** What to connect by: `postgres://…` or `mysql://…`. */
  readonly url: string;
  readonly port: number;
  /** Ends it at once, as a crash does, and starts it again with the same data. Resolves when it answers. */
  restart(between?: () => Promise<void>): Promise<void>;
}

/** PostgreSQL refuses to run as root. */
async function postgresUser(): Promise<{ prefix: string[]; uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await command("id", [flag, "postgres"])).stdout)),
  );
  return { prefix: ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"], uid: uid ?? 0, gid: gid ?? 0 };
}

/** Starts a PostgreSQL, and waits until it answers. */
export async function startPostgres(): Promise<DatabaseServer> {
  const bin = findPostgres();
  if (!bin) throw new Error("PostgreSQL is not installed: run node scripts/peers.mjs");
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-postgres-"));
  const { prefix, uid, gid } = await postgresUser();
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  const data = path.join(folder, "data");
  const as = (program: string, args: string[]): [string, string[]] => {
    const [first = "", ...rest] = [...prefix, path.join(bin, program), ...args];
    return [first, rest];
  };
  const initdb = ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"];
  await succeed(...as("initdb", initdb));
  const port = await lastingPort();
  // What is written need not outlive the machine, only the process.
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`, "fsync=off"];
  const args = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const answers = async (database: string) => {
    const client = new pg.Client({ connectionString: url(database), connectionTimeoutMillis: 2_000 });
    // One that is refused ends by an error that nobody else listens to.
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const server = await started(
    folder,
    "SIGQUIT",
    () => as("postgres", args),
    () => answers("postgres").then((client) => client.end()),
  );
  const client = await answers("postgres");
  await client.query("CREATE DATABASE edgear");
  await client.end();
  return { url: url("edgear"), port, ...server };
}

/** Starts a MariaDB, and waits until it answers. */
export async function startMariadb(): Promise<DatabaseServer> {
  const [server, install] = [findProgram("mariadbd"), findProgram("mariadb-install-db")];
  if (!server || !install) throw new Error("MariaDB is not installed: run node scripts/peers.mjs");
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-mariadb-"));
  const data = path.join(folder, "data");
  await mkdir(data);
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  const quick = ["--skip-test-db", "--auth-root-authentication-method=normal"];
  await succeed(install, ["--no-defaults", `--datadir=${data}`, ...user, ...quick]);
  const port = await lastingPort();
  const args = [
    ...["--no-defaults", `--datadir=${data}`, ...user, "--bind-address=127.0.0.1", `--port=${port}`],
    ...[`--socket=${path.join(folder, "socket")}`, `--pid-file=${path.join(folder, "pid")}`],
    ...["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=16M"],
  ];
  const options = { host: "127.0.0.1", port, user: "root", connectTimeout: 2_000 };
  const answers = () => mysql.createConnection(options);
  const running = await started(
    folder,
    "SIGKILL",
    () => [server, args],
    () => answers().then((connection) => connection.end()),
  );
  const connection = await answers();
  await connection.query("CREATE DATABASE edgear CHARACTER SET utf8mb4");
  await connection.end();
  return { url: `mysql://root@127.0.0.1:${port}/edgear`, port, ...running };
}

/** A server that runs, and can be killed and started again; its folder goes with the last one. PostgreSQL's processes crash together on SIGQUIT. */
async function started(
  folder: string,
  signal: NodeJS.Signals,
  line: () => [string, string[]],
  answers: () => Promise<unknown>,
): Promise<Pick<DatabaseServer, "restart"> & AsyncDisposable> {
  const start = async () => {
    const process = await BackgroundProcess.start(...line(), folder);
    await process.answer(answers, START_TIMEOUT);
    return process;
  };
  let process = await start();
  return {
    async restart(between) {
      await process.kill(signal);
      await between?.();
      process = await start();
    },
    async [Symbol.asyncDispose]() {
      await process.kill(signal);
      await process.stop();
    },
  };
}

async function succeed(program: string, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await command(program, args, { timeout: 60_000 });
  if (code !== 0) throw new Error(`${program} failed:\n${stdout}${stderr}`);
}
