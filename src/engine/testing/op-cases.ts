// One case an op: how fast-check makes a sample of it, with ragged shapes and every setting of its attributes, and how
// far a float32 kernel may be from the float64 evaluation. op-cases.test.ts fails if an exported op has no case.

import fc from "fast-check";
import type { Attributes, Op } from "../op.ts";
import { argmaxOp, matchCountsOp } from "../ops/accuracy.ts";
import { addRmsNormOp, rmsNormGradOp } from "../ops/add-rms-norm.ts";
import { attentionGradOp, attentionOp } from "../ops/attention.ts";
import { concatOp, padOp, sliceOp } from "../ops/axis.ts";
import { bceWithLogitsGradOp, bceWithLogitsOp } from "../ops/bce-with-logits.ts";
import { continueTargetOp } from "../ops/continue-target.ts";
import { crossEntropyGradOp, crossEntropyOp } from "../ops/cross-entropy.ts";
import {
  addBroadcastOp,
  addOp,
  fillOp,
  narrowOp,
  reshapeOp,
  scaleOp,
  stopGradientOp,
  sumRowsOp,
  widenOp,
} from "../ops/elementwise.ts";
import { embeddingGradOp, embeddingOp } from "../ops/embedding.ts";
import { geluGradOp, geluOp } from "../ops/gelu.ts";
import { layerNormGradOp, layerNormOp } from "../ops/layer-norm.ts";
import { linearGradInputOp, linearGradWeightOp, linearOp } from "../ops/linear.ts";
import { mixTokensGradInputOp, mixTokensGradWeightOp, mixTokensOp } from "../ops/mix-tokens.ts";
import { featureMlpGradOp, featureMlpOp, tokenMlpGradOp, tokenMlpOp } from "../ops/mlp.ts";
import { multiplyBroadcastOp, multiplyOp } from "../ops/multiply.ts";
import { ropeOp } from "../ops/rope.ts";
import { chooseRowsOp, repeatRowsOp, selectRowsOp } from "../ops/select-rows.ts";
import { swigluGradOp, swigluOp } from "../ops/swiglu.ts";
import { adamAtan2Op, adamWOp, emaOp } from "../ops/update.ts";
import type { Dim } from "../shape.ts";
import type { InputSpec, Sample } from "./sample.ts";
import * as sample from "./sample.ts";

export interface OpCase {
  readonly op: Op;
  /** `size` draws the sizes: small ones for finite differences, beyond vector widths for kernels. */
  readonly samples: (size: fc.Arbitrary<number>) => fc.Arbitrary<Sample>;
  /** Inputs that the gradient rule covers; the others are constants to training. */
  readonly differentiable?: readonly number[];
  /** Kernel against evaluation: |difference| ≤ tolerance · (1 + |expected|). */
  readonly tolerance: number;
  /** Only plans in bfloat16 have it: there are no float32 kernels. */
  readonly isFused: boolean;
}

/** Moves numbers and does not compute, or counts. */
const EXACT = 0;
/** One or a few float32 roundings (6e-8 each), or double inside and one rounding of the result. */
const ROUNDING = 3e-7;
/** Vector approximations of exp and short sums of squares. */
const SMOOTH = 3e-6;
/** Sums of up to some hundred products of numbers below 4, in another order and with fused rounding. */
const PRODUCTS = 2e-5;

const float = (shape: readonly Dim[], contents = sample.signed): InputSpec => ({ shape, contents });
/** With rows, and float32 in every number format. */
const float32 = (shape: readonly Dim[], contents = sample.signed): InputSpec => ({
  shape,
  contents,
  dtype: "float32",
});
const int = (shape: readonly Dim[], contents: sample.Contents): InputSpec => ({
  shape,
  contents,
  dtype: "int",
});
const lane = (shape: readonly Dim[]): InputSpec => ({ shape, contents: sample.signed, storage: "lane" });

const axis = fc.constantFrom(-1, -2);
const kind = fc.constantFrom("stablemax", "softmax");
const mask = fc.constantFrom("full", "causal");

/** Samples from drawn sizes and settings; rows and seed are always drawn. */
function from<T extends object>(
  drawn: { [K in keyof T]: fc.Arbitrary<T[K]> },
  make: (values: T) => Omit<Sample, "rows" | "seed">,
  rows = fc.integer({ min: 1, max: 5 }),
): fc.Arbitrary<Sample> {
  return fc
    .tuple(rows, fc.nat({ max: 0xffff }), fc.record(drawn))
    .map(([rowCount, seed, values]) => ({ rows: rowCount, seed, ...make(values as T) }));
}

const FUSED = [featureMlpOp, tokenMlpOp, featureMlpGradOp, tokenMlpGradOp].map(({ name }) => name);

function opCase<A extends Attributes>(
  op: Op<A>,
  tolerance: number,
  samples: OpCase["samples"],
  differentiable?: readonly number[],
): OpCase {
  // The table holds ops of all kinds of attributes; like Graph.apply it forgets which.
  const isFused = FUSED.includes(op.name);
  return { op: op as unknown as Op, tolerance, samples, differentiable, isFused };
}

/** Two inputs of one shape. */
const pair = (size: fc.Arbitrary<number>) =>
  from({ L: size, D: size }, ({ L, D }) => ({ inputs: [float(["rows", L, D]), float(["rows", L, D])] }));

/** x with a matrix [N, K], and the gradients of their product. */
const matrices =
  (make: (sizes: { L: number; K: number; N: number }) => InputSpec[]) => (size: fc.Arbitrary<number>) =>
    from({ L: size, K: size, N: size }, (sizes) => ({ inputs: make(sizes) }));

const cuts = (make: (n: number, start: number, length: number) => { held: number; length: number }) => {
  return (size: fc.Arbitrary<number>) =>
    from(
      { other: size, before: fc.nat(3), kept: size, after: fc.nat(3), axis },
      ({ other, before, kept, after, axis }) => {
        const { held, length } = make(before + kept + after, before, kept);
        const shape = axis === -1 ? (["rows", other, held] as const) : (["rows", held, other] as const);
        return { inputs: [float(shape)], attributes: { axis, start: before, length } };
      },
    );
};

const gated = (make: (gu: InputSpec, s: InputSpec) => InputSpec[]) => (size: fc.Arbitrary<number>) =>
  from({ L: size, half: size, axis }, ({ L, half, axis }) => {
    const shape = (n: number): Dim[] => (axis === -1 ? ["rows", L, n] : ["rows", n, L]);
    return { inputs: make(float(shape(2 * half)), float(shape(half))), attributes: { axis } };
  });

const heads = (size: fc.Arbitrary<number>) => ({
  L: size,
  heads: fc.integer({ min: 1, max: 3 }),
  hd: size,
  mask,
});

const labelled =
  (make: (logits: InputSpec, labels: InputSpec) => InputSpec[]) => (size: fc.Arbitrary<number>) =>
    from({ S: size, V: size, kind }, ({ S, V, kind }) => ({
      inputs: make(float(["rows", S, V]), int(["rows", S], sample.labelsBelow(V))),
      attributes: { kind },
    }));

/** `halfBlocks`: the hidden width of MLPs over features, in 16. The norm is over K: of a few numbers little is left. */
const mlp = (size: fc.Arbitrary<number>) => ({
  ...{ L: size, K: size.map((n) => n + 7), halfBlocks: fc.integer({ min: 1, max: 3 }) },
  epsilon: fc.constantFrom(1e-5, 0.1),
});

const mlpWeights = (K: number, half: number) => [
  float([2 * half, K], sample.small),
  float([K, half], sample.small),
];

/** h, weights, dy, sums */
const mlpGradInputs = (shape: readonly Dim[], K: number, half: number) => [
  float(shape),
  ...mlpWeights(K, half),
  float(shape),
  lane([2 * half, K]),
  lane([K, half]),
];

const manyRows = fc.integer({ min: 1, max: 70 });

export const OP_CASES: readonly OpCase[] = [
  opCase(
    linearOp,
    PRODUCTS,
    (size) =>
      from({ L: size, K: size, N: size, flat: fc.boolean() }, ({ L, K, N, flat }) => ({
        inputs: [float(flat ? ["rows", K] : ["rows", L, K]), float([N, K])],
      })),
    [0, 1],
  ),
  opCase(
    linearGradInputOp,
    PRODUCTS,
    matrices(({ L, K, N }) => [float(["rows", L, N]), float([N, K])]),
  ),
  opCase(
    linearGradWeightOp,
    PRODUCTS,
    matrices(({ L, K, N }) => [float(["rows", L, N]), float(["rows", L, K]), lane([N, K])]),
  ),
  opCase(
    mixTokensOp,
    PRODUCTS,
    matrices(({ L, K, N }) => [float(["rows", K, L]), float([N, K])]),
    [0, 1],
  ),
  opCase(
    mixTokensGradInputOp,
    PRODUCTS,
    matrices(({ L, K, N }) => [float(["rows", N, L]), float([N, K])]),
  ),
  opCase(
    mixTokensGradWeightOp,
    PRODUCTS,
    matrices(({ L, K, N }) => [float(["rows", N, L]), float(["rows", K, L]), lane([N, K])]),
  ),
  opCase(featureMlpOp, PRODUCTS, (size) =>
    from(mlp(size), ({ L, K, halfBlocks, epsilon }) => ({
      inputs: [float(["rows", L, K]), ...mlpWeights(K, 16 * halfBlocks)],
      // The third result is in the kernel's own order: for the gradient only.
      build: (graph, inputs) => graph.apply(featureMlpOp, inputs, { epsilon }).slice(0, 2),
    })),
  ),
  opCase(tokenMlpOp, PRODUCTS, (size) =>
    from({ ...mlp(size), half: size }, ({ L, K, half, epsilon }) => ({
      inputs: [float(["rows", K, L]), ...mlpWeights(K, half)],
      attributes: { epsilon },
    })),
  ),
  opCase(featureMlpGradOp, PRODUCTS, (size) =>
    from(mlp(size), ({ L, K, halfBlocks, epsilon }) => ({
      inputs: [...mlpGradInputs(["rows", L, K], K, 16 * halfBlocks)],
      build(graph, [h, wGateUp, wDown, dy, dGateUp, dDown]) {
        const [y, inverseRms, gateUp] = graph.apply(featureMlpOp, [h, wGateUp, wDown], { epsilon });
        const inputs = [h, wGateUp, wDown, y, inverseRms, dy, gateUp, dGateUp, dDown];
        return graph.apply(featureMlpGradOp, inputs, {});
      },
    })),
  ),
  opCase(tokenMlpGradOp, PRODUCTS, (size) =>
    from({ ...mlp(size), half: size }, ({ L, K, half, epsilon }) => ({
      inputs: [...mlpGradInputs(["rows", K, L], K, half)],
      build(graph, [h, wGateUp, wDown, dy, dGateUp, dDown]) {
        const [y, inverseRms] = graph.apply(tokenMlpOp, [h, wGateUp, wDown], { epsilon });
        const inputs = [h, wGateUp, wGateUp, wDown, y, inverseRms, dy, dGateUp, dDown];
        return graph.apply(tokenMlpGradOp, inputs, {});
      },
    })),
  ),
  opCase(
    addRmsNormOp,
    SMOOTH,
    (size) =>
      from({ L: size, D: size, axis, epsilon: fc.constantFrom(1e-5, 0.1) }, ({ L, D, axis, epsilon }) => ({
        inputs: [float(["rows", L, D], sample.positive), float(["rows", L, D])],
        attributes: { axis, epsilon },
      })),
    [0, 1],
  ),
  opCase(rmsNormGradOp, SMOOTH, (size) =>
    from({ L: size, D: size, axis }, ({ L, D, axis }) => ({
      inputs: [
        float(["rows", L, D]),
        float32(["rows", axis === -1 ? L : D], sample.positive),
        float(["rows", L, D]),
      ],
      attributes: { axis },
    })),
  ),
  opCase(
    swigluOp,
    SMOOTH,
    gated((gu) => [gu]),
    [0],
  ),
  opCase(
    swigluGradOp,
    SMOOTH,
    gated((gu, s) => [gu, s]),
  ),
  opCase(
    ropeOp,
    ROUNDING,
    (size) =>
      from(
        {
          ...{ L: size, half: size, rotatedHeads: fc.integer({ min: 1, max: 3 }), rest: fc.nat(5) },
          ...{ interleaved: fc.boolean(), sign: fc.constantFrom(1, -1) },
        },
        ({ L, half, rotatedHeads, rest, interleaved, sign }) => ({
          inputs: [
            float(["rows", L, 2 * half * rotatedHeads + rest]),
            float([L, 2 * half]), // any numbers: a rotation is not assumed
            float([L, 2 * half]),
          ],
          attributes: { rotatedHeads, interleaved, sign },
        }),
      ),
    [0],
  ),
  opCase(
    attentionOp,
    PRODUCTS,
    (size) =>
      from(heads(size), ({ L, heads, hd, mask }) => ({
        inputs: [float(["rows", L, 3 * heads * hd])],
        attributes: { heads, mask },
      })),
    [0],
  ),
  opCase(attentionGradOp, PRODUCTS, (size) =>
    from(heads(size), ({ L, heads, hd, mask }) => ({
      inputs: [float(["rows", L, 3 * heads * hd]), float(["rows", L, heads * hd])],
      // The forward results must fit to qkv, so they are computed.
      build(graph, [qkv, dOut]) {
        const [out, logSumExp] = graph.apply(attentionOp, [qkv], { heads, mask });
        return graph.apply(attentionGradOp, [qkv, out, logSumExp, dOut], { heads, mask });
      },
    })),
  ),
  opCase(
    embeddingOp,
    EXACT,
    (size) =>
      from({ S: size, V: size, D: size }, ({ S, V, D }) => ({
        inputs: [int(["rows", S], sample.integersBetween(-1, V)), float([V, D])],
      })),
    [1],
  ),
  opCase(embeddingGradOp, PRODUCTS, (size) =>
    from({ S: size, V: size, D: size }, ({ S, V, D }) => ({
      inputs: [int(["rows", S], sample.integersBetween(-1, V)), float(["rows", S, D]), lane([V, D])],
    })),
  ),
  opCase(
    sliceOp,
    EXACT,
    cuts((n, _, kept) => ({ held: n, length: kept })),
    [0],
  ),
  opCase(
    padOp,
    EXACT,
    cuts((n, _, kept) => ({ held: kept, length: n })),
    [0],
  ),
  opCase(
    concatOp,
    EXACT,
    (size) =>
      from({ a: size, b: size, other: size, axis }, ({ a, b, other, axis }) => ({
        inputs: [a, b].map((n) => float(axis === -1 ? ["rows", other, n] : ["rows", n, other])),
        attributes: { axis },
      })),
    [0, 1],
  ),
  opCase(addOp, ROUNDING, pair, [0, 1]),
  opCase(
    addBroadcastOp,
    ROUNDING,
    (size) =>
      from({ L: size, D: size, flat: fc.boolean() }, ({ L, D, flat }) => ({
        inputs: [float(["rows", L, D]), float(flat ? [D] : [L, D])],
      })),
    [0, 1],
  ),
  opCase(multiplyOp, ROUNDING, pair, [0, 1]),
  opCase(
    multiplyBroadcastOp,
    ROUNDING,
    (size) =>
      from({ L: size, D: size, flat: fc.boolean() }, ({ L, D, flat }) => ({
        inputs: [float(["rows", L, D]), float(flat ? [D] : [L, D])],
      })),
    [0, 1],
  ),
  opCase(
    layerNormOp,
    SMOOTH,
    (size) =>
      from({ L: size, D: size, epsilon: fc.constantFrom(1e-2, 0.1) }, ({ L, D, epsilon }) => ({
        inputs: [float(["rows", L, D])],
        attributes: { epsilon },
      })),
    [0],
  ),
  opCase(layerNormGradOp, SMOOTH, (size) =>
    from({ L: size, D: size }, ({ L, D }) => ({
      inputs: [float(["rows", L, D]), float32(["rows", L], sample.positive), float(["rows", L, D])],
    })),
  ),
  opCase(geluOp, SMOOTH, (size) => from({ D: size }, ({ D }) => ({ inputs: [float(["rows", D])] })), [0]),
  opCase(geluGradOp, SMOOTH, (size) =>
    from({ D: size }, ({ D }) => ({ inputs: [float(["rows", D]), float(["rows", D])] })),
  ),
  opCase(sumRowsOp, PRODUCTS, (size) =>
    from({ L: size, D: size, flat: fc.boolean() }, ({ L, D, flat }) => ({
      inputs: [float(["rows", L, D]), lane(flat ? [D] : [L, D])],
    })),
  ),
  opCase(
    scaleOp,
    ROUNDING,
    (size) =>
      from({ D: size, factor: fc.constantFrom(0.5, -3, 0) }, ({ D, factor }) => ({
        inputs: [float(["rows", D])],
        attributes: { factor },
      })),
    [0],
  ),
  opCase(fillOp, EXACT, (size) =>
    from({ D: size, value: fc.constantFrom(0, -0.25, 3) }, ({ D, value }) => ({
      inputs: [],
      attributes: { value, shape: ["rows", D], dtype: "float" },
    })),
  ),
  opCase(
    reshapeOp,
    EXACT,
    (size) =>
      from({ L: size, D: size }, ({ L, D }) => ({
        inputs: [float(["rows", L, D])],
        attributes: { shape: ["rows", L * D] },
      })),
    [0],
  ),
  opCase(stopGradientOp, EXACT, (size) => from({ D: size }, ({ D }) => ({ inputs: [float(["rows", D])] }))),
  opCase(widenOp, EXACT, (size) => from({ D: size }, ({ D }) => ({ inputs: [float(["rows", D])] })), [0]),
  opCase(narrowOp, EXACT, (size) => from({ D: size }, ({ D }) => ({ inputs: [float32(["rows", D])] })), [0]),
  opCase(selectRowsOp, EXACT, (size) =>
    from({ L: size, D: size }, ({ L, D }) => ({
      inputs: [int(["rows"], sample.zeroOrOne), float([D]), float(["rows", L, D])],
    })),
  ),
  opCase(
    chooseRowsOp,
    EXACT,
    (size) =>
      from({ L: size, D: size }, ({ L, D }) => ({
        inputs: [int(["rows"], sample.zeroOrOne), float(["rows", L, D]), float(["rows", L, D])],
      })),
    [1, 2],
  ),
  opCase(
    repeatRowsOp,
    EXACT,
    (size) => from({ L: size, D: size }, ({ L, D }) => ({ inputs: [float([L, D])] })),
    [0],
  ),
  opCase(continueTargetOp, ROUNDING, () =>
    from({}, () => ({ inputs: [float32(["rows", 2]), int(["rows"], sample.zeroOrOne)] }), manyRows),
  ),
  opCase(
    crossEntropyOp,
    ROUNDING,
    labelled((logits, labels) => [logits, labels]),
    [0],
  ),
  opCase(
    crossEntropyGradOp,
    ROUNDING,
    labelled((logits, labels) => [logits, labels, float32(["rows"])]),
  ),
  opCase(argmaxOp, EXACT, (size) =>
    from({ S: size, V: size }, ({ S, V }) => ({
      inputs: [float(["rows", S, V], sample.integersBetween(-2, 2))], // many ties
    })),
  ),
  opCase(matchCountsOp, EXACT, (size) =>
    from({ S: size, V: fc.integer({ min: 1, max: 2 }) }, ({ S, V }) => ({
      inputs: [int(["rows", S], sample.integersBetween(0, V - 1)), int(["rows", S], sample.labelsBelow(V))],
    })),
  ),
  opCase(
    bceWithLogitsOp,
    ROUNDING,
    () => from({}, () => ({ inputs: [float32(["rows"]), float32(["rows"], sample.zeroOrOne)] }), manyRows),
    [0],
  ),
  opCase(bceWithLogitsGradOp, ROUNDING, () =>
    from(
      {},
      () => ({ inputs: [float32(["rows"]), float32(["rows"], sample.zeroOrOne), float32(["rows"])] }),
      manyRows,
    ),
  ),
  opCase(adamAtan2Op, ROUNDING, () =>
    from(
      { t: fc.constantFrom(1, 2, 1000) },
      ({ t }) => ({
        inputs: [
          float32(["rows"]),
          float32(["rows"], sample.signedWithZeros),
          float32(["rows"], sample.signedWithZeros),
          float32(["rows"], sample.zeroOrOne),
          float([8], sample.constants(1e-3, 0.1, 0.9, 0.95, 1 - 0.9 ** t, Math.sqrt(1 - 0.95 ** t), 0, 0)),
        ],
      }),
      manyRows,
    ),
  ),
  opCase(adamWOp, SMOOTH, () =>
    from(
      { t: fc.constantFrom(1, 2, 1000), factor: fc.constantFrom(1, 0.25) },
      ({ t, factor }) => ({
        inputs: [
          float32(["rows"]),
          float32(["rows"], sample.signedWithZeros),
          float32(["rows"], sample.signedWithZeros),
          float32(["rows"], sample.zeroOrOne),
          float(
            [8],
            sample.constants(1e-3, 0.1, 0.9, 0.95, 1 - 0.9 ** t, Math.sqrt(1 - 0.95 ** t), 1e-3, factor),
          ),
        ],
      }),
      manyRows,
    ),
  ),
  opCase(emaOp, ROUNDING, () =>
    from(
      {},
      () => ({ inputs: [float32(["rows"]), float32(["rows"]), float([1], sample.constants(0.999))] }),
      manyRows,
    ),
  ),
];
