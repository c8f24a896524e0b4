import { circumstances, counts, groups, mebibytes, number, table, total } from "./data.mjs";

/** @typedef {import("./data.mjs").Line} Line */

/**
 * The sections of the report that are made of runs, by name.
 * @param {Line[]} lines
 * @returns {Record<string, string>}
 */
export function sections(lines) {
  return {
    model: model(lines.filter(({ suite, summary }) => suite === "model" && summary)),
    soak: soak(lines.filter(({ suite }) => suite === "soak")),
    fuzz: fuzz(lines.filter(({ kind, suite }) => kind === "fuzz" || suite === "fuzz")),
    cases: cases(lines.filter(({ suite }) => suite === "cases")),
    removals: removals(lines.filter(({ suite, fault }) => suite === "removals" && !fault)),
    faults: removals(lines.filter(({ suite, fault }) => suite === "removals" && fault)),
  };
}

const NONE = "No run is kept here yet.";

/** @param {Line[]} runs */
function model(runs) {
  if (runs.length === 0) return NONE;
  const rows = groups(runs, ({ server }) => server).map(([server, own]) => {
    const passed = own.filter(({ outcome }) => outcome === "passed");
    const columns = ["total", "worlds", "kills", "connections", "promises", "submissions", "executions"];
    return [server, ...columns.map((key) => number(total(passed, key)))];
  });
  const passed = runs.filter(({ outcome }) => outcome === "passed");
  const failed = runs.filter(({ outcome }) => outcome !== "passed");
  const sum = number(total(passed, "total"));
  const byCount = (/** @type {string} */ key) =>
    Object.entries(counts(passed, key))
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `${name} ${number(count)}`)
      .join(", ");
  return [
    `${sum} operations in ${number(passed.length)} runs that passed, ${number(total(passed, "seconds") / 60)} minutes of them; ` +
      `${number(failed.length)} runs ended early. (${circumstances(runs)})`,
    table(
      ["server", "operations", "worlds", "servers killed", "connections", "promises", "jobs submitted", "jobs done"],
      rows,
    ),
    `Operations: ${byCount("operations")}.`,
    `What promises came to: ${byCount("outcomes")}.`,
    `What became of background jobs that were acknowledged: ${byCount("fates")}. There is no other fate: one that is neither done nor ` +
      "excused by the ledger fails the run.",
    `Seeds of the runs that passed: ${passed.map(({ server, seed, seeds }) => `${server} ${seed} (${seeds})`).join(", ")}.`,
    ...(failed.length === 0 ? [] : [failures(failed)]),
  ].join("\n\n");
}

/** @param {Line[]} failed */
function failures(failed) {
  const rows = failed.map(({ server, seed, total: operations, error = "", cause = "not known" }) => [
    `${server}, ${seed}`,
    number(operations),
    String(error).split("\n").slice(0, 2).join(" ").trim().slice(0, 160),
    cause,
  ]);
  return `Runs that ended early, which are counted nowhere above:\n\n${table(["run", "after operations", "what it said", "why"], rows)}`;
}

/**
 * The samples of the soak that ended last.
 * @param {Line[]} all
 */
export function lastSoak(all) {
  const last = all.findLast(({ summary }) => summary)?.run;
  return all.filter(({ summary, run }) => !summary && run === last);
}

/** @param {Line[]} all */
function soak(all) {
  const runs = all.filter(({ summary }) => summary);
  if (runs.length === 0) return NONE;
  const rows = runs.flatMap((run) =>
    ["submitter", "worker"].map((role) => {
      const { heap, rss, descriptors } = run.growth[role];
      return [role, `${number(heap, 3)} bytes`, `${number(rss, 3)} bytes`, descriptors.join(" to ")];
    }),
  );
  const [run] = /** @type {[Line]} */ (runs);
  const samples = lastSoak(all);
  const last = samples.at(-1);
  const rate = number(total(runs, "worked") / total(runs, "seconds"));
  return [
    `${number(total(runs, "submitted"))} background jobs were handed in at ${run.server} and ${number(total(runs, "worked"))} worked off, in ` +
      `${number(total(runs, "seconds"))} seconds (${rate} a second), ${number(total(runs, "again"))} of them twice. (${circumstances(runs)})`,
    ...runs.flatMap(({ faults = [] }) => faults.map((/** @type {string} */ fault) => `**Failed**: ${fault}.`)),
    table(["process", "heap grew, a job", "memory grew, a job", "descriptors"], rows),
    ...(last
      ? [
          `At the end the submitter's heap had ${mebibytes(last.submitter.heap)}, the worker's ${mebibytes(last.worker.heap)}, after a collection; ` +
            `${number(samples.length)} samples.`,
          "![Heap, memory and descriptors of the processes, by jobs](reliability/soak.svg)",
        ]
      : []),
  ].join("\n\n");
}

/** @param {Line[]} runs */
function fuzz(runs) {
  if (runs.length === 0) return NONE;
  const rows = groups(runs, ({ target }) => target).map(([target, own]) => {
    const most = (/** @type {string} */ key) => Math.max(...own.map((run) => Number(run[key] ?? 0)));
    return [
      target,
      number(total(own, "inputs")),
      number(total(own, "seconds")),
      most("reached") > 0 ? `${number(most("reached"))} of ${number(most("ways"))}` : "not measured",
      most("features") > 0 ? number(most("features")) : "not counted",
      number(most("corpus")),
      number(total(own, "failures")),
      own.map(({ seed }) => seed).join(", "),
    ];
  });
  const answers = runs.filter(({ target }) => target === "door");
  const servers = runs.filter(({ target }) => target === "server");
  const list = (/** @type {Line[]} */ all, /** @type {string} */ key) =>
    Object.entries(counts(all, key))
      .map(([name, count]) => `${name} ${number(count)}`)
      .join(", ");
  return [
    `${number(total(runs, "inputs"))} inputs. (${circumstances(runs)})`,
    table(
      ["target", "inputs", "seconds", "ways of the codec taken", "things told apart", "corpus", "failures", "seeds"],
      rows,
    ),
    ...(servers.length > 0 ? [`How an exchange with \`JobServer\` ended: ${list(servers, "ends")}.`] : []),
    ...(answers.length > 0
      ? [
          `The door's answers by status (0: closed without one, which only bytes that are no request are): ${list(answers, "statuses")}.` +
            (total(answers, "requests") > 0
              ? ` ${number(total(answers, "requests"))} inputs were right requests, and each answer to them what openapi.json says of its path.`
              : ""),
        ]
      : []),
  ].join("\n\n");
}

/** @param {Line[]} all */
function cases(all) {
  if (all.length === 0) return NONE;
  const tests = `${number(total(all, "tests"))} tests, ${number(total(all, "failed"))} of which failed. (${circumstances(all)})`;
  const parts = groups(all, ({ file }) => file).map(([file, own]) => {
    const rows = groups(own, ({ group }) => group).map(([group, each]) => [
      group,
      number(total(each, "tests")),
      number(total(each, "failed")),
      `${number(total(each, "milliseconds") / 1000, 1)} s`,
    ]);
    return `${file}:\n\n${table(["what", "tests", "failed", "took"], rows)}`;
  });
  return [tests, ...parts].join("\n\n");
}

/** @param {Line[]} all */
function removals(all) {
  if (all.length === 0) return NONE;
  const ofFaults = all.some(({ fault }) => fault);
  const rows = all.map(({ fault = "", handling, file, failed = [], missing }) => {
    const words = missing ? "**not tried: the code is another by now**" : failed.join("; ") || "**no test failed**";
    return [...(ofFaults ? [fault] : []), handling, file, words];
  });
  return [
    `${number(all.length)} removals. (${circumstances(all)})`,
    table([...(ofFaults ? ["fault"] : []), "handling that was removed", "from", "tests that failed"], rows),
  ].join("\n\n");
}
