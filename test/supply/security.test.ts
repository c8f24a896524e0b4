import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { Admin, Client, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { describe, test } from "vitest";
import { packet, write } from "../codec/packets.ts";
import { eventually } from "../conformance/case.ts";
import { root } from "../runtimes/installed.ts";
import { startGearmand } from "../support/gearmand.ts";
import { read, section } from "./manifest.ts";

const page = await read("docs/security.md");

function sources(folder: string): string {
  return readdirSync(path.join(root, folder), { recursive: true })
    .filter((file) => String(file).endsWith(".ts"))
    .map((file) => readFileSync(path.join(root, folder, String(file)), "utf8"))
    .join("\n");
}

test("each limit in docs/security.md is an option that there is, with the default that its own page has", async () => {
  const code = sources("src") + sources("worker");
  const pages = (
    await Promise.all(["client", "worker", "admin", "server", "cloudflare"].map((name) => read(`docs/${name}.md`)))
  ).join("\n");
  const rows = section(page, "Limits").matchAll(/^\|[^|]+\| ([^|]*`[^|]*) \| ([^|]+) \|$/gm);
  let limits = 0;
  for (const [, options = "", value = ""] of rows) {
    for (const [, option] of options.matchAll(/`(\w+)`/g)) {
      limits++;
      assert.match(code, new RegExp(`\\b${option}\\??:`), option);
      const size = /^\d[\d,]*( MiB)?(?= *$|[ ;,])/.exec(value)?.[0];
      if (size === undefined || options.includes("TIMEOUT")) continue;
      const lines = pages.split("\n").filter((line) => line.includes(`\`${option}\``));
      assert.ok(
        lines.some((line) => line.includes(size)),
        `${option} is ${size}, and not so in docs: ${lines.join("\n")}`,
      );
    }
  }
  assert.ok(limits >= 15, `${limits} limits`);
});

test("the pages that docs/security.md sends its reader to are there", async () => {
  const names = [...page.matchAll(/docs\/(\w+\.md)(?:, "([^"]+)")?/g)];
  for (const [, name = "", heading] of names) {
    const text = await read(`docs/${name}`);
    if (heading) assert.match(text, new RegExp(`^#+ ${heading}$`, "m"));
  }
  for (const [, name = ""] of page.matchAll(/\]\((\w+\.md)\)/g)) assert.ok(await read(`docs/${name}`));
});

/** The numbers that code gives an option when nobody says otherwise, by all the places that do. */
function defaultsOf(option: string, code: string): number[] {
  const constant = (name: string) => new RegExp(`const ${name} = ([\\d_* ]+);`).exec(code)?.[1] ?? "";
  const said = new RegExp(
    `(?<![#.])\\b${option}(?: = |: \\{ otherwise: )([\\d_]+(?: \\* [\\d_]+)*|[A-Z][A-Z_]+)\\b`,
    "g",
  );
  return [...code.matchAll(said)].map(([, value = ""]) =>
    (/^[A-Z]/.test(value) ? constant(value) : value)
      .split("*")
      .reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1),
  );
}

test("each limit's default in docs/security.md is the one that the code has", () => {
  // The parts that stand on the library have options of their own by the same names, and pages that tell them.
  const parts = ["codec", "connection", "client", "worker", "admin", "server", "cloudflare", "platform"];
  const code = parts.map((part) => sources(`src/${part}`)).join("") + sources("worker");
  const rows = [...section(page, "Limits").matchAll(/^\|[^|]+\| ([^|]*`[^|]*) \| ([^|]+) \|$/gm)];
  let held = 0;
  for (const [, options = "", value = ""] of rows) {
    const names = [...options.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    const numbers = [...value.matchAll(/(\d[\d,]*)( MiB)?/g)].map(
      ([, digits = "", unit]) => Number(digits.replaceAll(",", "")) * (unit ? 2 ** 20 : 1),
    );
    if (names[0] === "reconnect") {
      assert.ok(
        ["retries", "minDelay", "maxDelay"].every((name, at) => defaultsOf(name, code).includes(numbers[at] ?? 0)),
      );
      held++;
      continue;
    }
    for (const [at, name] of names.entries()) {
      if (numbers[at] === undefined) continue;
      // A zero says that there is none.
      const found = new Set(defaultsOf(name, code).filter((each) => each > 0));
      assert.deepEqual(
        [...found],
        [numbers[at]],
        `${name}: ${[...found]} in the code, ${value.trim()} in docs/security.md`,
      );
      held++;
    }
  }
  assert.ok(held >= 13, `${held} defaults`);
});

describe("what docs/security.md claims is so:", () => {
  const library = sources("src");
  const door = sources("worker");

  test("nothing is run that came from elsewhere, and programs are started by the command line and the pool only, without a shell", () => {
    assert.doesNotMatch(library + door, /\beval\(|new Function\(|node:vm|(?<!\bdatabase\.)\bexec(File)?(Sync)?\("/);
    for (const file of readdirSync(path.join(root, "src"), { recursive: true }).map(String)) {
      // The pool starts its own workers, and nothing else: `fork` takes a module, and knows no shell.
      if (!file.endsWith(".ts") || file.startsWith("cli") || file === path.join("pool", "link.ts")) continue;
      assert.doesNotMatch(readFileSync(path.join(root, "src", file), "utf8"), /from "node:child_process"/, file);
    }
    assert.doesNotMatch(sources("src/cli") + sources("src/pool"), /\bshell:/);
    assert.match(sources("src/pool"), /import \{[^}]*\bfork\b[^}]*\} from "node:child_process"/);
    assert.doesNotMatch(sources("src/pool"), /(?<!\.)\b(spawn|exec|execFile)(Sync)?\(/);
  });

  test("certificates are checked unless the user says otherwise", () => {
    assert.doesNotMatch(library + door, /rejectUnauthorized\W+false|NODE_TLS_REJECT_UNAUTHORIZED/);
  });

  test("the door compares tokens in constant time, and its callbacks follow no redirection", () => {
    assert.match(door, /timingSafeEqual/);
    assert.match(door, /redirect: "manual"/);
    assert.doesNotMatch(door, /redirect: "follow"/);
  });

  test("JobServer listens on 127.0.0.1 unless told otherwise", async () => {
    await using server = await JobServer.listen({ port: 0 });
    assert.match(server.address, /^127\.0\.0\.1:\d+$/);
  });

  test("uniques that the library makes can't be guessed from others", async () => {
    await using server = await JobServer.listen({ port: 0 });
    const made: string[] = [];
    for (let count = 0; count < 20; count++) {
      await using client = new Client(server.address);
      made.push((await client.background("f")).unique);
    }
    // 72 bits of each client's own, by chance.
    assert.equal(new Set(made.map((unique) => unique.slice(0, 12))).size, 20);
    assert.match(library, /crypto\.getRandomValues\(new Uint8Array\(9\)\)/);
  });

  test("a name from a stranger can't become another packet or another command", async () => {
    await using server = await JobServer.listen({ port: 0 });
    await using client = new Client(server.address);
    await using admin = new Admin(server.address);
    for (const name of ["", "a\0b", "a\ud800", "x".repeat(8_001)]) {
      await assert.rejects(client.background(name), TypeError, JSON.stringify(name));
      assert.throws(() => new Worker(server.address).add(name, () => ""), TypeError, JSON.stringify(name));
    }
    for (const unique of ["a\0b", "u".repeat(64)])
      await assert.rejects(client.background("f", "", { unique }), TypeError);
    for (const name of ["a b", "a\nversion", "a\tb", "a\rb"]) {
      await assert.rejects(async () => admin.createFunction(name), TypeError, JSON.stringify(name));
      await assert.rejects(async () => admin.dropFunction(name), TypeError, JSON.stringify(name));
    }
    assert.deepEqual(await admin.status(), []);
  });

  test("loggers are told of functions, and of no workload, data or result", async () => {
    const said: string[] = [];
    const log = (...words: unknown[]) => void said.push(words.map(String).join(" "));
    const logger = { debug: log, info: log, warn: log, error: log };
    await using server = await JobServer.listen({ port: 0, logger });
    await using client = new Client(server.address);
    const worker = new Worker(server.address, { logger });
    worker.add("shout", (job) => {
      job.data("secret data");
      return `secret result of ${job.workload.text()}`;
    });
    const running = worker.run();
    assert.match((await client.run("shout", "secret workload")).text(), /secret workload/);
    await worker.close();
    await running;
    assert.ok(
      said.some((line) => line.includes("shout")),
      said.join("\n"),
    );
    assert.ok(!said.some((line) => line.includes("secret")), said.join("\n"));
  });

  const SERVERS: Record<string, () => Promise<{ address: string; port: number } & AsyncDisposable>> = {
    gearmand: () => startGearmand(),
    JobServer: () => JobServer.listen({ port: 0 }),
  };

  test.each(Object.entries(SERVERS))(
    "a function's name may forge the lists that an administrator gets from %s",
    async (_name, start) => {
      await using server = await start();
      const stranger = connect(server.port, "127.0.0.1");
      await once(stranger, "connect");
      stranger.write(write("client", packet(1, ["x\n.\nOK forged\ny"])));
      // The binary protocol, where lengths are said, isn't fooled.
      await using client = new Client(server.address);
      const job = await client.background("true", "");
      await using admin = new Admin(server.address);
      await eventually("the name to be listed", async () => {
        const [, version] = await Promise.allSettled([admin.status(), admin.version()]);
        return version.status === "fulfilled" && version.value === "forged";
      });
      assert.equal((await client.status(job)).state, "queued");
      stranger.destroy();
    },
  );
});
