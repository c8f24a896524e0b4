/*
 * How a pool is asked: lines of JSON on a socket beside its pid file, one that only its user can open.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What a pool can be asked. */
export type Question =
  | { readonly ask: "status" }
  | { readonly ask: "stop"; readonly grace?: number }
  | { readonly ask: "restart" }
  | { readonly ask: "ping"; readonly timeout: number };

/** What it says: an answer, or what is wrong, with the exit code that goes with it. */
export type Answer =
  | ({ readonly ok: true } & Readonly<Record<string, unknown>>)
  | { readonly ok: false; readonly error: string; readonly exit: number };

/** How long a pool may take to answer what it need not wait for, in milliseconds. */
export const PATIENCE = 5_000;

/** A pool was asked, and has not answered in time. */
export class NoAnswer extends Error {}

/** The longest question, in characters. */
const LONGEST = 4_096;

/** Listens for questions. Rejects as `listen` does, with EADDRINUSE when the socket is there already. */
export async function listen(socket: string, answer: (question: Question) => Promise<Answer>): Promise<Server> {
  const server = createServer((client) => {
    client.on("error", () => client.destroy());
    client.setEncoding("utf8");
    let text = "";
    const hear = (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0 && text.length < LONGEST) return;
      client.off("data", hear);
      void reply(client, text.slice(0, Math.max(0, end)), answer);
    };
    client.on("data", hear);
  });
  // It is nobody else's from the first moment on.
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177);
    server.listen(socket, () => {
      server.off("error", reject);
      resolve();
    });
    process.umask(mask);
  });
  if (process.platform !== "win32") chmodSync(socket, 0o600);
  return server;
}

async function reply(client: Socket, line: string, answer: (question: Question) => Promise<Answer>): Promise<void> {
  let said: Answer;
  try {
    said = await answer(JSON.parse(line) as Question);
  } catch (error) {
    said = { ok: false, error: (error as Error).message, exit: 1 };
  }
  client.end(`${JSON.stringify(said)}\n`);
}

/** Takes away what a pool that was killed has left. */
export function removeSocket(socket: string): void {
  if (process.platform !== "win32") rmSync(socket, { force: true });
}

/** Asks a pool. Undefined when none listens there. Rejects when it doesn't answer in time, or leaves without a word. */
export function ask(socket: string, question: Question, timeout?: number): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const client = connect(socket);
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => end(() => reject(new NoAnswer(`the pool did not answer within ${timeout} ms`))), timeout);
    let text = "";
    let settled = false;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settled = true;
      client.destroy();
      settle();
    };
    client.setEncoding("utf8");
    client.on("connect", () => client.write(`${JSON.stringify(question)}\n`));
    client.on("data", (chunk) => {
      text += chunk;
    });
    client.on("end", () => {
      end(() => {
        if (!text.endsWith("\n")) return reject(new Error("the pool ended before it could answer"));
        const answer = read(text);
        if (answer) resolve(answer);
        else reject(new Error(`what answers at ${socket} isn't a pool`));
      });
    });
    client.on("error", (error: NodeJS.ErrnoException) => {
      if (settled) return;
      const nobody = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      end(() => (nobody ? resolve(undefined) : reject(error)));
    });
  });
}

/** An answer; undefined when it is none of a pool's. */
function read(text: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof (answer as Answer | null)?.ok === "boolean" ? (answer as Answer) : undefined;
  } catch {
    return undefined;
  }
}
