import { describe, inject, test } from "vitest";
import { cases } from "./cases.ts";

for (const { name, address } of inject("servers"))
  describe(`against ${name}`, () => {
    for (const { name, run } of cases) test(name, () => run({ server: address, silent: inject("silent") }));
  });
