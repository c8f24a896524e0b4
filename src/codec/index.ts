/** `edgear/codec`: packets to bytes and back, for whoever builds something else on Gearman's protocol. */
export * from "../../assembly/protocol.js";
export { Codec, type CodecOptions, DEFAULT_MAX_PACKET_SIZE } from "./codec.js";
export type { Decoder } from "./decoder.js";
export type { Encoder } from "./encoder.js";
export type { Frame } from "./frame.js";
