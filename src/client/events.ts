/** A client's connections, as they come and go. Durations are in milliseconds, servers are named `host:port`. */
export interface ClientEvents {
  /** A connection to a server is there. */
  connect: { server: string; duration: number };
  /** A connection is gone; `error` is what it was lost to, or undefined when the server or the client closed it. */
  disconnect: { server: string; error: Error | undefined };
  /** A server that had been lost is connected again; comes after `connect`. `away` is how long it was gone. */
  reconnect: { server: string; away: number };
  /** A server could not be connected to. Calls go on with the others; they reject when there is none. */
  error: { server: string; error: Error };
}
