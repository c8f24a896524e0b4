/**
 * What guards against servers that mean harm, and the test that is to fail without it.
 *
 * @typedef {object} Removal
 * @property {string} [fault] of a line, that it deals with
 * @property {string} handling what it sees to
 * @property {string} file
 * @property {string} from what is there, once
 * @property {string} to what is put in its place
 * @property {string} test the file of tests
 * @property {string} [only] which of them, as vitest's `-t` has it
 */

/** @type {Removal[]} */
export const HOSTILE = [
  {
    handling: "a packet's announced size has a limit",
    file: "assembly/decoder.ts",
    from: "if (size > connection.maxPacketSize) return fail(connection, TOO_LARGE, size);",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "arguments end within the window",
    file: "assembly/decoder.ts",
    from: "if (large && !withData) return fail(connection, ARGUMENTS_TOO_LONG, type);",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "arguments that are still to come have room in the window, or are too long",
    file: "assembly/decoder.ts",
    from: "return at + WINDOW_SIZE > end ? 0 : fail(connection, ARGUMENTS_TOO_LONG, type);",
    to: "return 0;",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a handle has 1 to 63 bytes",
    file: "assembly/decoder.ts",
    from: "if (size == 0 || size > <usize>MAX_HANDLE_SIZE || find(0, body, end)) return BAD_HANDLE;",
    to: "",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "there are 42 types of packets",
    file: "assembly/decoder.ts",
    from: "if (type - 1 >= <u32>LAST_PACKET_TYPE) return fail(connection, BAD_TYPE, type);",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "what comes is a response, by its magic",
    file: "assembly/decoder.ts",
    from: "return fail(connection, BAD_MAGIC, seen(at, end));\n  }",
    to: "}",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "an answer is of the kind that the first request waits for",
    file: "src/connection/requests.ts",
    from: "if (expected !== kind) {",
    to: "if (expected === undefined && kind !== expected) {",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "an answer that no request waits for ends the connection",
    file: "src/connection/connection.ts",
    from: "this.#requests.answered(PacketType.NO_JOB, type).answer(frame);",
    to: "if (this.#requests.unanswered > 0) this.#requests.answered(PacketType.NO_JOB, type).answer(frame);",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "an error that answers no request ends the connection",
    file: "src/connection/connection.ts",
    from: "if (!waiter)\n          throw new ProtocolError(",
    to: "if (!waiter) return;\n        if (!waiter)\n          throw new ProtocolError(",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a packet without meaning ends the connection",
    file: "src/connection/connection.ts",
    from: "if (!this.#owner.packet(frame, this))\n          throw",
    to: "if (!this.#owner.packet(frame, this) && type === PacketType.TEXT)\n          throw",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a status is of the job that was asked for",
    file: "src/client/call.ts",
    from: "if (frame.argumentCount > 0 && !frame.is(0, asked)) {",
    to: "if (frame.argumentCount > 99) {",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a request has its time, whatever else comes",
    file: "src/connection/requests.ts",
    from: "const next = this.#expire(now);",
    to: "const next = now > 0 ? undefined : this.#expire(now);",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a packet that gets on by a few bytes is silence",
    file: "src/connection/requests.ts",
    from: "Math.max(lastFrame, moved,",
    to: "Math.max(lastFrame, this.#channel.lastReceived, moved,",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "the heartbeat takes no packet that drips in for a sign of life",
    file: "src/connection/connection.ts",
    from: "Math.max(this.#channel.lastFrame, this.#requests.moved(now)",
    to: "Math.max(this.#channel.lastReceived, this.#requests.moved(now)",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a reader who is behind has the connection read no further",
    file: "src/client/stall.ts",
    from: "this.#connection.pause();",
    to: "",
    test: "test/hostile/client.test.ts",
  },
  {
    handling: "a worker asks for no more jobs than it has room for",
    file: "src/worker/session.ts",
    from: "this.#hungry = true;\n        this.#rests.woken();",
    to: "this.#hungry = true;\n        this.grab();\n        this.#rests.woken();",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "a job of a function that isn't the worker's is given back",
    file: "src/worker/session.ts",
    from: "this.#abilities.takeBack(this.#connection, job.function);",
    to: "",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "that a job is not there answers no grab",
    file: "src/connection/connection.ts",
    from: "if (code === JOB_NOT_FOUND && this.#owner.packet(frame, this)) return;",
    to: "if (code === JOB_NOT_FOUND && frame.argumentCount > 99) return;",
    test: "test/hostile/worker.test.ts",
  },
  {
    handling: "an administrator's answer has a limit",
    file: "src/admin/link.ts",
    from: "if (first.size > this.#options.maxAnswerSize) this.destroy",
    to: "if (first.size > this.#options.maxAnswerSize * 1e9) this.destroy",
    test: "test/hostile/admin.test.ts",
  },
  {
    handling: "a line that answers no command ends the administrator's connection",
    file: "src/admin/link.ts",
    from: "else if (command) this.#take(command, line);\n      else this.destroy(",
    to: "else if (command) this.#take(command, line);\n      else if (line === this.server) this.destroy(",
    test: "test/hostile/admin.test.ts",
  },
  {
    handling: "an administrator's command has its time",
    file: "src/admin/link.ts",
    from: "if (!first.dropped) first.reject(error);",
    to: "",
    test: "test/hostile/admin.test.ts",
  },
  {
    handling: "a command that was not answered in time costs the administrator's connection",
    file: "src/admin/link.ts",
    from: "first.dropped = true;\n    this.destroy(error);",
    to: "",
    test: "test/hostile/admin.test.ts",
  },
];
