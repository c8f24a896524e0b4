import { expect, test } from "vitest";
import { deploy } from "../support/deployed.ts";
import { startGearmand } from "../support/gearmand.ts";
import { NARROW } from "../support/tokens.ts";

test("a token that asks too often is refused, and no other one", { timeout: 90_000 }, async () => {
  await using gearmand = await startGearmand();
  await using door = await deploy(
    { GEARMAN_SERVERS: gearmand.address },
    { env: { RATE_LIMITER: { type: "rate-limit", namespace: "4730", simple: { limit: 5, period: 60 } } } },
  );
  const answers: Response[] = [];
  for (let count = 0; count < 8; count++) answers.push(await door.fetch("/jobs/nobody", { method: "POST" }));
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 429, 429, 429]);
  expect(answers[7]?.headers.get("retry-after")).toBe("10");
  expect(await answers[7]?.json()).toMatchObject({ error: { code: "TOO_MANY_REQUESTS" } });
  const other = { authorization: `Bearer ${NARROW}` };
  expect((await door.fetch("/jobs/nobody", { method: "POST", headers: other })).status).toBe(202);
  // Whoever has no token uses up nobody's share.
  for (let count = 0; count < 8; count++) {
    const headers = { authorization: "Bearer nobody" };
    expect((await door.fetch("/jobs/nobody", { method: "POST", headers })).status).toBe(401);
  }
  expect((await door.fetch("/jobs/nobody", { method: "POST", headers: other })).status).toBe(202);
});
