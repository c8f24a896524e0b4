import { createConnection } from "node:net";

/** Milliseconds until a server must have answered. */
const TIMEOUT = 5_000;

/** Gives a job server on this machine a command of the text protocol, and returns the line it answers. */
export async function textCommand(port: number, line: string): Promise<string> {
  return (await converse(port, line, "\n")).trimEnd();
}

/** The same for a command that is answered by lines up to one that is a dot. */
export async function textLines(port: number, line: string): Promise<string[]> {
  return (await converse(port, line, ".\n")).split("\n").filter((text) => text !== "" && text !== ".");
}

function converse(port: number, line: string, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port, timeout: TIMEOUT });
    let reply = "";
    // gearmand cuts a character off some arguments when a bare line feed ends them.
    socket.once("connect", () => socket.write(`${line}\r\n`));
    socket.once("timeout", () => socket.destroy(new Error(`no reply to ${line}`)));
    socket.on("error", reject);
    socket.once("close", () => reject(new Error(`the server closed the connection after ${line}`)));
    socket.on("data", (chunk: Buffer) => {
      reply += chunk;
      if (!reply.endsWith(end)) return;
      resolve(reply);
      socket.destroy();
    });
  });
}
