import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createPlainServer } from "node:net";
import { Admin, ProtocolError } from "edgear";
import { expect, test } from "vitest";
import { rejection } from "../conformance/case.ts";

test("an HTTP server is said to be none of jobs", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const admin = new Admin(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (const call of [() => admin.status(), () => admin.version()]) {
      const { message } = await rejection(call(), ProtocolError);
      expect(message).toMatch(/^127\.0\.0\.1:\d+ is no job server: it answers in HTTP$/);
    }
    admin.destroy();
  } finally {
    server.close();
  }
});

test("what nobody asked for is not kept without end", async () => {
  let tell = (_sent: number) => {};
  const gone = new Promise<number>((resolve) => {
    tell = resolve;
  });
  const server = createPlainServer((socket) => {
    let sent = 0;
    let more: ReturnType<typeof setInterval> | undefined;
    socket.once("data", () => {
      socket.write("OK 1.1.20\n");
      more = setInterval(() => {
        sent += 65_536;
        socket.write(Buffer.alloc(65_536, "x"));
      }, 20);
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      clearInterval(more);
      tell(sent);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const admin = new Admin(`127.0.0.1:${(server.address() as AddressInfo).port}`, { requestTimeout: 2_000 });
    expect(await admin.version()).toBe("1.1.20");
    expect(await gone).toBeLessThan(5_000_000);
    admin.destroy();
  } finally {
    server.close();
  }
});
