import { Problem } from "./problem.js";

/**
 * A request's body as it is, whole.
 * @throws Problem as soon as it is known to be longer than `limit`
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const { body } = request;
  if (!body) return new Uint8Array();
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limit) {
    await body.cancel();
    throw tooLarge(`${announced} bytes`, limit);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    size += chunk.length;
    // Leaving the loop cancels the stream.
    if (size > limit) throw tooLarge("more", limit);
    chunks.push(chunk);
  }
  return join(chunks, size);
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
