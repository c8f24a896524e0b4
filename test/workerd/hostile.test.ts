import { describe, expect, inject, test, vi } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { ask, askWith, inPieces, post, problem } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");

describe("nothing reaches the wire unchecked", () => {
  test.for([
    ["POST", "/jobs/a%0Ab", {}, /^the path must not have control characters/],
    ["POST", "/jobs/a%0D%0Ashutdown", {}, /control characters/],
    ["POST", "/jobs/a%09b", {}, /control characters/],
    ["POST", "/jobs/%C2%85", {}, /control characters/],
    ["POST", "/jobs/%E2%80%A8", {}, /control characters/],
    ["POST", "/run/a%0Ab", {}, /control characters/],
    ["POST", "/run/%00", {}, /must not have a NUL/],
    ["GET", "/jobs/H:x:1%0A", {}, /control characters/],
    ["GET", "/jobs?unique=a%0Ab", {}, /^unique must not have control characters/],
    ["GET", "/jobs?unique=%00", {}, /must not have a NUL/],
    ["GET", "/jobs?unique=", {}, /can't be asked for/],
    ["GET", `/jobs?unique=${"u".repeat(64)}`, {}, /63 bytes at most/],
    ["GET", "/jobs?unique=a&unique=b", {}, /the parameter unique twice$/],
    ["GET", "/jobs", {}, /^say which job/],
    ["POST", "/jobs/f?unique=a%0Db", {}, /control characters/],
    ["POST", "/jobs/f?delay=1&delay=1", {}, /the parameter delay twice$/],
    ["POST", "/run/f?timeout=1&timeout=1", {}, /the parameter timeout twice$/],
    ["POST", "/jobs/f", { "idempotency-key": "" }, /^Idempotency-Key must be one key/],
    ["POST", "/jobs/f", { "idempotency-key": "-" }, /^Idempotency-Key must not be "-"/],
    ["POST", "/jobs/f", { "idempotency-key": "a b" }, /^Idempotency-Key must be one key/],
    ["POST", "/jobs/f", { "idempotency-key": "a, b" }, /^Idempotency-Key must be one key/],
    ["POST", "/jobs/f", { "idempotency-key": "k".repeat(64) }, /1 to 63 ASCII characters/],
    ["POST", "/jobs/f?unique=a", { "idempotency-key": "a" }, /say the same thing twice/],
    ["POST", "/run/f?unique=a", { "idempotency-key": "a" }, /say the same thing twice/],
    ["POST", "/jobs/f", { "content-length": "-1" }, /^the header Content-Length must be a number/],
    ["POST", "/jobs/f", { "content-length": "1e3" }, /^the header Content-Length must be a number/],
    ["POST", "/jobs/f", { "content-length": "1, 1" }, /^the header Content-Length must be a number/],
    ["POST", "/jobs/f", { "content-length": "10" }, /says 10 bytes, and the body has 1$/],
    ["POST", "/run/f", { "content-length": "0" }, /says 0 bytes, and the body has 1$/],
    ["POST", "/jobs/f?callback=https://hooks.example.com/", {}, /^callbacks are not taken here/],
  ] as const)("%s %s %j", async ([method, path, headers, words]) => {
    const init = { method, headers, ...(method === "POST" && { body: "x" }) };
    const { status, code, message } = await problem(await askWith({ GEARMAN_SERVERS: AWAY }, path, init));
    expect([status, code]).toEqual([400, "BAD_REQUEST"]);
    expect(message).toMatch(words);
  });

  test.for(["2147483648", "4294967297", "99999999999999999999999999"])(
    "a body of %s bytes, as it says",
    async (length) => {
      for (const path of ["/jobs/f", "/run/f"]) {
        const init = { method: "POST", body: inPieces(1), headers: { "content-length": length } };
        const { status, message } = await problem(await askWith({ GEARMAN_SERVERS: AWAY }, path, init));
        expect(status).toBe(413);
        expect(message).toContain(`has ${length} bytes`);
      }
    },
  );

  test("a body that breaks off", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(10));
        controller.error(new Error("gone"));
      },
    });
    const { status, message } = await problem(
      await askWith({ GEARMAN_SERVERS: AWAY }, "/jobs/f", { method: "POST", body }),
    );
    expect([status, message]).toEqual([400, "the body broke off"]);
  });

  test.for(["/jobs/f", "/run/f", "/jobs"])("a compressed body: %s", async (path) => {
    const headers = { "content-encoding": "gzip", "content-type": "application/x-ndjson" };
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, path, { method: "POST", body: "x", headers });
    expect(await problem(response)).toMatchObject({ status: 415, message: expect.stringContaining('"gzip"') });
  });
});

test("Idempotency-Key is the unique: a request that is sent again is the same job", async () => {
  const key = fresh("key");
  const first = await (await post("/jobs/nobody", "x", { "idempotency-key": key })).json();
  expect(first).toMatchObject({ unique: key });
  expect(await (await post("/jobs/nobody", "x", { "idempotency-key": key })).json()).toEqual(first);
  expect(await (await ask(`/jobs?unique=${key}`)).json()).toMatchObject({ unique: key, state: "queued" });
});

describe("callbacks", () => {
  const secret = `whsec_${btoa("a key of twenty-four bytes")}`;
  const env = {
    GEARMAN_SERVERS: address,
    CALLBACK_HOSTS: ["hooks.example.com", "hooks.example.com:8443"],
    CALLBACK_SECRET: secret,
  };

  test.for([
    ["http://hooks.example.com/", /must be an https:/],
    ["ftp://hooks.example.com/", /must be an https:/],
    ["javascript:alert(1)", /must be an https:/],
    ["hooks.example.com", /must be a URL/],
    ["https://evil.example/", /at a host that CALLBACK_HOSTS lists, which "evil.example" is not$/],
    ["https://hooks.example.com.evil.example/", /CALLBACK_HOSTS/],
    ["https://hooks.example.com:444/", /CALLBACK_HOSTS/],
    ["https://hooks.example.com@evil.example/", /must not have a user name/],
    ["https://evil.example\\@hooks.example.com/", /CALLBACK_HOSTS/],
    ["https://user:pass@hooks.example.com/", /must not have a user name/],
    ["https://127.0.0.1/", /CALLBACK_HOSTS/],
    ["https://[::1]/", /CALLBACK_HOSTS/],
    ["", /must be a URL/],
    ["https://hooks.example.com/a\nb", /^callback must not have spaces or control characters/],
    ["https://hooks.exam\tple.com/", /^callback must not have spaces or control characters/],
    [" https://hooks.example.com/", /^callback must not have spaces or control characters/],
    ["https://hooks.example.com/\0", /^callback must not have spaces or control characters/],
  ] as const)("go only where they may: %s", async ([url, words]) => {
    const path = `/jobs/f?callback=${encodeURIComponent(url)}`;
    const { status, message } = await problem(
      await askWith({ ...env, GEARMAN_SERVERS: AWAY }, path, { method: "POST" }),
    );
    expect(status).toBe(400);
    expect(message).toMatch(words);
  });

  test.for([
    ["Hooks.Example.com", "https://hooks.example.com/a"],
    ["hooks.example.com:443", "https://hooks.example.com/a"],
    ["bücher.example", "https://xn--bcher-kva.example/"],
    ["[0:0:0:0:0:0:0:1]:8443", "https://[::1]:8443/"],
  ])("go to a host that is listed otherwise than URLs have it: %s", async ([host = "", url = ""]) => {
    const env = { GEARMAN_SERVERS: AWAY, CALLBACK_SECRET: secret, CALLBACK_HOSTS: ["other.example", host] };
    const path = `/jobs/f?callback=${encodeURIComponent(url)}`;
    // It has come as far as to the job server, which is away.
    expect((await askWith(env, path, { method: "POST" })).status).toBe(502);
  });

  test.for(["https://hooks.example.com", "hooks.example.com/", "*.example.com", "hooks example", "a@b", "a:99999"])(
    "to a host that is listed so that it can never match are set up wrongly: %s",
    async (host) => {
      const log = vi.spyOn(console, "error").mockImplementation(() => {});
      const env = { GEARMAN_SERVERS: AWAY, CALLBACK_SECRET: secret, CALLBACK_HOSTS: [host] };
      const path = `/jobs/f?callback=${encodeURIComponent("https://hooks.example.com/")}`;
      const { code, message } = await problem(await askWith(env, path, { method: "POST" }));
      expect([code, message]).toEqual(["MISCONFIGURED", expect.stringContaining(`CALLBACK_HOSTS has "${host}"`)]);
      log.mockRestore();
    },
  );

  test("don't go with a delay", async () => {
    const path = `/jobs/f?delay=1&callback=${encodeURIComponent("https://hooks.example.com/")}`;
    expect((await problem(await askWith(env, path, { method: "POST" }))).message).toMatch(/can't have a delay/);
  });
});
