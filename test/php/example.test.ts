import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";
import { startGearmand } from "../support/gearmand.ts";
import { BackgroundProcess } from "../support/process.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/php.ts", import.meta.url));

test("examples/php.ts", async () => {
  const { code, stdout, stderr } = await command(process.execPath, [EXAMPLE]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("of: 'Hello!', length: 6");
  expect(stdout).toContain("id: 1234, payload: 'cba'");
  expect(stdout).toContain("{ result: 6 }\nHello Ada\n");
});

test("it works for clients in PHP", async () => {
  await using gearmand = await startGearmand();
  await using example = await BackgroundProcess.start(process.execPath, [EXAMPLE, gearmand.address]);
  await expect.poll(() => example.output, { timeout: 10_000 }).toContain("works");
  const code = `
    $client = new GearmanClient();
    $client->addServer('127.0.0.1', ${gearmand.port});
    $client->setTimeout(10000);
    echo json_encode(unserialize($client->doNormal('hash', 'Hello!'))), "\\n";
    echo $client->doNormal('Sum', '[1,2,3.5]'), "\\n";`;
  const { stdout, stderr } = await command("php", ["-r", code]);
  expect({ stdout, stderr }).toEqual({ stdout: '{"of":"Hello!","length":6}\n{"result":6.5}\n', stderr: "" });
});
