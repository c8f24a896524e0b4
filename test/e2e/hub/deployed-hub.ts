import { type Deployed, deploy } from "../../support/deployed.ts";
import { textLines } from "../../support/text-command.ts";

/** Runs worker.ts, with its hubs. */
export function deployHub(vars: Record<string, string | number>): Promise<Deployed> {
  const objects = {
    GEARMAN_HUB: "GearmanHub",
    PRIVATE_HUB: "PrivateHub",
    SILENT_HUB: "SilentHub",
    RESTARTED_HUB: "RestartedHub",
  };
  return deploy(vars, { script: "test/e2e/hub/worker.ts", objects });
}

/** What the Worker answers with: a result's fields, or an error's. */
export type Answer = Record<string, unknown>;

/** Has the Worker call a method of a hub's client, or of a client of the request's own. */
export async function ask(at: Deployed, method: string, args: unknown[] = [], more: object = {}): Promise<unknown> {
  const body = JSON.stringify({ method, args, ...more });
  const response = await at.fetch("/", { method: "POST", body, signal: AbortSignal.timeout(30_000) });
  return response.json();
}

/** Connections of clients: those that gearmand lists with no function, but the one that asks. */
export async function clients(port: number): Promise<number[]> {
  const lines = await textLines(port, "workers");
  const idle = lines.filter((line) => line.trimEnd().endsWith(":")).map((line) => Number(line.split(" ")[0]));
  return idle.slice(0, -1);
}
