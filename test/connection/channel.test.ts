import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PacketType } from "../../build/assembly/protocol.js";
import { Channel } from "../../build/src/connection/channel.js";

/** A channel over a stream that only counts what is written to it. */
function counting(): { channel: Channel; writes: () => number } {
  let writes = 0;
  const channel = new Channel({ peer: "server" }, { frame() {}, closed() {} });
  channel.attach({
    ...{ pending: 0, writable: true, pause() {}, resume() {}, end() {}, destroy() {} },
    write() {
      writes++;
    },
  });
  return { channel, writes: () => writes };
}

// The clock goes on when a test says so: the machine may take the processor away at any time, and for longer.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function put(channel: Channel): void {
  channel.codec.encoder.packet(PacketType.ECHO_REQ, [], "x");
  channel.send();
}

test("what is put down in one chain of microtasks goes out in one write", async () => {
  const { channel, writes } = counting();
  for (let packet = 0; packet < 50; packet++) {
    put(channel);
    await null;
    await null;
  }
  expect(writes()).toBe(0);
  await new Promise((resolve) => setTimeout(resolve));
  expect(writes()).toBe(1);
  channel.discard();
});

test("a program that computes between its packets has them sent meanwhile", async () => {
  const { channel, writes } = counting();
  for (let packet = 0; packet < 20; packet++) {
    put(channel);
    vi.advanceTimersByTime(3);
    await null;
  }
  expect(writes()).toBeGreaterThanOrEqual(4);
  channel.discard();
});
