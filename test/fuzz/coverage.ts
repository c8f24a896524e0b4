import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";

/*
 * Which branches of the codec an input takes. The codec is WebAssembly, which V8's coverage doesn't see: so the one
 * that is built is given counters here, one for each way that a condition can go, and otherwise stays as it ships.
 */

const TEXT = fileURLToPath(new URL("../../build/codec.wat", import.meta.url));
const BINARY = fileURLToPath(new URL("../../build/codec.wasm", import.meta.url));

/** Counters lie where the codec has nothing: below its static data. Address 0 is left out. */
const FIRST = 16;
const LIMIT = 1_024;

/** An instruction that pops a condition. */
const CONDITION = /^( *)(if|br_if|select)\b/;

/** Counts in one byte, which wraps around; the condition itself goes on. */
const COUNTER = ` (func $covered (param $condition i32) (param $at i32) (result i32)
  local.get $at
  local.get $condition
  i32.const 0
  i32.ne
  i32.add
  local.tee $at
  local.get $at
  i32.load8_u
  i32.const 1
  i32.add
  i32.store8
  local.get $condition
 )
)
`;

export interface Coverage {
  /** How many ways there are. */
  readonly ways: number;
  /** How many of them were taken so far. */
  readonly reached: number;
  /** The ways that were taken since this was asked last, each with a measure of how often: numbers that mean nothing else. */
  taken(): number[];
}

let measuring: Coverage | undefined;

/** Measures the codec from here on. To be called before it is instantiated; a process has one measure. */
export function measureCodec(): Coverage {
  measuring ??= measure();
  return measuring;
}

function measure(): Coverage {
  let next = FIRST;
  const lines = readFileSync(TEXT, "utf8").trimEnd().slice(0, -1).split("\n");
  const counted = lines.flatMap((line) => {
    const [, indent] = CONDITION.exec(line) ?? [];
    if (indent === undefined) return [line];
    const at = next;
    next += 2;
    return [`${indent}i32.const ${at}`, `${indent}call $covered`, line];
  });
  if (next > LIMIT || next === FIRST) throw new Error(`${next} bytes of counters`);
  const parsed = binaryen.parseText(`${counted.join("\n")}\n${COUNTER}`);
  const binary = Uint8Array.from(parsed.emitBinary());
  parsed.dispose();

  const { Module, Instance } = WebAssembly;
  let counters: Uint8Array | undefined;
  const shipped = readFileSync(BINARY);
  let measured: WebAssembly.Module | undefined;
  WebAssembly.Module = function module(bytes: Uint8Array<ArrayBuffer>) {
    if (!shipped.equals(bytes)) return new Module(bytes);
    measured = new Module(binary);
    return measured;
  } as unknown as typeof Module;
  WebAssembly.Instance = function instance(
    module: WebAssembly.Module,
    imports: { env: { memory: WebAssembly.Memory } },
  ) {
    if (module === measured) {
      if (counters) throw new Error("a second instance of the codec was made: its memory is full");
      counters = new Uint8Array(imports.env.memory.buffer, FIRST, next - FIRST);
    }
    return new Instance(module, imports);
  } as unknown as typeof Instance;
  const reached = new Set<number>();
  return {
    ways: next - FIRST,
    get reached() {
      return reached.size;
    },
    taken() {
      const taken: number[] = [];
      if (!counters) return taken;
      for (let at = 0; at < counters.length; at++) {
        const count = counters[at] as number;
        if (!count) continue;
        reached.add(at);
        taken.push(at * 8 + often(count));
      }
      counters.fill(0);
      return taken;
    },
  };
}

/** One of eight: what is done twice may do something else than what is done once, and a hundred times again. */
function often(count: number): number {
  if (count < 4) return count - 1;
  return count < 8 ? 3 : count < 16 ? 4 : count < 32 ? 5 : count < 128 ? 6 : 7;
}
