// A worker that posts the outcome of each job to the URL that the job names, if that is at CALLBACK_HOST: signed with
// CALLBACK_SECRET (default: one that nobody else has). CALLBACK_CA is for a host whose certificate only you trust,
// CALLBACK_ADDRESS for one in your network.
import { randomBytes } from "node:crypto";
import { Client, Worker } from "edgear";
import { withCallback } from "edgear/callback";
import { JobServer } from "edgear/server";

const { CALLBACK_HOST = "hooks.example.com", CALLBACK_CA, CALLBACK_ADDRESS } = process.env;
const { CALLBACK_SECRET = `whsec_${randomBytes(24).toString("base64")}` } = process.env;

const server = await JobServer.listen({ port: 0 });
const worker = new Worker(server.address);
worker.add(
  "shout",
  withCallback((job) => job.workload.json<{ text: string }>().text.toUpperCase(), {
    hosts: [CALLBACK_HOST],
    secret: CALLBACK_SECRET,
    ca: CALLBACK_CA,
    addresses: CALLBACK_ADDRESS ? [CALLBACK_ADDRESS] : [],
    onError: (error) => console.error(error.message),
  }),
);
const working = worker.run();

const client = new Client(server.address);
const job = await client.background("shout", { text: "done", callback: `https://${CALLBACK_HOST}/done?id=7` });
await client.completed(job, { interval: 20 });
const refused = client.run("shout", { text: "no", callback: "https://elsewhere.example/" });
await refused.catch((error: Error) => console.log(error.message));

await client.close();
await worker.close();
await working;
await server.close();
