import { Queue } from "edgear/queue";
import { JobServer } from "edgear/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";

let server: JobServer;

beforeAll(async () => {
  server = await JobServer.listen({ host: "127.0.0.1", port: 0 });
});

afterAll(() => server?.close());

const mails = z.object({ to: z.string(), at: z.string().transform((text) => new Date(text)) });

test("messages are checked before they are put, and read as the validator makes them", async () => {
  await using queue = new Queue({ servers: server.address, messages: { mails } });
  await queue.put("mails", { to: "a@example.com", at: "2026-01-02T03:04:05Z" });
  const wrong = queue.put("mails", { to: 7 } as never);
  await expect(wrong).rejects.toThrow('the message for the queue "mails" is not valid: to: ');
  const { payload } = await queue.get("mails", { timeout: 5_000 });
  const mail = payload.json();
  expect(mail.at).toEqual(new Date("2026-01-02T03:04:05Z"));
  await expect(queue.get("mails", { timeout: 20 })).rejects.toMatchObject({ code: "TIMEOUT" });
});

test("what others put, and isn't valid, is for whoever gets it to decide on", async () => {
  await using others = new Queue({ servers: server.address });
  await others.put("mails", "no JSON");
  await others.put("mails", { to: "b@example.com" });
  await using queue = new Queue({ servers: server.address, messages: { mails } });
  const rejected: string[] = [];
  for await (const message of queue.messages("mails")) {
    expect(() => message.payload.json()).toThrow("the message from the queue");
    rejected.push(message.payload.text());
    await message.reject();
    if (rejected.length === 2) break;
  }
  expect(rejected).toEqual(["no JSON", '{"to":"b@example.com"}']);
  await expect(others.get("mails", { timeout: 20 })).rejects.toMatchObject({ code: "TIMEOUT" });
});
