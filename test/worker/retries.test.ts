import assert from "node:assert/strict";
import { Client, type Job, JobExceptionError, JobFailed, Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";

describe.each(inject("servers"))("retries, over $name", ({ address }) => {
  test("submit a failed background job again with the same bytes, until it succeeds", async () => {
    const name = fresh("flaky");
    const seen: { attempt: number; unique: string; bytes: number[] }[] = [];
    await using worker = new Worker(address);
    const retries: number[] = [];
    worker.on("retry", ({ attempt }) => void retries.push(attempt));
    worker.add(
      name,
      ({ attempt, unique, workload }) => {
        seen.push({ attempt, unique, bytes: [...workload.bytes] });
        if (attempt === 1) throw new Error("first");
        if (attempt === 2) throw new JobFailed();
        return "done";
      },
      { retry: { attempts: 5, backoff: 0 } },
    );
    const running = worker.run();
    await using client = new Client(address);
    await client.background(name, new Uint8Array([0, 255, 10]), { unique: name });
    await eventually("the third attempt", async () => seen.length === 3);
    await worker.close();
    await running;
    const bytes = [0, 255, 10];
    assert.deepEqual(seen, [
      { attempt: 1, unique: name, bytes },
      { attempt: 2, unique: `${name}~try2`, bytes },
      { attempt: 3, unique: `${name}~try3`, bytes },
    ]);
    assert.deepEqual(retries, [2, 3]);
  });

  test("end after the last attempt, in the dead-letter function if one is named", async () => {
    const name = fresh("dying");
    const letters: Job[] = [];
    let attempts = 0;
    await using worker = new Worker(address);
    worker.add(
      name,
      () => {
        attempts++;
        throw new Error("never");
      },
      { retry: { attempts: 2, backoff: 0, deadLetter: `${name}.dead` } },
    );
    worker.add(`${name}.dead`, (job) => void letters.push(job));
    const running = worker.run();
    await using client = new Client(address);
    await client.background(name, "bytes", { unique: name });
    await eventually("the dead letter", async () => letters.length === 1);
    await worker.close();
    await running;
    assert.equal(attempts, 2);
    assert.equal(letters[0]?.workload.text(), "bytes");
    assert.equal(letters[0]?.unique, `${name}~dead`);
  });

  test("leave foreground jobs to their clients", async () => {
    const name = fresh("foreground");
    let attempts = 0;
    await using worker = new Worker(address);
    worker.add(
      name,
      () => {
        attempts++;
        throw new Error("told");
      },
      { retry: { attempts: 3, backoff: 0 } },
    );
    const running = worker.run();
    await using client = new Client(address);
    const error = await rejection(client.run(name, "", { timeout: 10_000 }), JobExceptionError);
    assert.equal(error.message, "told");
    await pause(100);
    assert.equal(attempts, 1);
    await worker.close();
    await running;
  });

  test("wait as long as `backoff` says", async () => {
    const name = fresh("waiting");
    const times: number[] = [];
    const asked: number[] = [];
    await using worker = new Worker(address, { pollInterval: 100 });
    worker.add(
      name,
      () => {
        times.push(Date.now());
        if (times.length === 1) throw new Error("not yet");
      },
      {
        retry: {
          attempts: 2,
          backoff: (attempt) => {
            asked.push(attempt);
            return 600;
          },
        },
      },
    );
    const running = worker.run();
    await using client = new Client(address);
    await client.background(name);
    await eventually("the second attempt", async () => times.length === 2);
    await worker.close();
    await running;
    assert.deepEqual(asked, [1]);
    const waited = (times[1] ?? 0) - (times[0] ?? 0);
    // The server counts in seconds: never too early.
    assert.ok(waited >= 600, `waited ${waited} ms`);
  });

  test("count a job whose time is over as failed", async () => {
    const name = fresh("slow");
    const attempts: number[] = [];
    await using worker = new Worker(address);
    worker.add(
      name,
      ({ attempt }) => {
        attempts.push(attempt);
        return attempt === 1 ? new Promise(() => {}) : undefined;
      },
      { timeout: 50, retry: { attempts: 2, backoff: 0 } },
    );
    const running = worker.run();
    await using client = new Client(address);
    await client.background(name);
    await eventually("the second attempt", async () => attempts.length === 2);
    assert.deepEqual(attempts, [1, 2]);
    await worker.close();
    await running;
  });

  test("keep the unique of a retried job within 63 bytes", async () => {
    const name = fresh("long");
    const uniques: string[] = [];
    await using worker = new Worker(address);
    worker.add(
      name,
      ({ unique, attempt }) => {
        uniques.push(unique);
        if (attempt < 3) throw new Error("again");
      },
      { retry: { attempts: 3, backoff: 0 } },
    );
    const running = worker.run();
    await using client = new Client(address);
    await client.background(name, "", { unique: "u".repeat(63) });
    await eventually("the third attempt", async () => uniques.length === 3);
    assert.ok(uniques.every((unique) => unique.length <= 63));
    assert.match(uniques[2] ?? "", /~try3$/);
    await worker.close();
    await running;
  });
});
