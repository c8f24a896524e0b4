import { expect, inject, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";

const OK = { code: "OK" };
const REQUEST_SCOPE = {
  code: "REQUEST_SCOPE",
  message: expect.stringContaining("make a Client inside each fetch()"),
  typed: true,
};

async function ask(worker: Deployed, query = ""): Promise<unknown> {
  const response = await worker.fetch(`/${query}`, { signal: AbortSignal.timeout(10_000) });
  return response.json();
}

test.each(["", "?what=admin"])(
  "a client of another Workers request says what is wrong, instead of hanging: %s",
  {
    timeout: 90_000,
  },
  async (query) => {
    const [{ address } = { address: "" }] = inject("servers");
    await using worker = await deploy({ GEARMAN_SERVERS: address }, { script: "test/e2e/shared-client.ts" });
    expect(await ask(worker, query)).toEqual(OK);
    expect(await ask(worker, query)).toEqual(REQUEST_SCOPE);
  },
);

test("nor does a request that comes while another one uses the client, and it does that one no harm", {
  timeout: 90_000,
}, async () => {
  const [{ address } = { address: "" }] = inject("servers");
  await using worker = await deploy({ GEARMAN_SERVERS: address }, { script: "test/e2e/shared-client.ts" });
  const answers = await Promise.all([ask(worker, "?hold=1000"), ...Array.from({ length: 5 }, () => ask(worker))]);
  // Whichever came first.
  expect(answers.filter((answer) => (answer as { code: string }).code === "OK")).toEqual([OK]);
  expect(answers.filter((answer) => (answer as { code: string }).code !== "OK")).toEqual(Array(5).fill(REQUEST_SCOPE));
});

test("nor one that comes while the other's connection is being made", { timeout: 90_000 }, async () => {
  // By TLS, to a server that says nothing, it takes as long as it may.
  await using worker = await deploy(
    { GEARMAN_SERVERS: `gearmans://${inject("faulty").silent}` },
    { script: "test/e2e/shared-client.ts" },
  );
  const codes = (await Promise.all(Array.from({ length: 4 }, () => ask(worker)))) as { code: string }[];
  expect(codes.filter(({ code }) => code === "REQUEST_SCOPE")).toHaveLength(3);
});
