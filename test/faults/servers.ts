import { JobServer } from "edgear/server";
import { startGearmand } from "../support/gearmand.ts";

/** A server that a test starts for itself. */
export interface OwnServer extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
}

/** Both servers, by name. */
export const SERVERS: Record<string, () => Promise<OwnServer>> = {
  gearmand: startGearmand,
  JobServer: () => JobServer.listen({ port: 0 }),
};
