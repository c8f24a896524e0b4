import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { TOKENS } from "./test/support/tokens.ts";

/** One test runs until here at most; nothing that is tested takes a tenth of it. */
const testTimeout = 20_000;

/** So long a state is waited for, by default: a machine may have other things to do. */
const expect = { poll: { timeout: 15_000 } };

/** What runs first. Without a number it would run behind all that have one. */
const sequence = { groupOrder: 1 };

/** Files at once of what mostly waits: for processes, servers and clocks. One for each core but one, by default, would be one on two. */
const maxWorkers = 2;

/** Tests of short time limits, which a busy machine overruns: by themselves, a few files at once. */
const faults = ["test/faults/**/*.test.ts", "test/hostile/**/*.test.ts"];

/** Tests that take all that the machine has: they come last, beside none that has short time limits. */
const heavy = ["test/fuzz/**/*.test.ts", "test/load/**/*.test.ts", "test/model/**/*.test.ts"];

export default defineConfig({
  test: {
    globalSetup: "test/support/global-setup.ts",
    projects: [
      {
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/workerd/**", "test/bench/**", "**/node_modules/**", ...faults, ...heavy],
          testTimeout,
          maxWorkers,
          expect,
          sequence,
        },
      },
      {
        // Last, and alone: files that run beside it would make it slow, and it would blame the codec.
        test: { name: "bench", include: ["test/bench/**/*.test.ts"], testTimeout, sequence: { groupOrder: 4 } },
      },
      { test: { name: "faults", include: faults, testTimeout, expect, maxWorkers, sequence: { groupOrder: 2 } } },
      { test: { name: "heavy", include: heavy, testTimeout, expect, sequence: { groupOrder: 3 } } },
      {
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              compatibilityFlags: ["nodejs_compat"],
              bindings: { GEARMAN_SERVERS: inject("servers")[0]?.address ?? "", GEARMAN_TOKENS: TOKENS },
            },
          })),
        ],
        test: {
          name: "workerd",
          include: [
            "test/conformance/**/*.test.ts",
            "test/client/lost-connections.test.ts",
            "test/client/validators.test.ts",
            "test/workerd/**/*.test.ts",
          ],
          testTimeout,
          maxWorkers,
          expect,
          sequence,
        },
      },
    ],
  },
});
