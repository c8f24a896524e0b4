/** Writes docs/edgear.schema.json, which editors check edgear.config.json and .yaml by. Run it when src/config/schema.ts has changed. */

import { writeFileSync } from "node:fs";
import { jsonSchema } from "../build/src/config/schema.js";

const file = new URL("../docs/edgear.schema.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
