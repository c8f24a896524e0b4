import { expect, inject, test } from "vitest";
import { deploy } from "../support/deployed.ts";

const OK = { code: "OK" };
const REQUEST_SCOPE = {
  code: "REQUEST_SCOPE",
  message: expect.stringContaining("make a Client inside each fetch()"),
  typed: true,
};

test.each(["/", "/admin"])(
  "a client of another Workers request says what is wrong, instead of hanging: %s",
  { timeout: 90_000 },
  async (path) => {
    const [{ address } = { address: "" }] = inject("servers");
    await using worker = await deploy({ GEARMAN_SERVERS: address }, "test/e2e/shared-client.ts");
    const ask = async () => {
      const response = await worker.fetch(path, { signal: AbortSignal.timeout(10_000) });
      return response.json();
    };
    expect(await ask()).toEqual(OK);
    expect(await ask()).toEqual(REQUEST_SCOPE);
  },
);
