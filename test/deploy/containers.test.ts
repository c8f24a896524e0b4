import { Client } from "edgear";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { parse } from "yaml";
import type { Folder } from "../config/folder.ts";
import { fresh } from "../conformance/names.ts";
import { CliProcess } from "../support/cli.ts";
import { freePort } from "../support/ports.ts";
import { makeApp, recipe, until } from "./app.ts";

interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  failureThreshold?: number;
}

interface Container {
  image: string;
  args: string[];
  env: { name: string; value: string }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
}

const address = inject("servers")[0]?.address ?? "";
const prefix = fresh("container");
let app: Folder;

beforeAll(async () => {
  // The connection of the file is not there: the variable of the deployment stands before it.
  app = await makeApp(prefix, `127.0.0.1:${await freePort()}`);
});

afterAll(() => app?.[Symbol.asyncDispose]());

async function deployment() {
  const { kind, spec } = parse(await recipe("kubernetes.yaml"));
  expect(kind).toBe("Deployment");
  const { spec: pod, metadata } = spec.template;
  expect(metadata.labels).toEqual(spec.selector.matchLabels);
  return { pod, container: pod.containers[0] as Container, annotations: metadata.annotations };
}

/** Instructions of a Dockerfile, in order. */
async function dockerfile(): Promise<[instruction: string, rest: string][]> {
  const text = (await recipe("Dockerfile")).replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, " ");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]);
}

test("what the deployment starts is a pool whose probes answer where they are asked", { timeout: 60_000 }, async () => {
  const { pod, container, annotations } = await deployment();
  const [port] = container.ports;
  expect(container.args).toContain(`--metrics=:${port?.containerPort}`);
  expect(annotations["prometheus.io/port"]).toBe(String(port?.containerPort));
  const here = await freePort();
  const args = container.args.map((arg) =>
    arg.replace(/^--metrics=.*/, `--metrics=127.0.0.1:${here}`).replace(/^--pid=\/tmp/, `--pid=${app.at("run")}`),
  );
  const env = {
    ...Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
    EDGEAR_CONNECTION_DEFAULT: address,
  };
  await using pool = new CliProcess(args, { cwd: app.path, env });
  const { startupProbe, livenessProbe, readinessProbe } = container;
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
    expect(httpGet.port).toBe(port?.name);
    const ok = async () => {
      const response = await fetch(`http://127.0.0.1:${here}${httpGet.path}`).catch(() => undefined);
      // A path that isn't served would be 404 for ever.
      if (response) expect([200, 503], httpGet.path).toContain(response.status);
      await response?.text();
      return response?.ok || undefined;
    };
    expect(await until(`${httpGet.path} is well: ${pool.stderr}`, ok)).toBe(true);
  }
  await using client = new Client(address);
  expect((await client.run(`${prefix}-reverse`, "abc", { timeout: 15_000 })).text()).toBe("cba");
  pool.kill("SIGTERM");
  const { code, stdout } = await pool.ended();
  expect(code).toBe(0);
  // The log is JSON, a line each.
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.length).toBeGreaterThan(1);
  const grace = Number(/--grace=(\d+)s/.exec(container.args.join(" "))?.[1]);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(grace);
});

test("the Dockerfile keeps to the rules of its linters that can be held without one", async () => {
  const lines = await dockerfile();
  const of = (name: string) => lines.filter(([instruction]) => instruction === name).map(([, rest]) => rest);
  const known = [
    "FROM",
    "WORKDIR",
    "COPY",
    "RUN",
    "ENV",
    "USER",
    "EXPOSE",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
  ];
  expect(lines.filter(([instruction]) => !known.includes(instruction))).toEqual([]);
  expect(lines[0]?.[0]).toBe("FROM");
  // Images have a tag, and not "latest"; stages that are copied from are there.
  const stages: string[] = [];
  for (const from of of("FROM")) {
    const [, image = "", stage] = /^(\S+)(?: AS (\S+))?$/.exec(from) ?? [];
    expect(image).toMatch(/^[\w./-]+:(?!latest$)[\w.-]+$/);
    if (stage) stages.push(stage);
  }
  for (const copy of of("COPY")) {
    const [, stage] = /--from=(\S+)/.exec(copy) ?? [];
    if (stage) expect(stages).toContain(stage);
  }
  for (const folder of of("WORKDIR")) expect(folder).toMatch(/^\//);
  // Packages by the lock, and none for development; not as root, and by a program that gets the signals itself.
  expect(of("RUN")).toEqual([expect.stringMatching(/^npm ci --omit=dev/)]);
  expect(of("USER")).toEqual(["node"]);
  for (const name of ["ENTRYPOINT", "CMD"]) expect(of(name).map((json) => JSON.parse(json))).toHaveLength(1);
  expect(of("STOPSIGNAL")).toEqual(["SIGTERM"]);
  const [health = ""] = of("HEALTHCHECK");
  const probe: string[] = JSON.parse(health.slice(health.indexOf("CMD ") + 4));
  const { container } = await deployment();
  expect(probe.join(" ")).toContain(
    `127.0.0.1:${container.ports[0]?.containerPort}${container.livenessProbe.httpGet.path}'`,
  );
  // What the deployment says beside the image's own is workers and the servers.
  const image: string[] = JSON.parse(of("CMD")[0] ?? "[]");
  const joined = container.args.flatMap((arg) => arg.split("=")).filter((arg) => !["--workers", "4"].includes(arg));
  expect(joined).toEqual(image);
  expect(of("EXPOSE")).toEqual([String(container.ports[0]?.containerPort)]);
});
