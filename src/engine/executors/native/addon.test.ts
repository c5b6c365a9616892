// The contract of the addon beyond single kernels: checks of programs and buffers, micro-batches, lanes and threads,
// the order of runs, memory, and what a user without compiler is told.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { addon } from "../../testing/native.ts";
import { findAddon, type NativeAddon } from "./addon.ts";

const testNative = test.skipIf(addon === undefined);
afterEach(() => vi.unstubAllEnvs());

function native(): NativeAddon {
  if (addon === undefined) throw new Error("no addon");
  return addon;
}

/** [kernel, operands, sizes, params] of an instruction of the named kernel. */
function instruction(
  kernel: string,
  operands: number[][],
  sizes: number[][],
  params: number[] = [],
): number[] {
  const head = [native().kernels().indexOf(kernel), operands.length, sizes.length, params.length];
  return [...head, ...operands.flat(), ...sizes.flat(), ...params];
}

/** `slots` are the arena and the buffers; the plan has one more, for packed weights. */
const plan = (program: number[], arenaBytes = 256, slots = 3, prologue = 0, preparedBytes = 0) => {
  const [isa] = native().cpu().isa;
  const code = Float64Array.from(program);
  return native().createPlan(code, arenaBytes, slots + 1, isa, prologue, preparedBytes);
};

testNative("cpu names the instruction sets, the portable one last", () => {
  const report = native().cpu();
  expect(report.isa.at(-1)).toBe("portable");
  for (const isa of report.isa)
    expect(report.formats[isa]).toEqual(isa === "amx-bf16" ? ["float32", "bfloat16"] : ["float32"]);
  expect(report.cores).toBeGreaterThan(0);
  expect(report.compiler).toMatch(/^(g|clang)\+\+ /);
});

testNative("createPlan names the faulty instruction", () => {
  const good = instruction("fill", [[0, 0]], [[4, 0]], [1]);
  const bad = (program: number[]) => () => plan([...good, ...program]);
  expect(bad([999, 1, 1, 1])).toThrow(/instruction 1: kernel id 999 is not in 0\.\.\d+/);
  expect(bad([1.5, 1, 1, 1])).toThrow("instruction 1: kernel id 1.5");
  expect(bad([1, 1])).toThrow("program ends inside the head of instruction 1");
  expect(bad(instruction("fill", [[0, 0]], [], [1]))).toThrow("instruction 1 (fill): 0 sizes, expected 1");
  expect(bad(good.slice(0, -1))).toThrow("instruction 1 (fill): program ends early");
  expect(bad(instruction("fill", [[4, 0]], [[4, 0]], [1]))).toThrow("operand 0: slot 4 is not in 0..3");
  expect(bad(instruction("fill", [[-1, 0]], [[4, 0]], [1]))).toThrow("operand 0 is missing but not optional");
  expect(bad(instruction("fill", [[0, 1]], [[4, 0]], [1]))).toThrow("byte offset 1 is not a multiple of 2");
  expect(bad(instruction("fill", [[0, 256]], [[4, 0]], [1]))).toThrow("outside the arena of 256 bytes");
  expect(bad(instruction("fill", [[3, 0]], [[4, 0]], [1]))).toThrow("outside the prepared block of 0 bytes");
  expect(bad(instruction("fill", [[0, 0]], [[-4, 0]], [1]))).toThrow("size 0: coefficient -4 is not a size");
  expect(bad(instruction("fill", [[0, 0]], [[4, 4]], [1]))).toThrow("size 0: symbol mask 4 is not in 0..3");
  const create = (program: number[], isa: string, slots = 2, prologue = 0) => {
    return () => native().createPlan(Float64Array.from(program), 256, slots, isa, prologue, 0);
  };
  expect(create(good, "sse9")).toThrow("'sse9' is not available");
  expect(create(good, "portable", 1)).toThrow("slotCount must be 2");
  expect(create([], "portable", 2, 1)).toThrow("a prologue of 1 instructions, but the program has 0");
  expect(create(good, "portable", 2, 1)).toThrow(
    "instruction 0 (fill): operand 0: the prologue has no arena",
  );
  const half = instruction("fill.bf16", [[0, 0]], [[4, 0]], [1]);
  expect(create(half, "portable")).toThrow("instruction 0 (fill.bf16): not available on portable");
  expect(create(instruction("tokenMlp", [], []), "portable")).toThrow("not available on portable");
});

testNative("every kernel has a name in both formats", () => {
  const names = native().kernels();
  const half = names.length / 2;
  expect(names.slice(half)).toEqual(names.slice(0, half).map((name) => `${name}.bf16`));
});

testNative("runPlan rejects buffers and arenas that are too small", async () => {
  const fill = plan(instruction("fill", [[1, 8]], [[4, 1]], [1]));
  const binding = (length: number, rowStride = 0, laneStride = 0) => {
    return { buffer: new Float32Array(length), rowStride, laneStride };
  };
  const run = (length: number, rowStride = 0, laneStride = 0) =>
    native().runPlan(fill, [binding(length, rowStride, laneStride), binding(0)], 5, 1, 2, 2, 1);
  await expect(run(10)).resolves.toBeUndefined();
  await expect(run(9)).rejects.toThrow(
    "instruction 0 (fill): operand 0 reaches byte 40 of slot 1, which has 36",
  );
  await expect(run(20, 16)).rejects.toThrow("reaches byte 88 of slot 1");
  await expect(run(22, 16)).resolves.toBeUndefined();
  await expect(run(19, 16)).rejects.toThrow("binding of slot 1 has 76 bytes, needs 80");
  await expect(run(10, 0, 44)).rejects.toThrow("binding of slot 1 has 40 bytes, needs 44");
  await expect(native().runPlan(fill, [], 5, 1, 2, 2, 1)).rejects.toThrow("0 bindings, but the plan has 2");
  const arena = plan(instruction("fill", [[0, 0]], [[65, 0]], [1]), 256, 1);
  await expect(native().runPlan(arena, [], 1, 1, 1, 1, 1)).rejects.toThrow("reaches byte 260 of slot 0");
  const slice = plan(
    instruction(
      "slice",
      [
        [0, 0],
        [0, 0],
      ],
      [
        [1, 0],
        [4, 0],
        [3, 0],
        [2, 0],
        [1, 0],
      ],
    ),
  );
  await expect(native().runPlan(slice, [binding(0), binding(0)], 1, 1, 1, 1, 1)).rejects.toThrow(
    "contradict",
  );
  // @ts-expect-error a plan is not any object
  await expect(native().runPlan({}, [], 1, 1, 1, 1, 1)).rejects.toThrow("expected a plan");
});

/** Per lane, the sum of rows scaled in the arena: order and thread count would show in the last bits. */
async function sumByLanes(
  rows: number,
  microBatch: number,
  lanes: number,
  threads: number,
): Promise<Float32Array> {
  const width = 37;
  const x = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i) * 10 ** (i % 7));
  const sums = new Float32Array(lanes * width);
  const program = [
    ...instruction(
      "scale",
      [
        [1, 0],
        [0, 0],
      ],
      [[width, 1]],
      [0.1],
    ),
    ...instruction(
      "sumRows",
      [
        [0, 0],
        [2, 0],
      ],
      [
        [1, 1],
        [width, 0],
      ],
    ),
  ];
  const bindings = [
    { buffer: x, rowStride: width * 4, laneStride: 0 },
    { buffer: sums, rowStride: 0, laneStride: width * 4 },
  ];
  await native().runPlan(
    plan(program, microBatch * width * 4),
    bindings,
    rows,
    1,
    microBatch,
    lanes,
    threads,
  );
  return sums;
}

testNative("results do not depend on the thread count, and each row is used once", async () => {
  const one = await sumByLanes(101, 4, 5, 1);
  for (const threads of [2, 3, 8]) expect(await sumByLanes(101, 4, 5, threads)).toEqual(one);
  const total = one.reduce((sum, value) => sum + value, 0);
  const alone = (await sumByLanes(101, 101, 1, 1)).reduce((sum, value) => sum + value, 0);
  expect(Math.abs(total - alone) / 1e6).toBeLessThan(1e-4);
  expect(await sumByLanes(0, 4, 2, 2)).toEqual(new Float32Array(2 * 37));
});

testNative("sizes follow rows and tokens, rows of the last micro-batch included", async () => {
  const counted = new Float32Array(1);
  const ones = plan(
    instruction("fill", [[0, 0]], [[1, 3]], [1]).concat(
      instruction(
        "sumRows",
        [
          [0, 0],
          [1, 0],
        ],
        [
          [1, 3],
          [1, 0],
        ],
      ),
    ),
    4 * 3 * 7,
    2,
  );
  await native().runPlan(ones, [{ buffer: counted, rowStride: 0, laneStride: 0 }], 8, 7, 3, 1, 1);
  expect(counted[0]).toBe(8 * 7);
});

testNative(
  "a timed run adds to the seconds of every instruction; too short an array is refused",
  async () => {
    const length = 65536; // long enough for any clock
    const bindings = [{ buffer: new Float32Array(length), rowStride: 0, laneStride: 0 }];
    const program = [
      ...instruction("fill", [[0, 0]], [[length, 0]], [1]),
      ...instruction("fill", [[1, 0]], [[length, 0]], [2]),
    ];
    const run = (seconds: Float64Array) =>
      native().runPlan(plan(program, 4 * length, 2), bindings, 6, 1, 2, 1, 2, seconds);
    const seconds = Float64Array.of(1000, 2000, 3000);
    await run(seconds);
    expect(seconds[0]).toBeGreaterThan(1000);
    expect(seconds[1]).toBeGreaterThan(2000);
    expect(seconds[2]).toBe(3000);
    await expect(run(new Float64Array(1))).rejects.toThrow("seconds must be a Float64Array with an element");
  },
);

testNative("runs that are not awaited happen in the order of the calls", async () => {
  const value = new Float32Array(1);
  const bindings = [{ buffer: value, rowStride: 0, laneStride: 0 }];
  const double = plan(
    instruction(
      "scale",
      [
        [1, 0],
        [1, 0],
      ],
      [[1, 0]],
      [2],
    ),
    0,
    2,
  );
  const increment = plan(
    instruction("fill", [[0, 0]], [[1, 0]], [1]).concat(
      instruction(
        "add",
        [
          [0, 0],
          [1, 0],
          [1, 0],
        ],
        [[1, 0]],
      ),
    ),
    4,
    2,
  );
  const runs = [];
  for (let i = 0; i < 10; i++)
    for (const step of [increment, double]) runs.push(native().runPlan(step, bindings, 1, 1, 1, 1, 1));
  await Promise.all(runs);
  expect(value[0]).toBe(2 ** 11 - 2);
});

/** Adds the prepared block, which a prologue of two instructions fills with 1 and with the weight, to y in each lane. */
function preparedSum(): {
  y: Float32Array;
  weight: Float32Array;
  run(rows: number, reuse: boolean | undefined): Promise<void>;
} {
  const y = new Float32Array(2 * 16);
  const weight = new Float32Array(16);
  const program = [
    ...instruction("fill", [[3, 0]], [[16, 0]], [1]),
    ...instruction(
      "scale",
      [
        [1, 0],
        [3, 64],
      ],
      [[16, 0]],
      [1],
    ),
    ...[0, 64].flatMap((offset) =>
      instruction(
        "add",
        [
          [2, 0],
          [3, offset],
          [2, 0],
        ],
        [[16, 0]],
      ),
    ),
  ];
  const handle = plan(program, 0, 3, 2, 128);
  const bindings = [
    { buffer: weight, rowStride: 0, laneStride: 0 },
    { buffer: y, rowStride: 0, laneStride: 64 },
  ];
  return {
    y,
    weight,
    run: (rows, reuse) => native().runPlan(handle, bindings, rows, 1, 1, 2, 3, undefined, reuse),
  };
}

testNative("the prologue runs once a run, and not again when the caller promises equal weights", async () => {
  const { y, weight, run } = preparedSum();
  weight.fill(10);
  await run(3, true); // nothing was prepared yet: the promise is of no use
  expect([y[0], y[31]]).toEqual([22, 11]); // two micro-batches in lane 0, one in lane 1
  weight.fill(100);
  await run(2, true);
  expect([y[0], y[31]]).toEqual([33, 22]);
  await run(2, undefined);
  expect([y[0], y[31]]).toEqual([134, 123]);
  weight.fill(1000);
  await run(0, false); // has no rows to prepare for, but the weights are others now
  await run(2, true);
  expect([y[0], y[31]]).toEqual([1135, 1124]);
});

testNative("a prologue stays in its block and reads whole buffers only", async () => {
  const long = plan(instruction("fill", [[3, 64]], [[17, 0]], [1]), 0, 3, 1, 128);
  const buffer = new Float32Array(64);
  const whole = { buffer, rowStride: 0, laneStride: 0 };
  await expect(native().runPlan(long, [whole, whole], 1, 1, 1, 1, 1)).rejects.toThrow(
    "instruction 0 (fill): operand 0 reaches byte 132 of slot 3, which has 128",
  );
  const write = plan(instruction("fill", [[1, 0]], [[4, 0]], [1]), 0, 3, 1, 0);
  await expect(
    native().runPlan(write, [{ buffer, rowStride: 16, laneStride: 0 }, whole], 1, 1, 1, 1, 1),
  ).rejects.toThrow("operand 0 is in slot 1, which is not the same for all rows and lanes");
  await expect(native().runPlan(write, [{ ...whole, rowStride: 3 }, whole], 1, 1, 1, 1, 1)).rejects.toThrow(
    "multiples of 2",
  );
});

testNative("packed weights are counted with their plan", async () => {
  const handle = plan(instruction("fill", [[3, 0]], [[250_000, 0]], [1]), 0, 3, 1, 1_000_000);
  const whole = { buffer: new Float32Array(1), rowStride: 0, laneStride: 0 };
  await native().runPlan(handle, [whole, whole], 1, 1, 1, 1, 1);
  const before = native().liveBytes();
  const other = plan(instruction("fill", [[3, 0]], [[250_000, 0]], [1]), 0, 3, 1, 1_000_000);
  await native().runPlan(other, [whole, whole], 1, 1, 1, 1, 1);
  expect(native().liveBytes() - before).toBeGreaterThan(1_000_000);
});

testNative("arenas are counted, kept between runs and freed by trim", async () => {
  native().trim();
  const before = native().liveBytes();
  await sumByLanes(64, 8, 4, 2);
  const after = native().liveBytes();
  expect(after - before).toBeGreaterThan(8 * 37 * 4);
  await sumByLanes(64, 8, 4, 2);
  expect(native().liveBytes() - after).toBeLessThan(10_000); // a plan, not another arena
  native().trim();
  expect(native().liveBytes() - before).toBeLessThan(10_000);
});

const canDisassemble = spawnSync("objdump", ["--version"], { stdio: "ignore" }).status === 0;
test.skipIf(addon === undefined || !canDisassemble)("instructions of AMX are in its unit only", () => {
  const file = join(import.meta.dirname, "../../../../dist/native/whorl.node");
  const { stdout } = spawnSync("objdump", ["-d", "--no-show-raw-insn", file], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const places = stdout
    .split(/\n(?=[0-9a-f]{8,} <)/)
    .filter((code) => /\t(tdp|tile|ldtilecfg|sttilecfg)/.test(code));
  const foreign = places
    .map((code) => code.slice(0, code.indexOf("\n")))
    .filter((name) => !/on_amx/.test(name));
  expect(foreign).toEqual([]);
  expect(places.length > 0).toBe(process.platform === "linux" && process.arch === "x64");
});

testNative("peak measures a positive rate", async () => {
  expect(await native().peak("portable", 2, 0.01, "float32")).toBeGreaterThan(1e8);
  await expect(native().peak("sse9", 1, 0.01, "float32")).rejects.toThrow("an available instruction set");
});

test("WHORL_NATIVE=off is a reason, not an error", async () => {
  vi.stubEnv("WHORL_NATIVE", "off");
  expect(await findAddon()).toEqual({ reason: "the native executor is switched off by WHORL_NATIVE=off" });
});

test.skipIf(!addon?.cpu().isa.includes("amx-bf16"))(
  "an MLP too wide for a thread's scratch memory is refused",
  async () => {
    const operands = Array.from({ length: 6 }, () => [1, 0]);
    const wide = (width: number) => {
      const sizes = [
        [1, 0],
        [width, 0],
        [32, 0],
      ];
      const program = Float64Array.from(instruction("featureMlp.bf16", operands, sizes, [1e-5]));
      const made = native().createPlan(program, 0, 3, "amx-bf16", 0, 0);
      return native().runPlan(
        made,
        [{ buffer: new Float32Array(1), rowStride: 0, laneStride: 0 }],
        1,
        1,
        1,
        1,
        1,
      );
    };
    await expect(wide(16384)).rejects.toThrow("sizes contradict each other or are too large");
    await expect(wide(512)).rejects.toThrow("reaches byte");
  },
);
