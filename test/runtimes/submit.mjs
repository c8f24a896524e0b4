// What a stranger's first program does: submit a background job, and ask for its status. Argument: the server.
import { Client } from "edgear";

const client = new Client(process.argv[2]);
const job = await client.background("nobody", { id: 7 });
const { state } = await client.status(job);
await client.close();
process.stdout.write(JSON.stringify({ handle: job.handle, server: job.server, state }));
