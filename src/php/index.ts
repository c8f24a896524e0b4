/*
 * What PHP programs share jobs by: its serialize(), and the shapes that PHP's Gearman packages give to jobs. docs/php.md
 */
export { type LithiumOptions, type LithiumTask, lithium } from "./lithium.js";
export { type MagentoTask, magento } from "./magento.js";
export { netGearman } from "./net-gearman.js";
export type { UnserializeOptions } from "./options.js";
export { MethodRouter } from "./router.js";
export { type SerializeOptions, serialize } from "./serialize.js";
export { sfGearman } from "./sf-gearman.js";
export { unserialize } from "./unserialize.js";
export { PhpEnum, PhpFloat, PhpObject } from "./values.js";
