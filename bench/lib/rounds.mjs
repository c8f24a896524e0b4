/**
 * The clients side by side, in rounds: those of one job and size after each other, each round in another order, and each
 * right behind a run of raw-c of its own, as a machine is another one a minute later. Behind that comes, for a client on
 * another runtime, a run of the raw program there.
 */
import { measure } from "./driver.mjs";
import { JOBS } from "./jobs.mjs";
import { summarize } from "./results.mjs";

/**
 * @param {string[]} jobs
 * @param {import("./clients.mjs").BenchClient[]} clients the first is the limit
 * @param {{ rounds: number, sizes?: number[] | undefined, log: (text: string) => void }} options
 */
export async function sideBySide(jobs, [limit, ...clients], { rounds, sizes, log }) {
  if (!limit) throw new Error("there is nothing to compare with");
  const groups = jobs.flatMap((job) =>
    (sizes ?? JOBS[job]?.sizes ?? []).map((size) => new Group(job, size, limit, clients, log)),
  );
  for (let round = 0; round < rounds; round++) {
    log(`round ${round + 1} of ${rounds}`);
    for (const group of groups) await group.round(round / rounds);
  }
  return groups.flatMap((group) => group.results());
}

/** The clients that do one job, of one size. */
class Group {
  #job;
  #size;
  #limit;
  #log;
  /** @type {import("./results.mjs").Cell[]} */
  #cells;
  /** @type {import("./results.mjs").Outcome[]} */
  #limits = [];

  /**
   * @param {string} job
   * @param {number} size
   * @param {import("./clients.mjs").BenchClient} limit
   * @param {import("./clients.mjs").BenchClient[]} clients
   * @param {(text: string) => void} log
   */
  constructor(job, size, limit, clients, log) {
    this.#job = job;
    this.#size = size;
    this.#limit = limit;
    this.#log = log;
    this.#cells = clients
      .filter(({ speed }) => speed[job])
      .map((client) => ({ job, size, client, rounds: [], limits: [], owns: [] }));
  }

  /** @param {number} part of all rounds that are done */
  async round(part) {
    const from = Math.floor(part * this.#cells.length);
    for (const cell of [...this.#cells.slice(from), ...this.#cells.slice(0, from)]) {
      const limit = await this.#measure(this.#limit);
      this.#limits.push(limit);
      cell.limits.push(limit);
      const own = this.#own(cell.client);
      if (own) cell.owns.push(await this.#measure(own));
      cell.rounds.push(await this.#measure(cell.client));
    }
    if (this.#cells.length === 0) this.#limits.push(await this.#measure(this.#limit));
  }

  results() {
    const first = { job: this.#job, size: this.#size, client: this.#limit };
    const limit = { ...first, rounds: this.#limits, limits: this.#limits, owns: [] };
    return [limit, ...this.#cells].map((cell) => summarize(cell, this.#isOwn(cell.client) ? cell.rounds : cell.owns));
  }

  /** The raw program on the client's own runtime, when there is one, and the client is another. */
  #own(/** @type {import("./clients.mjs").BenchClient} */ client) {
    return this.#isOwn(client) ? undefined : this.#cells.find((cell) => cell.client.name === client.against)?.client;
  }

  #isOwn(/** @type {import("./clients.mjs").BenchClient} */ { name, against }) {
    return name === against;
  }

  /** @param {import("./clients.mjs").BenchClient} client */
  async #measure(client) {
    const what = JOBS[this.#job];
    if (!what) throw new Error(`there is no job ${this.#job}`);
    const outcome = await measure(client, { ...what, name: this.#job }, this.#size);
    const said = "failed" in outcome ? outcome.failed : `${Math.round(outcome.ops / outcome.seconds)}/s`;
    this.#log(`${this.#job} ${this.#size} B, ${client.name}: ${said}`);
    return outcome;
  }
}
