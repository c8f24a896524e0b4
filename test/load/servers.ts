import { JobServer } from "edgear/server";
import { startGearmand } from "../support/gearmand.ts";

/** A packet body of 64 MiB, and the names before it. */
export const LARGEST = 64 * 1024 * 1024 + 4096;

/**
 * By default it has 32 connections wait to be taken, and of 1,000 that come at once the system resets some; and its table
 * of handles is small, in which 100,000 jobs are slow to find.
 */
const GEARMAND = ["--backlog=1024", "--hashtable-buckets=1000003"];

/** Both servers, for many jobs, and for large ones. */
export const SERVERS = {
  gearmand: (port?: number) => startGearmand({ args: GEARMAND, ...(port && { port }) }),
  JobServer: (port = 0) => JobServer.listen({ port, maxPacketSize: LARGEST, maxPending: 4 * LARGEST }),
};
