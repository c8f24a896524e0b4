import { Codec, type Frame } from "edgear/codec";
import { afterEach } from "vitest";

/** What the codecs of the tests are given to begin their generated uniques with. */
export const PREFIX = "abcdefghijkl";

const opened: Codec[] = [];

export function closeAll(): void {
  for (const codec of opened.splice(0)) codec.close();
}

afterEach(closeAll);

/** A codec that is closed when the test is over. */
export function open(onFrame: (frame: Frame) => void = () => {}, peer: "server" | "client" = "server"): Codec {
  const codec = new Codec({ peer, uniquePrefix: PREFIX }, onFrame);
  opened.push(codec);
  return codec;
}

/** How many memories the codec was given while `use` ran. */
export function memoriesMade(use: () => void): number {
  const { Memory } = WebAssembly;
  let made = 0;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      made++;
    }
  };
  try {
    use();
  } finally {
    WebAssembly.Memory = Memory;
  }
  return made;
}
