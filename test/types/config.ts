// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.
import { defineConfig, type EdgearConfig } from "edgear/config";

defineConfig({
  connections: { default: "jobs1", mixed: ["jobs1:4731", { host: "jobs2", tls: { ca: { file: "./ca.pem" } } }] },
  groups: {
    text: {
      connection: "mixed",
      concurrency: 4,
      functions: {
        reverse: "./text.ts#reverse",
        shout: { handler: "./text.ts", timeout: "30s", retry: { attempts: 3, backoff: 500 }, priority: 1 },
      },
      pool: { workers: 4, maxMemory: "256MB", metrics: ":9464", grace: "20s" },
    },
  },
  $production: { connections: { default: "jobs2" }, groups: { text: { functions: { shout: { timeout: 5 } } } } },
});

const constant = { groups: { text: { functions: { reverse: "./text.ts" } } } } as const satisfies EdgearConfig;
defineConfig(constant);

// @ts-expect-error there is no such key
defineConfig({ conections: {} });
// @ts-expect-error a group has functions
defineConfig({ groups: { text: {} } });
// @ts-expect-error a function has a handler
defineConfig({ groups: { text: { functions: { reverse: { timeout: 5 } } } } });
// @ts-expect-error there is no such option
defineConfig({ groups: { text: { functions: { reverse: { handler: "./text.ts", timout: 5 } } } } });
// @ts-expect-error a number is no server
defineConfig({ connections: { default: 5 } });
// @ts-expect-error nor is there such a key in an environment
defineConfig({ $production: { group: {} } });
