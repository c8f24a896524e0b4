/*
 * The codec's surface. It imports nothing; its results are read from memory: FRAMES is an array of frames (layout.ts).
 */
export { open, close, setHandlePrefix, uniquePrefix, unbind, missing, detail } from "./connection";
export { FRAMES, room, roomSize, decode, bind, lookUp } from "./decoder";
export { begin, commit, submit, work, arena, used, reset, intern } from "./encoder";
