// The kernels that are not matrix products, every instruction set against plain loops in float64, on ragged shapes.

import fc from "fast-check";
import { expect, test } from "vitest";
import { addon, isas } from "../../testing/native.ts";
import { type KernelCall, runKernel } from "../../testing/single-kernel.ts";

const eachIsa = test.skipIf(addon === undefined).each(isas);

let state = 1;

/** -range..range, seeded per property run by `seeded`. */
function random(range: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return range * (state / 2 ** 31 - 1);
}

const floats = (length: number, range = 1) => Float32Array.from({ length }, () => random(range));
const ints = (length: number, low: number, high: number) =>
  Int32Array.from({ length }, () => low + Math.floor(Math.abs(random(0.9999)) * (high - low)));
const blank = (length: number) => new Float32Array(length).fill(Number.NaN);

/** Runs `check` on random size tuples of 1..max each. */
async function forSizes(
  max: number[],
  check: (sizes: number[]) => Promise<void>,
  numRuns = 20,
): Promise<void> {
  const sizes = fc.tuple(...max.map((limit) => fc.integer({ min: 1, max: limit })));
  const property = fc.asyncProperty(sizes, async (values) => {
    state = values.reduce((seed, value) => seed * 31 + value, 17);
    await check(values);
  });
  await fc.assert(property, { numRuns, seed: 11 });
}

const run = (
  isa: string,
  kernel: string,
  operands: KernelCall["operands"],
  sizes: number[],
  params: number[] = [],
) => runKernel(addon!, { kernel, isa, operands, sizes, params });

/** Largest |actual - expected| / (1 + |expected|) within the tolerance; NaN fails. */
function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-6): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++)
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]) / (1 + Math.abs(expected[i])));
  expect(worst).toBeLessThan(tolerance);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

eachIsa("addRmsNorm and rmsNormGrad: %s", async (isa) => {
  await forSizes([4, 70, 40], async ([outer, n, width]) => {
    // now and then more columns than one block of the kernel
    for (const inner of [1, width % 10 === 0 ? 1000 + width : width]) {
      const count = outer * n * inner;
      const [h, r, dy] = [floats(count), floats(count), floats(count)];
      const [y, rstd, dx] = [blank(count), blank(outer * inner), blank(count)];
      await run(isa, "addRmsNorm", [h, r, y, rstd], [outer, n, inner], [1e-5]);
      await run(isa, "rmsNormGrad", [y, rstd, dy, dx], [outer, n, inner]);
      const want = {
        y: new Float64Array(count),
        rstd: new Float64Array(outer * inner),
        dx: new Float64Array(count),
      };
      for (let o = 0; o < outer; o++)
        for (let j = 0; j < inner; j++) {
          const at = Array.from({ length: n }, (_, i) => (o * n + i) * inner + j);
          const mean = at.reduce((total, k) => total + (h[k] + r[k]) ** 2, 0) / n;
          const scale = 1 / Math.sqrt(mean + 1e-5);
          want.rstd[o * inner + j] = scale;
          for (const k of at) want.y[k] = (h[k] + r[k]) * scale;
          const projection = at.reduce((total, k) => total + want.y[k] * dy[k], 0) / n;
          for (const k of at) want.dx[k] = scale * (dy[k] - want.y[k] * projection);
        }
      expectNear(rstd, want.rstd, 2e-6);
      expectNear(y, want.y, 2e-6);
      expectNear(dx, want.dx, 4e-6);

      const inPlace = h.slice();
      await run(isa, "addRmsNorm", [inPlace, r, inPlace, null], [outer, n, inner], [1e-5]);
      expect(inPlace).toEqual(y);
      await run(isa, "rmsNormGrad", [y, rstd, dy, dy], [outer, n, inner]);
      expect(dy).toEqual(dx);
      const [sum, bare] = [h.map((value, i) => value + r[i]), blank(count)];
      await run(isa, "addRmsNorm", [sum, null, bare, rstd], [outer, n, inner], [1e-5]);
      expectNear(bare, want.y, 2e-6);
    }
  });
});

eachIsa("swiglu and swigluGrad: %s", async (isa) => {
  await forSizes([4, 70], async ([outer, half]) => {
    const gu = floats(2 * outer * half, 100);
    const ds = floats(outer * half);
    const [s, dgu] = [blank(outer * half), blank(2 * outer * half)];
    const want = { s: new Float64Array(outer * half), dgu: new Float64Array(2 * outer * half) };
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < half; i++) {
        const [g, u, d] = [gu[2 * o * half + i], gu[2 * o * half + half + i], ds[o * half + i]];
        want.s[o * half + i] = g * sigmoid(g) * u;
        want.dgu[2 * o * half + i] = d * u * sigmoid(g) * (1 + g * (1 - sigmoid(g)));
        want.dgu[2 * o * half + half + i] = d * g * sigmoid(g);
      }
    await run(isa, "swiglu", [gu, s], [outer, half]);
    await run(isa, "swigluGrad", [gu, ds, dgu], [outer, half]);
    expectNear(s, want.s);
    expectNear(dgu, want.dgu, 3e-6);
    await run(isa, "swigluGrad", [gu, ds, gu], [outer, half]);
    expect(gu).toEqual(dgu);
  });
});

eachIsa(
  "the exponential inside swiglu is relatively accurate, and NaN and extremes pass: %s",
  async (isa) => {
    const gate = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 23);
    const gu = new Float32Array([...gate, ...gate.map(() => 1)]);
    const s = blank(gate.length);
    await run(isa, "swiglu", [gu, s], [1, gate.length]);
    const relative = gate.map((g, i) => (g === 0 ? 0 : Math.abs(s[i] / (g * sigmoid(g)) - 1)));
    expect(relative.reduce((a, b) => Math.max(a, b))).toBeLessThan(4e-7);
    const odd = new Float32Array([Number.NaN, 1e30, -1e30, 1, 1, 1]);
    await run(isa, "swiglu", [odd, s], [1, 3]);
    expect(s[0]).toBeNaN();
    expect(s[1]).toBeCloseTo(1e30, -25);
    expect(Math.abs(s[2])).toBeLessThan(1e-7);
  },
);

eachIsa("rope, its transpose and the interleaved pairing: %s", async (isa) => {
  await forSizes([3, 9, 3, 20], async ([R, L, heads, half]) => {
    const headDim = 2 * half;
    const W = heads * headDim + 5;
    const [x, cos, sin] = [floats(R * L * W), floats(L * headDim), floats(L * headDim)];
    for (const interleaved of [0, 1]) {
      const want = { forward: Float64Array.from(x), backward: Float64Array.from(x) };
      for (let row = 0; row < R * L; row++)
        for (let head = 0; head < heads; head++)
          for (let i = 0; i < half; i++) {
            const [a, b] = interleaved ? [2 * i, 2 * i + 1] : [i, i + half];
            const [pa, pb] = [row * W + head * headDim + a, row * W + head * headDim + b];
            const table = (row % L) * headDim;
            const [ca, cb, sa, sb] = [cos[table + a], cos[table + b], sin[table + a], sin[table + b]];
            want.forward[pa] = x[pa] * ca - x[pb] * sa;
            want.forward[pb] = x[pb] * cb + x[pa] * sb;
            want.backward[pa] = x[pa] * ca + x[pb] * sb;
            want.backward[pb] = x[pb] * cb - x[pa] * sa;
          }
      const sizes = [R, L, W, headDim, heads];
      const [y, z] = [blank(x.length), x.slice()];
      await run(isa, "rope", [x, cos, sin, y], sizes, [1, interleaved]);
      expectNear(y, want.forward);
      await run(isa, "rope", [z, cos, sin, z], sizes, [-1, interleaved]);
      expectNear(z, want.backward);
    }
  });
});

eachIsa("embedding and embeddingGrad: %s", async (isa) => {
  await forSizes([30, 9, 40], async ([M, V, D]) => {
    const [ids, table, dy, start] = [ints(M, -2, V + 2), floats(V * D), floats(M * D), floats(V * D)];
    const [y, dtable] = [blank(M * D), start.slice()];
    const want = Float64Array.from(start);
    for (let m = 0; m < M; m++)
      for (let d = 0; d < D && ids[m] >= 0 && ids[m] < V; d++) want[ids[m] * D + d] += dy[m * D + d];
    await run(isa, "embedding", [ids, table, y], [M, V, D]);
    await run(isa, "embeddingGrad", [ids, dy, dtable], [M, V, D]);
    const legal = (id: number) => id >= 0 && id < V;
    const rows = Array.from(ids, (id) =>
      legal(id) ? [...table.subarray(id * D, (id + 1) * D)] : Array(D).fill(0),
    );
    expect([...y]).toEqual(rows.flat());
    expectNear(dtable, want, 3e-6);
  });
});

eachIsa("slice, pad and concat: %s", async (isa) => {
  await forSizes([4, 9, 9, 9, 20], async ([outer, m, before, after, inner]) => {
    const [start, n] = [before - 1, before - 1 + m + after - 1];
    const x = floats(outer * m * inner);
    const [padded, back] = [blank(outer * n * inner), blank(outer * m * inner)];
    await run(isa, "pad", [x, padded], [outer, n, m, start, inner]);
    await run(isa, "slice", [padded, back], [outer, n, m, start, inner]);
    expect(back).toEqual(x);
    const total = (values: Float32Array) => values.reduce((sum, value) => sum + Math.abs(value), 0);
    expect(total(padded)).toBeCloseTo(total(x), 3); // everything else is zero, not NaN

    const b = floats(outer * after * inner);
    const [joined, a2, b2] = [blank(outer * (m + after) * inner), blank(x.length), blank(b.length)];
    await run(isa, "concat", [x, b, joined], [outer, m, after, inner]);
    await run(isa, "slice", [joined, a2], [outer, m + after, m, 0, inner]);
    await run(isa, "slice", [joined, b2], [outer, m + after, after, m, inner]);
    expect(a2).toEqual(x);
    expect(b2).toEqual(b);
  });
});

eachIsa("add, addBroadcast, sumRows, scale, fill and ema: %s", async (isa) => {
  await forSizes([6, 75], async ([R, n]) => {
    const [x, z, b, db] = [floats(R * n), floats(R * n), floats(n), floats(n)];
    const y = blank(R * n);
    await run(isa, "add", [x, z, y], [R * n]);
    expect(y).toEqual(x.map((value, i) => value + z[i]));
    await run(isa, "addBroadcast", [x, b, y], [R, n]);
    expect(y).toEqual(x.map((value, i) => value + b[i % n]));
    const want = Float64Array.from(db, (value, j) =>
      x.reduce((sum, dy, i) => (i % n === j ? sum + dy : sum), value),
    );
    await run(isa, "sumRows", [x, db], [R, n]);
    expectNear(db, want);
    await run(isa, "scale", [x, y], [R * n], [0.25]);
    expect(y).toEqual(x.map((value) => value * 0.25));
    const shadow = z.slice();
    await run(isa, "ema", [shadow, x, new Float32Array([0.999])], [R * n]);
    const rate = Math.fround(0.999);
    expectNear(
      shadow,
      z.map((value, i) => rate * value + (1 - rate) * x[i]),
      2e-7,
    );
    await run(isa, "add", [x, z, x], [R * n]);
    await run(isa, "fill", [y], [R * n], [-3]);
    expect(y.every((value) => value === -3)).toBe(true);
  });
});

eachIsa("selectRows copies, so that NaN of a reset row never passes: %s", async (isa) => {
  await forSizes([6, 7, 40], async ([R, L, D]) => {
    const [flag, init, x] = [ints(R, 0, 2), floats(D), floats(R * L * D)];
    for (let i = 0; i < x.length; i++) if (flag[Math.floor(i / (L * D))]) x[i] = Number.NaN;
    const want = x.map((value, i) => (flag[Math.floor(i / (L * D))] ? init[i % D] : value));
    const y = blank(x.length);
    await run(isa, "selectRows", [flag, init, x, y], [R, L, D]);
    expect(y).toEqual(want);
    await run(isa, "selectRows", [flag, init, x, x], [R, L, D]);
    expect(x).toEqual(want);
  });
});

/** Loss of one row by definition, and its gradient by central differences would be too coarse: the closed form. */
function lossNaive(logits: Float32Array, labels: Int32Array, V: number, kind: number) {
  const count = Math.max(labels.filter((label) => label !== -100).length, 1);
  const gradient = new Float64Array(logits.length);
  const s = (x: number) => (kind === 1 ? Math.exp(x) : x >= 0 ? x + 1 : 1 / (1 - x + 1e-30));
  const slope = (x: number) => (kind === 1 ? Math.exp(x) : x >= 0 ? 1 : s(x) ** 2);
  let loss = 0;
  labels.forEach((label, position) => {
    if (label === -100) return;
    const row = Array.from(logits.subarray(position * V, (position + 1) * V));
    const total = row.reduce((sum, x) => sum + s(x), 0);
    loss -= Math.log(s(row[label]) / total) / count;
    row.forEach((x, k) => {
      const own = k === label ? slope(x) / s(x) : 0;
      gradient[position * V + k] = (slope(x) / total - own) / count;
    });
  });
  return { loss, gradient };
}

eachIsa("crossEntropy of both kinds and its gradient: %s", async (isa) => {
  await forSizes([4, 9, 12], async ([R, S, V]) => {
    const [logits, labels, dloss] = [floats(R * S * V, 9), ints(R * S, 0, V), floats(R)];
    for (let i = 0; i < labels.length; i++) if (random(1) > 0.4) labels[i] = -100;
    for (const kind of [0, 1]) {
      const [loss, dlogits] = [blank(R), blank(R * S * V)];
      await run(isa, "crossEntropy", [logits, labels, loss], [R, S, V], [kind]);
      await run(isa, "crossEntropyGrad", [logits, labels, dloss, dlogits], [R, S, V], [kind]);
      for (let r = 0; r < R; r++) {
        const part = [r * S * V, (r + 1) * S * V];
        const want = lossNaive(logits.slice(...part), labels.slice(r * S, (r + 1) * S), V, kind);
        expectNear([loss[r]], [want.loss], 1e-7);
        expectNear(
          dlogits.slice(...part),
          want.gradient.map((value) => value * dloss[r]),
          1e-7,
        );
      }
    }
  });
});

eachIsa("argmax and matchCounts: %s", async (isa) => {
  await forSizes([5, 7, 9], async ([R, S, V]) => {
    const x = Float32Array.from(ints(R * S * V, 0, 4)); // ties are common: the first wins
    const preds = new Int32Array(R * S);
    await run(isa, "argmax", [x, preds], [R * S, V]);
    const rows = Array.from(preds, (_, m) => [...x.subarray(m * V, (m + 1) * V)]);
    expect([...preds]).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
    const labels = preds.map((pred) => [pred, pred, -100, 1][Math.floor(Math.abs(random(3.99)))]);
    const [valid, correct, exact] = [blank(R), blank(R), blank(R)];
    await run(isa, "matchCounts", [preds, labels, valid, correct, exact], [R, S]);
    for (let r = 0; r < R; r++) {
      const at = Array.from({ length: S }, (_, s) => r * S + s).filter((k) => labels[k] !== -100);
      const right = at.filter((k) => labels[k] === preds[k]).length;
      expect([valid[r], correct[r], exact[r]]).toEqual([at.length, right, right === at.length ? 1 : 0]);
    }
  });
});

eachIsa("bceWithLogits and its gradient: %s", async (isa) => {
  await forSizes([40], async ([n]) => {
    const [x, t, dy] = [floats(n, 30), floats(n).map(Math.abs), floats(n)];
    const [y, dx] = [blank(n), blank(n)];
    await run(isa, "bceWithLogits", [x, t, y], [n]);
    await run(isa, "bceWithLogitsGrad", [x, t, dy, dx], [n]);
    // Rounded after every operation, as the reference's own: see the op.
    const loss = x.map((v, i) => {
      const logSigmoid = Math.fround(
        Math.min(v, 0) - Math.fround(Math.log1p(Math.fround(Math.exp(-Math.abs(v))))),
      );
      return Math.fround(Math.fround(1 - t[i]) * v) - logSigmoid;
    });
    expectNear(y, loss, 1e-7);
    expectNear(
      dx,
      x.map((v, i) => (sigmoid(v) - t[i]) * dy[i]),
      1e-7,
    );
  });
});

eachIsa("adamAtan2 agrees with float64: %s", async (isa) => {
  await forSizes([90], async ([n]) => {
    const [lr, decay, beta1, beta2, steps] = [1e-3, 0.1, 0.9, 0.95, 3];
    const hyper = new Float32Array([
      lr,
      decay,
      beta1,
      beta2,
      1 - beta1 ** steps,
      Math.sqrt(1 - beta2 ** steps),
      0,
      0,
    ]);
    const [p, g, m] = [floats(n), floats(n, 0.1), floats(n, 0.1)];
    const v = floats(n, 0.01).map(Math.abs);
    for (let i = 0; i < n; i += 3) g[i] = m[i] = v[i] = 0; // atan2(0, 0)
    for (let i = 1; i < n; i += 5) [g[i], v[i]] = [0, 0]; // the ratio is infinite
    const want = Array.from(p, (value, i) => {
      const first = m[i] + (1 - hyper[2]) * (g[i] - m[i]);
      const second = v[i] + (1 - hyper[3]) * (g[i] * g[i] - v[i]);
      const angle = Math.atan2(first, Math.sqrt(second) / hyper[5]);
      return { p: value * (1 - hyper[0] * hyper[1]) - (hyper[0] / hyper[4]) * angle, m: first, v: second };
    });
    await run(isa, "adamAtan2", [p, g, m, v, hyper], [n]);
    expectNear(
      p,
      want.map((row) => row.p),
      1.5e-7,
    );
    expectNear(
      m,
      want.map((row) => row.m),
      1e-7,
    );
    expectNear(
      v,
      want.map((row) => row.v),
      1e-7,
    );
  });
});
