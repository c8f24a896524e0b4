/** `edgear/server`: an embedded job server, in memory. */
export { JobServer, type JobServerOptions } from "./server.js";
