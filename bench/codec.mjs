/** Both codecs in one process, for people to look at: `node bench/codec.mjs`. Install bench's packages first. */
import { bench, do_not_optimize, run, summary } from "mitata";
import { CASES } from "./codec/sides.mjs";

for (const [name, { packets, bytes, plain, edgear }] of Object.entries(CASES)) {
  const per = `${packets} packets${bytes ? `, ${bytes} B` : ""}`;
  summary(() => {
    bench(`${name} (${per}): plain`, () => do_not_optimize(plain()));
    bench(`${name} (${per}): edgear`, () => do_not_optimize(edgear()));
  });
}
await run();
