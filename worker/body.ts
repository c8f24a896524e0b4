import { badRequest, idle, Problem } from "./problem.js";

/**
 * A request's body as it is, whole.
 * @throws Problem as soon as it is known to be longer than `limit`, or not to be what its headers say
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const announced = await announcedLength(request, limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    // Leaving the loop cancels the stream.
    if (size > limit) throw tooLarge("more", limit);
    chunks.push(chunk);
  }
  if (announced !== undefined && announced !== size)
    throw badRequest(`the header Content-Length says ${announced} bytes, and the body has ${size}`);
  return join(chunks, size);
}

/**
 * The lines of a request's body as they come, blank ones too, without their line feeds.
 * @throws Problem when one is longer than `limit`, and when nothing comes for `patience` milliseconds
 */
export async function* readLines(
  request: Request,
  limit: number,
  patience: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let size = 0;
  const add = (part: Uint8Array) => {
    size += part.length;
    if (size > limit) throw new Problem(413, "PAYLOAD_TOO_LARGE", `a line may have ${limit} bytes at most`);
    parts.push(part);
  };
  const line = () => {
    const whole = join(parts, size);
    parts = [];
    size = 0;
    return whole;
  };
  for await (const chunk of chunksOf(request, patience)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end));
      yield line();
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (size > 0) yield line();
}

/** @throws Problem when the body is compressed: it is handed on as it is, and no job's worker expects that */
export function uncompressed(request: Request): void {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase();
  if (encoding && encoding !== "identity")
    throw new Problem(
      415,
      "UNSUPPORTED_MEDIA_TYPE",
      `bodies are taken as they are, without Content-Encoding, not ${JSON.stringify(encoding.slice(0, 80))}`,
    );
}

async function announcedLength(request: Request, limit: number): Promise<number | undefined> {
  uncompressed(request);
  const header = request.headers.get("content-length");
  if (header === null) return undefined;
  if (!/^\d+$/.test(header))
    throw badRequest(`the header Content-Length must be a number of bytes, not ${JSON.stringify(header.slice(0, 80))}`);
  const announced = Number(header);
  if (announced <= limit) return announced;
  await request.body?.cancel();
  throw tooLarge(`${header} bytes`, limit);
}

async function* chunksOf(request: Request, patience?: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (!request.body) return;
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  let over = false;
  try {
    for (;;) {
      const reading = reader.read().catch((cause: unknown) => {
        over = true;
        throw badRequest("the body broke off", cause);
      });
      const step = await (patience === undefined ? reading : inTime(reading, patience));
      over = step.done;
      if (step.done) return;
      yield step.value;
    }
  } finally {
    if (!over) await reader.cancel().catch(() => {});
  }
}

async function inTime<T>(reading: Promise<T>, patience: number): Promise<T> {
  let timer: number | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(idle(`nothing more came for ${patience} ms (IDLE_TIMEOUT)`)), patience);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
    reading.catch(() => {});
  }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function tooLarge(size: string, limit: number): Problem {
  return new Problem(
    413,
    "PAYLOAD_TOO_LARGE",
    `the workload may have ${limit} bytes at most, and this one has ${size}`,
  );
}
