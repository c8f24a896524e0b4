// A small program, as it is bundled for Node: submits a job and asks for its status. Argument: the server.
import { Client } from "edgear";

const client = new Client(process.argv[2]);
const job = await client.background("nobody", { id: 7 });
const { state } = await client.status(job);
await client.close();
process.stdout.write(JSON.stringify({ server: job.server, state }));
