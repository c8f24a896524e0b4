import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { makeCertificates } from "../support/certificates.ts";
import { command } from "../support/command.ts";
import { type Delivery, SECRET, startHooks, verified } from "./hooks.ts";

test("examples/callback.ts", async () => {
  const { server, ca } = await makeCertificates();
  await using hooks = await startHooks(server);
  const file = fileURLToPath(new URL("../../examples/callback.ts", import.meta.url));
  const env = { CALLBACK_HOST: hooks.host, CALLBACK_SECRET: SECRET, CALLBACK_CA: ca, CALLBACK_ADDRESS: "127.0.0.1" };
  const { code, stdout, stderr } = await command(process.execPath, [file], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain('callback must be at a host that is listed, which "elsewhere.example" is not');
  expect(hooks.deliveries.map(({ url }) => url)).toEqual(["/done?id=7"]);
  expect(verified(hooks.deliveries[0] as Delivery)).toMatchObject({
    type: "job.complete",
    data: { result: { text: "DONE" } },
  });
});
