import { Admin, Client, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { expect, test } from "vitest";
import { bytesOf, concat, packet, write } from "../codec/packets.ts";

/** What comes of a socket, until it is this. */
async function comes(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: Uint8Array): Promise<void> {
  let bytes: Uint8Array = new Uint8Array(0);
  while (bytes.length < wanted.length) {
    const { value } = await reader.read();
    if (!value) throw new Error("the server closed the connection");
    bytes = concat([bytes, value]);
  }
  expect(bytes).toEqual(wanted);
}

test("a job server in a Cloudflare Worker, where nothing can listen", async () => {
  await using server = new JobServer({ handlePrefix: "h" });
  const [client, worker] = [server.connect(), server.connect()];
  const [fromClient, fromWorker] = [client.writable.getWriter(), worker.writable.getWriter()];
  const [toClient, toWorker] = [client.readable.getReader(), worker.readable.getReader()];
  await fromClient.write(write("client", packet(7, ["f", "u"], "load")));
  await comes(toClient, write("server", packet(8, ["h:1"])));
  expect((await server.waitFor("f")).workload.text()).toBe("load");
  await fromWorker.write(concat([write("client", packet(1, ["f"])), write("client", packet(9))]));
  await comes(toWorker, write("server", packet(11, ["h:1", "f"], "load")));
  const large = new Uint8Array(300_000).fill(1);
  await fromWorker.write(write("client", packet(13, ["h:1"], large)));
  await comes(toClient, write("server", packet(13, ["h:1"], large)));
  await fromClient.write(bytesOf("getpid\n"));
  await comes(toClient, bytesOf("OK 0\n"));
  await client.close();
  await expect(JobServer.listen({ port: 0 })).rejects.toThrow(/accept no TCP connections/);
});

test("a client, a worker and an admin in the Cloudflare Worker that has the server", async () => {
  await using server = new JobServer({ handlePrefix: "h" });
  const options = { connect: () => server.connect() };
  await using client = new Client("test", options);
  await using admin = new Admin("test", options);
  const worker = new Worker("test", options);
  worker.add("double", ({ workload }) => 2 * workload.json<number>());
  const running = worker.run();
  expect((await client.run("double", 21)).json()).toBe(42);
  const large = await client.background("other", new Uint8Array(300_000));
  expect((await server.waitFor("other")).workload.bytes.length).toBe(300_000);
  expect(await admin.status()).toMatchObject([
    { function: "double", total: 0, workers: 1 },
    { function: "other", total: 1, workers: 0 },
  ]);
  await admin.cancel(large.handle);
  await worker.close();
  await running;
  await server.waitFor(() => server.jobs().length === 0);
});
