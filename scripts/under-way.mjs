/**
 * A reporter of vitest that keeps in a file which tests have begun and not ended, and how many passed and failed so far: when a
 * run is ended because it hangs, there is no other report of it. And, at its end, how many errors no test caught: vitest's own
 * JSON report leaves them out.
 *
 *     EDGEAR_UNDER_WAY=FILE npx vitest run --reporter=./scripts/under-way.mjs
 */

import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";

/** @typedef {import("vitest/node").TestCase} TestCase */
/** @typedef {import("vitest/node").TestModule} TestModule */

export default class UnderWay {
  #file = process.env.EDGEAR_UNDER_WAY;
  /** @type {Map<string, string>} what runs, by its id, in words */
  #running = new Map();
  #passed = 0;
  #failed = 0;
  #errors = 0;

  /** @param {TestModule} module */
  onTestModuleStart(module) {
    this.#begins(module.id, `${module.project.name}: ${nameOf(module)}`);
  }

  /** @param {TestModule} module */
  onTestModuleEnd(module) {
    this.#ends(module.id);
  }

  /** @param {TestCase} test */
  onTestCaseReady(test) {
    this.#begins(test.id, `${test.project.name}: ${nameOf(test.module)} > ${test.fullName}`);
  }

  /** @param {TestCase} test */
  onTestCaseResult(test) {
    const { state } = test.result();
    if (state === "passed") this.#passed++;
    if (state === "failed") this.#failed++;
    this.#ends(test.id);
  }

  /** @param {readonly TestModule[]} _modules @param {readonly unknown[]} errors */
  onTestRunEnd(_modules, errors) {
    this.#errors = errors.length;
    this.#write();
  }

  /** @param {string} id @param {string} words */
  #begins(id, words) {
    this.#running.set(id, words);
    this.#write();
  }

  /** @param {string} id */
  #ends(id) {
    this.#running.delete(id);
    this.#write();
  }

  #write() {
    if (!this.#file) return;
    const [passed, failed, errors] = [this.#passed, this.#failed, this.#errors];
    // At once or not at all: who reads it may end this process in mid-write.
    const beside = `${this.#file}.${process.pid}`;
    writeFileSync(beside, JSON.stringify({ passed, failed, errors, running: [...this.#running.values()] }));
    renameSync(beside, this.#file);
  }
}

/** @param {TestModule} module */
function nameOf(module) {
  return path.relative(process.cwd(), module.moduleId);
}
