/** `edgear/server`: an embedded job server, in memory. */
export type { ServerTlsOptions } from "../platform/transport.js";
export type { JobServerEvents, ServerConnection, ServerJob } from "./events.js";
export type { JobServerOptions, ListenOptions } from "./options.js";
export type { MemorySocket } from "./pair.js";
export { JobServer } from "./server.js";
export type { WaitForOptions } from "./waiters.js";
