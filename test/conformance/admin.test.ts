import { describe, inject, test } from "vitest";
import { admin } from "./admin.ts";

// JobServer doesn't know all of these commands yet; once it does, they are part of cases.ts.
for (const { name, address } of inject("servers").filter(({ name }) => name === "gearmand"))
  describe(`administering ${name}`, () => {
    for (const { name, run } of admin) test(name, () => run({ server: address, silent: inject("silent") }));
  });
