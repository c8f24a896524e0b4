import { admin } from "./admin.ts";
import { background } from "./background.ts";
import { bulk } from "./bulk.ts";
import type { Case } from "./case.ts";
import { closing } from "./closing.ts";
import { faults } from "./faults.ts";
import { life } from "./life.ts";
import { listening } from "./listening.ts";
import { results } from "./results.ts";
import { several } from "./several.ts";
import { status } from "./status.ts";
import { working } from "./working.ts";

/** The shared suite: what holds on every runtime, against every job server. */
export const cases: readonly Case[] = [
  ...background,
  ...results,
  ...status,
  ...faults,
  ...closing,
  ...working,
  ...bulk,
  ...several,
  ...life,
  ...admin,
  ...listening,
];
