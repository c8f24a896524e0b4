import { describe, inject, test } from "vitest";
import { environments } from "./case.ts";
import { cases } from "./cases.ts";

for (const { name, environment } of environments(inject("servers"), inject("faulty"))) {
  describe(`against ${name}`, () => {
    for (const { name: what, run } of cases) test(what, () => run(environment));
  });
}
