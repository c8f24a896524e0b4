import { describe, inject, test } from "vitest";
import { environments } from "./case.ts";
import { cases } from "./cases.ts";

/** Node's runner runs it, and workerd's: of these, one has ports. */
const capabilities = { listen: navigator.userAgent !== "Cloudflare-Workers" };

for (const { name, environment } of environments(inject("servers"), inject("faulty"), capabilities)) {
  describe(`against ${name}`, () => {
    for (const { name: what, run } of cases) test(what, () => run(environment));
  });
}
