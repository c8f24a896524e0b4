// A job with a callback, in whatever runtime this is: prints the result, and why the callback was not delivered, if it wasn't.
import { Client, Worker } from "edgear";
import { withCallback } from "edgear/callback";
import { JobServer } from "edgear/server";

const { HOST, SECRET, CA, ADDRESS } = process.env;
const server = await JobServer.listen({ host: "127.0.0.1", port: 0 });
const worker = new Worker(server.address);
const addresses = ADDRESS ? [ADDRESS] : [];
const onError = (error) => process.stdout.write(`${error.message}\n`);
const options = { hosts: [HOST], secret: SECRET, ca: CA, addresses, attempts: 1, timeout: 30_000, onError };
worker.add(
  "f",
  withCallback(() => "done", options),
);
const working = worker.run();
const client = new Client(server.address);
const result = await client.run("f", { callback: `https://${HOST}/` }, { timeout: 20_000 });
process.stdout.write(`${result.text()}\n`);
await client.close();
await worker.close();
await working;
await server.close();
