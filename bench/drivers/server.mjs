/**
 * What a job costs the embedded server when so many are queued (`server.mjs DEPTH`): submits them, then works off `SAMPLE`
 * of them one grab after the other, all over one socket each, from another process. Prints microseconds a job, and
 * megabytes of memory, as JSON.
 */
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { JobServer } from "../../build/src/server/index.js";

const SAMPLE = 500_000;
const BATCH = 1_000;
const [CAN_DO, GRAB_JOB, SUBMIT_JOB_BG, WORK_COMPLETE] = [1, 9, 18, 13];

if (process.argv[3]) await drive(Number(process.argv[2]), Number(process.argv[3]));
else await measure(Number(process.argv[2]));

/** @param {number} depth */
async function measure(depth) {
  const server = await JobServer.listen({ port: 0, handlePrefix: "h" });
  const before = process.memoryUsage();
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), String(server.port), String(depth)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of child.stdout) said += chunk;
  const { rss } = process.memoryUsage();
  const [submit, work] = said.trim().split(" ").map(Number);
  const memory = Math.round((rss - before.rss) / 1e6);
  console.log(JSON.stringify({ depth, submit, work, memory }));
  await server.close();
}

/**
 * @param {number} port
 * @param {number} depth
 */
async function drive(port, depth) {
  const client = await open(port);
  const started = performance.now();
  for (let done = 0; done < depth; done += BATCH) {
    const submits = Array.from({ length: BATCH }, (_, index) => packet(SUBMIT_JOB_BG, `f\0u${done + index}\0workload`));
    client.socket.write(Buffer.concat(submits));
    await client.packets(BATCH);
  }
  const submitted = performance.now();
  const worker = await open(port);
  worker.socket.write(packet(CAN_DO, "f"));
  // Each job that is worked off is submitted anew, so that the queue stays as long as it is.
  for (let done = 0; done < SAMPLE; done += BATCH) {
    worker.socket.write(Buffer.concat(Array.from({ length: BATCH }, () => packet(GRAB_JOB, ""))));
    const handles = await worker.packets(BATCH);
    worker.socket.write(Buffer.concat(handles.map((handle) => packet(WORK_COMPLETE, `${handle}\0`))));
    const submits = handles.map((handle) => packet(SUBMIT_JOB_BG, `f\0again ${handle}\0workload`));
    client.socket.write(Buffer.concat(submits));
    await client.packets(BATCH);
  }
  const worked = performance.now();
  const micros = (/** @type {number} */ time, /** @type {number} */ count) => ((time * 1_000) / count).toFixed(2);
  process.stdout.write(`${micros(submitted - started, depth)} ${micros(worked - submitted, SAMPLE)}\n`);
  process.exit();
}

/** @param {number} port */
async function open(port) {
  const socket = connect(port, "127.0.0.1").setNoDelay();
  let bytes = Buffer.alloc(0);
  let wake = () => {};
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  /**
   * The next packets, so many: the first argument of each.
   * @param {number} count
   */
  const packets = async (count) => {
    const handles = [];
    let at = 0;
    while (handles.length < count) {
      while (bytes.length - at < 12 || bytes.length - at < 12 + bytes.readUInt32BE(at + 8)) {
        await new Promise((resolve) => {
          wake = () => resolve(undefined);
        });
      }
      const end = at + 12 + bytes.readUInt32BE(at + 8);
      handles.push(bytes.toString("latin1", at + 12, end).split("\0", 1)[0] ?? "");
      at = end;
    }
    bytes = bytes.subarray(at);
    return handles;
  };
  return { socket, packets };
}

/**
 * @param {number} type
 * @param {string} body
 */
function packet(type, body) {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(0x00524551, 0);
  bytes.writeUInt32BE(type, 4);
  bytes.writeUInt32BE(body.length, 8);
  bytes.write(body, 12, "latin1");
  return bytes;
}
