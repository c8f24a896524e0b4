/** What is measured beside the clients at work. */
import * as codec from "../parts/codec.mjs";
import * as edge from "../parts/edge.mjs";
import * as memory from "../parts/memory.mjs";
import * as scaling from "../parts/scaling.mjs";
import * as server from "../parts/server.mjs";
import * as startup from "../parts/startup.mjs";

/**
 * @typedef {object} Part
 * @property {string} title
 * @property {(options: import("../run.mjs").PartOptions) => Promise<any[]>} measure
 * @property {(results: any[]) => string} table
 */

/** @type {Record<string, Part>} */
export const PARTS = { codec, scaling, memory, startup, edge, server };
