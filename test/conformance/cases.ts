import { background } from "./background.ts";
import type { Case } from "./case.ts";
import { closing } from "./closing.ts";
import { faults } from "./faults.ts";
import { results } from "./results.ts";
import { status } from "./status.ts";
import { working } from "./working.ts";

/** The shared suite: what holds on every runtime, against every job server. */
export const cases: readonly Case[] = [...background, ...results, ...status, ...faults, ...closing, ...working];
