import { Client } from "edgear";
import { MethodRouter } from "edgear/php";
import { JobServer } from "edgear/server";
import { expect, test } from "vitest";
import { startWorker } from "../support/worker.ts";

class Base {
  shout(text: string): string {
    return text.toUpperCase();
  }
}

class Hello extends Base {
  readonly #greeting = "Hello";
  own = (text: string) => `own ${text}`;
  get got(): () => string {
    throw new Error("a getter was called");
  }
  say(text: string): string {
    return `${this.#greeting} ${text}`;
  }
  secret(): string {
    return "secret";
  }
  static made(text: string): string {
    return `static ${text}`;
  }
}

test("methods are called by their names, in all of the forms that PHP has", () => {
  const router = new MethodRouter().add("app.tasks.Hello", new Hello(), ["say", "shout", "own"]);
  router.add("Statics", Hello, ["made"]);
  expect(router.functions).toEqual([
    "app.tasks.Hello.say",
    "app.tasks.Hello.shout",
    "app.tasks.Hello.own",
    "Statics.made",
  ]);
  for (const name of ["app.tasks.Hello.say", "app\\tasks\\Hello::say", "\\app\\tasks\\Hello::say"])
    expect(router.call(name, ["Ada"])).toBe("Hello Ada");
  expect(router.call("app.tasks.Hello.shout", ["a"])).toBe("A");
  expect(router.call("app.tasks.Hello.own", ["a"])).toBe("own a");
  expect(router.call("Statics::made", ["a"])).toBe("static a");
});

test("and no others", () => {
  const router = new MethodRouter().add("Hello", new Hello(), ["say"]);
  const wrong = [
    "Hello.secret",
    "Hello.constructor",
    "Hello.toString",
    "Hello.__proto__",
    "Hello",
    "",
    "say",
    "::say",
    "Hello::",
    "Hello::say::x",
    "constructor.constructor",
  ];
  for (const name of wrong) {
    expect(router.has(name)).toBe(false);
    expect(() => router.call(name)).toThrow("there is no method");
  }
  const add =
    (methods: string[], target: object = new Hello(), name = "Hello") =>
    () =>
      new MethodRouter().add(name, target, methods as never);
  for (const method of ["toString", "hasOwnProperty", "constructor", "__proto__", "got", "missing"])
    expect(add([method])).toThrow(`has no method ${JSON.stringify(method)} of its own`);
  expect(add(["call"], Hello)).toThrow('has no method "call" of its own');
  expect(add([])).toThrow("must be a list of names");
  expect(add(["say"], 7 as never)).toThrow("must be an object with methods, not 7");
  expect(add(["say"], new Hello(), "a b")).toThrow("is no name of a class and a method");
  expect(add(["say"], new Hello(), "")).toThrow("is no name of a class and a method");
});

test("a worker has a function for each", async () => {
  await using server = await JobServer.listen({ host: "127.0.0.1", port: 0 });
  const router = new MethodRouter().add(
    "app.tasks.Hello",
    { say: (job: { workload: { text(): string } }) => `Hello ${job.workload.text()}` },
    ["say"],
  );
  await using running = startWorker(server.address, { none: () => "" });
  router.register(running.worker);
  await using client = new Client(server.address);
  expect((await client.run("app.tasks.Hello.say", "Ada")).text()).toBe("Hello Ada");
});
