import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { onAbort } from "../../build/src/connection/signals.js";

test("one listener serves all who wait for a signal, each of whom is told once", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Array.from({ length: 50 }, () => vi.fn());
  const releases = calls.map((call) => onAbort(signal, call));
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  releases[7]?.();
  releases[7]?.();
  controller.abort();
  calls.forEach((call, index) => {
    expect(call).toHaveBeenCalledTimes(index === 7 ? 0 : 1);
  });
  for (const release of releases) release();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("the same function may wait twice, and be taken back once", () => {
  const controller = new AbortController();
  const call = vi.fn();
  const release = onAbort(controller.signal, call);
  onAbort(controller.signal, call);
  release();
  controller.abort();
  expect(call).toHaveBeenCalledTimes(1);
});

test("no listener is left when nobody waits any more, and another may begin", () => {
  const { signal } = new AbortController();
  onAbort(signal, () => {})();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  const release = onAbort(signal, () => {});
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  release();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("a signal that has aborted calls at once", () => {
  const call = vi.fn();
  const signal = AbortSignal.abort();
  onAbort(signal, call)();
  expect(call).toHaveBeenCalledTimes(1);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("whoever is told may take others back", () => {
  const controller = new AbortController();
  const other = vi.fn();
  let release = () => {};
  onAbort(controller.signal, () => release());
  release = onAbort(controller.signal, other);
  controller.abort();
  expect(other).not.toHaveBeenCalled();
});
