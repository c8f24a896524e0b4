/*
 * The codec's surface. It imports nothing; its results are read from memory: FRAMES is an array of frames (layout.ts).
 */
export { close, detail, missing, open, setHandlePrefix, unbind, uniquePrefix } from "./connection";
export { bind, decode, FRAMES, lookUp, room, roomSize } from "./decoder";
export { arena, begin, commit, intern, reset, submit, work } from "./encoder";
