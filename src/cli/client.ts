import { Client } from "../index.js";
import { type ServerChoice, serverList } from "./options.js";

/** Uses a client, and closes it: in peace when all went well, else at once, as what is in flight is of no use any more. */
export async function withClient<T>({ servers }: ServerChoice, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(serverList(servers));
  try {
    const result = await use(client);
    await client.close();
    return result;
  } finally {
    client.destroy();
  }
}
