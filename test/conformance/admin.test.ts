import { describe, inject, test } from "vitest";
import { admin } from "./admin.ts";
import { environments } from "./case.ts";

// JobServer doesn't know all of these commands yet; once it does, they are part of cases.ts.
for (const { name, environment } of environments(inject("servers"), inject("faulty")).slice(0, 1)) {
  describe(`administering ${name}`, () => {
    for (const { name: what, run } of admin) test(what, () => run(environment));
  });
}
