/**
 * The long runs, and the report of them:
 *
 *     npm run reliability -- model --operations 100000 --out runs.jsonl   random operations (the default)
 *     npm run reliability -- soak --jobs 1000000 --out runs.jsonl        jobs, for long
 *     npm run reliability -- cases report.json --out runs.jsonl          what a report of vitest says
 *     npm run reliability -- removals --out runs.jsonl                   what fails when handling is taken out
 *     npm run reliability -- all --minutes 60 --fresh                    all of these, each in its time, and the report
 *     npm run reliability -- report                                      docs/reliability.md of docs/reliability/*.jsonl
 */

const PARTS = ["model", "soak", "cases", "removals", "all", "report"];
const [first = ""] = process.argv.slice(2);
const named = first !== "" && !first.startsWith("-");
const part = named ? first : "model";
if (!PARTS.includes(part)) throw new TypeError(`there is ${PARTS.join(", ")}, and no ${part}`);
const { default: run } = await import(`./reliability/${part}.mjs`);
await run(process.argv.slice(named ? 3 : 2));
// What a failure has left open would keep it alive; servers that were started end with it.
process.exit();
