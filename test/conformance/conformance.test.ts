import { describe, expect, inject, test } from "vitest";
import { environments } from "./case.ts";
import { cases } from "./cases.ts";

/** Node's runner runs it, and workerd's: of these, one has ports. */
const inWorkerd = navigator.userAgent === "Cloudflare-Workers";
const runtime = inWorkerd ? `workerd ${inject("workerd")}` : `Node ${process.versions.node}`;

for (const { name, environment } of environments(inject("servers"), inject("faulty"), { listen: !inWorkerd })) {
  describe(`against ${name}`, () => {
    let passed = 0;
    for (const { name: what, run } of cases) {
      test(what, async () => {
        await run(environment);
        passed++;
      });
    }

    test("that was all of them", () => {
      // biome-ignore lint/suspicious/noConsole: nothing else that workerd prints comes out
      console.log(`${runtime}, ${name}: ${passed} passed`);
      expect(passed).toBe(cases.length);
    });
  });
}
