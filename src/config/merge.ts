/* Environments: `$production` stands over what all have. */

/** An object, key by key. */
export type Values = Readonly<Record<string, unknown>>;

/** An object as files have it: no list, no instance of something. */
export function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/**
 * Merges what an environment has otherwise into what all have: objects key by key, all else is replaced. So is a
 * connection as a whole: a server's host and another's TLS would be a server that nobody has named.
 */
export function merge(base: unknown, over: unknown, path: readonly string[] = []): unknown {
  if (over === undefined) return base;
  if (!isObject(base) || !isObject(over) || (path[0] === "connections" && path.length === 2)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(own(base, key), own(over, key), [...path, key])]));
}

/** Puts in place of each shorthand what it stands for, so that there is one form to check, and to merge. */
export function expand(config: unknown): unknown {
  return mapKey(config, "groups", (groups) =>
    mapAll(groups, (group) => {
      const functions = mapKey(group, "functions", (functions) =>
        mapAll(functions, (value) =>
          mapKey(typeof value === "string" ? { handler: value } : value, "retry", (retry) =>
            typeof retry === "number" ? { attempts: retry } : retry,
          ),
        ),
      );
      return mapKey(functions, "pool", (pool) =>
        mapKey(pool, "metrics", (metrics) => (typeof metrics === "number" ? `:${metrics}` : metrics)),
      );
    }),
  );
}

function own(values: Values, key: string): unknown {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function mapKey(values: unknown, key: string, change: (value: unknown) => unknown): unknown {
  if (!isObject(values) || own(values, key) === undefined) return values;
  return { ...values, [key]: change(values[key]) };
}

function mapAll(values: unknown, change: (value: unknown) => unknown): unknown {
  if (!isObject(values)) return values;
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
