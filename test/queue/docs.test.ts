import { readFile } from "node:fs/promises";
import path from "node:path";
import { Queue } from "edgear/queue";
import { expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import { startGearmand } from "../support/gearmand.ts";
import { BackgroundProcess } from "../support/process.ts";

test("the first example's loop outlives a connection that is lost in mid-work", { timeout: 60_000 }, async () => {
  const page = await readFile(path.join(root, "docs/queue.md"), "utf8");
  const [loop] = /^for await \(const message of queue\.messages\("mails".*?^\}$/ms.exec(page) ?? [];
  expect(loop).toContain("void deliver(");
  await using gearmand = await startGearmand();
  await using line = await FaultProxy.to(gearmand.port);
  // A delivery takes until the connection that brought the message is gone, the first time.
  const program = `
    import { Queue } from "edgear/queue";
    const queue = new Queue({ servers: ${JSON.stringify(line.address)} });
    let times = 0;
    async function deliver(mail) {
      console.log("delivering", mail.to);
      if (times++ === 0) await new Promise((resolve) => queue.on("error", () => setTimeout(resolve, 100)));
    }
    ${loop}`;
  await using consumer = await BackgroundProcess.start(process.execPath, ["--input-type=module", "--eval", program]);
  await using queue = new Queue({ servers: gearmand.address });
  await queue.put("mails", { to: "ada" });
  await expect.poll(() => consumer.output, { timeout: 20_000 }).toContain("delivering ada");
  line.reset();
  await expect.poll(() => consumer.output, { timeout: 20_000 }).toContain("it is no longer ours");
  await expect.poll(() => consumer.output.split("delivering ada"), { timeout: 20_000 }).toHaveLength(3);
  await queue.put("mails", { to: "grace" });
  await expect.poll(() => consumer.output, { timeout: 20_000 }).toContain("delivering grace");
});
