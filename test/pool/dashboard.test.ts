import { readFile } from "node:fs/promises";
import path from "node:path";
import { Pool, PoolMetrics } from "edgear/pool";
import { describe, expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { parseMetrics } from "./prometheus.ts";

interface Target {
  expr: string;
  refId: string;
  legendFormat: string;
  datasource: { type: string; uid: string };
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  targets?: Target[];
}

interface Dashboard {
  id: null;
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
}

const read = (file: string) => readFile(path.join(root, "docs", file), "utf8");
const dashboard = JSON.parse(await read("observability/grafana.json")) as Dashboard;
const variables = dashboard.templating.list;
const targets = dashboard.panels.flatMap(({ targets = [] }) => targets);
const queries = variables.map(({ query }) => (typeof query === "string" ? query : query.query));
const expressions = [...targets.map(({ expr }) => expr), ...queries];

const functions = { resize: { file: "/nowhere.js", name: "default" } };
const metrics = new PoolMetrics(new Pool({ name: "mail", connection: "default", functions, pool: {} }));
const registered = await metrics.registry.getMetricsAsJSON();
const names = registered.map(({ name }) => name).sort();

/** The metrics that a text names; the parts of a histogram are the histogram's. */
function named(text: string): string[] {
  const parts = [...text.matchAll(/\bedgear_(?:pool|queue|server|build)_\w+/g)].map(([name]) => name);
  return [...new Set(parts.map((name) => name.replace(/_seconds_(bucket|sum|count)$/, "_seconds")))].sort();
}

describe("the Grafana dashboard", () => {
  test("asks for metrics that there are, and leaves none out", () => {
    expect(named(expressions.join("\n"))).toEqual(names);
  });

  test("gives labels that its metrics have", async () => {
    const labels = new Map<string, Set<string>>();
    for (const { name, labelNames } of Object.values(metrics.registry.getMetricsAsArray()) as never as {
      name: string;
      labelNames: string[];
    }[])
      labels.set(name, new Set([...labelNames, "group", "le", "instance"]));
    for (const expression of expressions) {
      for (const [, name = "", braces = ""] of expression.matchAll(/\b(edgear_\w+)\{([^}]*)\}/g)) {
        const [metric = ""] = named(name);
        for (const [, label = ""] of braces.matchAll(/(\w+)(?:=~|=|!=)"/g))
          expect(labels.get(metric), `${label} in ${expression}`).toContain(label);
      }
    }
  });

  test("has the shape of a dashboard: ids, variables, brackets that match, panels beside each other", () => {
    expect(dashboard.id).toBeNull();
    expect(dashboard.uid).toMatch(/^[\w-]{1,40}$/);
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const known = new Set([...variables.map(({ name }) => name), "__rate_interval"]);
    for (const expression of [...expressions, ...targets.map(({ datasource }) => datasource.uid)]) {
      for (const [, name] of expression.matchAll(/\$\{?(\w+)/g)) expect(known, expression).toContain(name);
      for (const [open, close] of ["()", "{}", "[]"] as const)
        expect(expression.split(open as string).length, expression).toBe(expression.split(close as string).length);
    }
    for (const { type, title, targets, gridPos, datasource } of dashboard.panels) {
      expect(["row", "timeseries", "stat"]).toContain(type);
      expect(title).not.toBe("");
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      if (type === "row") continue;
      expect(datasource?.uid, title).toMatch(/^\$\{datasource\}$/);
      const references = (targets ?? []).map(({ refId }) => refId);
      expect(references.length).toBeGreaterThan(0);
      expect(new Set(references).size, title).toBe(references.length);
    }
    // No two lie on each other.
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describe("docs/observability.md", () => {
  test("tells of each metric, its type and its labels, and of no other", async () => {
    const page = await read("observability.md");
    const rows = [...page.matchAll(/^\| `(edgear_\w+)` +\| (\w+) +\| ([^|]*)\|/gm)];
    const told = rows.map(([, name = "", type = "", labels = ""]) => [
      name,
      type,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort(),
    ]);
    const there = metrics.registry.getMetricsAsArray() as never as { name: string; labelNames: string[] }[];
    const types = parseMetrics(await metrics.registry.metrics());
    expect(told.sort()).toEqual(
      there.map(({ name, labelNames }) => [name, types.get(name)?.type, [...labelNames].sort()]).sort(),
    );
    expect(named(page)).toEqual(names);
  });
});
