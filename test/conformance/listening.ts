import assert from "node:assert/strict";
import { JobServer } from "edgear/server";
import { type Case, Client, rejection, Worker } from "./case.ts";

/** The embedded server, where there are ports to listen on. */
export const listening: readonly Case[] = [
  {
    name: "an embedded server listens and serves, or says that nobody can here",
    async run({ capabilities }) {
      if (!capabilities.listen) {
        const { message } = await rejection(JobServer.listen({ port: 0 }), TypeError);
        assert.match(message, /accept no TCP connections/);
        return;
      }
      const server = await JobServer.listen({ port: 0 });
      const worker = new Worker(server.address);
      worker.add("upper", (job) => job.workload.text().toUpperCase());
      const running = worker.run();
      const client = new Client(server.address);
      assert.equal((await client.run("upper", "abc")).text(), "ABC");
      await client.close();
      await worker.close();
      await running;
      await server.close();
    },
  },
];
