import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { abortable, sleep } from "../../build/src/connection/wait.js";

const reason = new Error("enough");

describe("abortable", () => {
  test("is the promise, as long as nothing aborts", async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(abortable(Promise.reject(reason), signal)).rejects.toBe(reason);
    await expect(abortable(Promise.resolve(7), undefined)).resolves.toBe(7);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("rejects with the signal's reason as soon as it aborts, and leaves no listener", async () => {
    const controller = new AbortController();
    const promise = abortable(new Promise(() => {}), controller.signal);
    expect(getEventListeners(controller.signal, "abort").length).toBe(1);
    controller.abort(reason);
    await expect(promise).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  test("rejects at once when it has aborted, whatever becomes of the promise", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    await expect(abortable(Promise.reject(new Error("late")), AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    let reject = (_error: Error): void => {};
    const promise = new Promise<void>((_, late) => {
      reject = late;
    });
    const waiting = abortable(promise, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    reject(new Error("later"));
    await new Promise((resolve) => setTimeout(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("sleep", () => {
  test("takes its time", async () => {
    vi.useFakeTimers();
    try {
      let awake = false;
      const sleeping = sleep(1_000).then(() => {
        awake = true;
      });
      await vi.advanceTimersByTimeAsync(999);
      expect(awake).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await sleeping;
      expect(awake).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test("ends with the signal's reason when it aborts, and leaves no timer", async () => {
    vi.useFakeTimers();
    try {
      const controller = new AbortController();
      const sleeping = sleep(1_000, controller.signal);
      expect(vi.getTimerCount()).toBe(1);
      controller.abort(reason);
      await expect(sleeping).rejects.toBe(reason);
      expect(vi.getTimerCount()).toBe(0);
      await expect(sleep(1_000, AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
