// A whole SwiGLU MLP with its residual and norm as one op, y = rms(h + down(swiglu(gateUp(h)))), over features or over
// tokens, and its gradient: what fuse.ts makes of the parts for executors with kernels for it. Models and gradients never
// see these ops; they mean exactly what their parts mean.

import type { Node, Value, ValueType } from "../graph.ts";
import { defineOp, type Op, type Tensor } from "../op.ts";
import { elementCount, resolveSize, type SymbolSizes, sizeOf, withAxis } from "../shape.ts";
import { addRmsNormOp, rmsNormGradOp } from "./add-rms-norm.ts";
import { linearGradInputOp, linearGradWeightOp, linearOp } from "./linear.ts";
import { mixTokensGradInputOp, mixTokensGradWeightOp, mixTokensOp } from "./mix-tokens.ts";
import { swigluGradOp, swigluOp } from "./swiglu.ts";

type NormAttribute = { readonly epsilon: number };

/** The parts of an MLP over one axis. */
interface Parts {
  readonly axis: -1 | -2;
  readonly product: Op;
  readonly gradInput: Op;
  readonly gradWeight: Op;
}

const FEATURES: Parts = {
  ...{ axis: -1, product: linearOp, gradInput: linearGradInputOp, gradWeight: linearGradWeightOp },
};
const TOKENS: Parts = {
  ...{ axis: -2, product: mixTokensOp, gradInput: mixTokensGradInputOp, gradWeight: mixTokensGradWeightOp },
};

/**
 * h [rows, L, K], wGateUp [N, K], wDown [K, N/2] -> y as h; if anything reads them, 1/rms, and the product with wGateUp
 * in the kernel's own order, for featureMlpGrad alone.
 */
export const featureMlpOp = defineOp<NormAttribute>({
  name: "featureMlp",
  operands: ["float", "float32", "float32"],
  optionalOutputs: [1, 2],
  packs: [
    { operand: 1, side: "right", transposed: false, gated: true },
    { operand: 2, side: "right", transposed: false, gated: false },
  ],
  types(inputs) {
    const found = partTypes(FEATURES, inputs);
    if (typeof found === "string") return found;
    if (Number(inputs[1].shape[0]) % 32 !== 0) return "the gated width must be a multiple of 32";
    return [found.y, found.inverseRms, found.gateUp];
  },
  evaluate([h, wGateUp, wDown], [y, inverseRms, gateUp], { epsilon }) {
    runForward(FEATURES, { h, wGateUp, wDown, gateUp }, [y, inverseRms], epsilon);
  },
  kernel: (node, { epsilon }) => ({
    sizes: featureSizes(node),
    params: [epsilon],
    // Rows in blocks of 32, the last one whole.
    outputBytes: (output, sizes) => {
      const [, , gateUp] = node.outputs;
      return output === 2 ? 2 * 32 * blocks(rowCount(gateUp, sizes)) * Number(gateUp.shape.at(-1)) : 0;
    },
  }),
  flops: (node) => mlpFlops(node, 2),
});

/** h [rows, K, D], wGateUp [N, K], wDown [K, N/2] -> y as h and, if anything reads it, 1/rms. */
export const tokenMlpOp = defineOp<NormAttribute>({
  name: "tokenMlp",
  operands: ["float", "float32", "float32"],
  optionalOutputs: [1],
  packs: [
    { operand: 1, side: "left", transposed: false, gated: true },
    { operand: 2, side: "left", transposed: false, gated: false },
  ],
  types(inputs) {
    const found = partTypes(TOKENS, inputs);
    return typeof found === "string" ? found : [found.y, found.inverseRms];
  },
  evaluate([h, wGateUp, wDown], [y, inverseRms], { epsilon }) {
    const gateUp = zeros(h, TOKENS.axis, wGateUp.shape[0]);
    runForward(TOKENS, { h, wGateUp, wDown, gateUp }, [y, inverseRms], epsilon);
  },
  kernel: (node, { epsilon }) => ({ sizes: tokenSizes(node), params: [epsilon] }),
  flops: (node) => mlpFlops(node, 2),
});

/** h, wGateUp, wDown, y, 1/rms, dy, gateUp, sums of the weights' gradients -> dh and the sums. Spoils gateUp. */
export const featureMlpGradOp = defineOp({
  name: "featureMlpGrad",
  operands: ["float", "float32", "float32", "float", "float32", "float", "float", "float32", "float32"],
  inPlace: [undefined, 7, 8],
  spoils: [6],
  packs: [
    { operand: 1, side: "right", transposed: true, gated: true },
    { operand: 2, side: "right", transposed: true, gated: false },
  ],
  types: ([h, , , , , , , dGateUp, dDown]) => [h, dGateUp, dDown],
  evaluate([h, wGateUp, wDown, y, inverseRms, dy, gateUp], results) {
    runBackward(FEATURES, { h, wGateUp, wDown, gateUp }, [y, inverseRms, dy], results);
  },
  kernel: (node) => ({
    sizes: featureSizes(node),
    workspaceBytes: (sizes) => featureGradWork(node, sizes),
  }),
  flops: (node) => mlpFlops(node, 4),
});

/** h, wGateUp twice, wDown, y, 1/rms, dy, sums of the weights' gradients -> dh and the sums. Gates are computed again. */
export const tokenMlpGradOp = defineOp({
  name: "tokenMlpGrad",
  operands: ["float", "float32", "float32", "float32", "float", "float32", "float", "float32", "float32"],
  inPlace: [undefined, 7, 8],
  packs: [
    { operand: 1, side: "left", transposed: false, gated: true },
    { operand: 2, side: "left", transposed: true, gated: true },
    { operand: 3, side: "left", transposed: true, gated: false },
  ],
  types: ([h, , , , , , , dGateUp, dDown]) => [h, dGateUp, dDown],
  evaluate([h, wGateUp, , wDown, y, inverseRms, dy], results) {
    const gateUp = zeros(h, TOKENS.axis, wGateUp.shape[0]);
    TOKENS.product.evaluate?.([h, wGateUp], [gateUp], {});
    runBackward(TOKENS, { h, wGateUp, wDown, gateUp }, [y, inverseRms, dy], results);
  },
  kernel: (node) => ({ sizes: tokenSizes(node), workspaceBytes: () => tokenGradWork(node) }),
  flops: (node) => mlpFlops(node, 4),
});

/** Types of all parts' results, by the rules of the parts. */
function partTypes(
  { axis, product }: Parts,
  [h, wGateUp, wDown]: readonly ValueType[],
): { y: ValueType; inverseRms: ValueType; gateUp: ValueType } | string {
  const gateUps = product.types([h, wGateUp], {});
  if (typeof gateUps === "string") return gateUps;
  const hidden = swigluOp.types(gateUps, { axis });
  if (typeof hidden === "string") return hidden;
  const downs = product.types([hidden[0], wDown], {});
  if (typeof downs === "string") return downs;
  const norms = addRmsNormOp.types([h, downs[0]], { axis, epsilon: 0 });
  return typeof norms === "string" ? norms : { y: norms[0], inverseRms: norms[1], gateUp: gateUps[0] };
}

interface MlpTensors {
  readonly h: Tensor;
  readonly wGateUp: Tensor;
  readonly wDown: Tensor;
  readonly gateUp: Tensor;
}

/** Fills `gateUp` too. */
function runForward(
  { axis, product }: Parts,
  { h, wGateUp, wDown, gateUp }: MlpTensors,
  results: readonly Tensor[],
  epsilon: number,
): void {
  product.evaluate?.([h, wGateUp], [gateUp], {});
  const hidden = zeros(h, axis, wDown.shape[1]);
  swigluOp.evaluate?.([gateUp], [hidden], { axis });
  const down = zeros(h, axis, wDown.shape[0]);
  product.evaluate?.([hidden, wDown], [down], {});
  addRmsNormOp.evaluate?.([h, down], results, { axis, epsilon });
}

function runBackward(
  { axis, gradInput, gradWeight }: Parts,
  { h, wGateUp, wDown, gateUp }: MlpTensors,
  norm: readonly Tensor[],
  [dh, dGateUpSum, dDownSum]: readonly Tensor[],
): void {
  const ds = zeros(h, axis, wDown.shape[0]);
  rmsNormGradOp.evaluate?.(norm, [ds], { axis });
  const hidden = zeros(h, axis, wDown.shape[1]);
  swigluOp.evaluate?.([gateUp], [hidden], { axis });
  gradWeight.evaluate?.([ds, hidden], [dDownSum], {});
  const dHidden = zeros(h, axis, wDown.shape[1]);
  gradInput.evaluate?.([ds, wDown], [dHidden], {});
  const dGateUp = zeros(h, axis, wGateUp.shape[0]);
  swigluGradOp.evaluate?.([gateUp, dHidden], [dGateUp], { axis });
  gradWeight.evaluate?.([dGateUp, h], [dGateUpSum], {});
  gradInput.evaluate?.([dGateUp, wGateUp], [dh], {});
  for (let i = 0; i < dh.data.length; i++) dh.data[i] += ds.data[i];
}

/** Zeros of the numbers' kind in the shape of `like`, with another length along an axis. */
function zeros({ shape, data }: Tensor, axis: number, length: number): Tensor {
  const resized = withAxis(shape, axis, length).map(Number);
  const count = elementCount(resized);
  return {
    shape: resized,
    data: data instanceof Float64Array ? new Float64Array(count) : new Float32Array(count),
  };
}

/** M, K, N */
function featureSizes({ inputs: [h, wGateUp] }: Node) {
  return [sizeOf(...h.shape.slice(0, -1)), sizeOf(wGateUp.shape[1]), sizeOf(wGateUp.shape[0])];
}

/** R, K, N, D */
function tokenSizes({ inputs: [h, wGateUp] }: Node) {
  return [sizeOf(h.shape[0]), sizeOf(wGateUp.shape[1]), sizeOf(wGateUp.shape[0]), sizeOf(h.shape[2])];
}

/** Multiply-adds of `products` products with wGateUp, half as many with wDown, times two. */
function mlpFlops({ inputs: [h, wGateUp] }: Node, products: number) {
  const { coefficient, symbols } = sizeOf(...h.shape, wGateUp.shape[0]);
  return { coefficient: (3 * products * coefficient) / 2, symbols };
}

const blocks = (length: number) => Math.ceil(length / 32);

function rowCount({ shape }: Value, sizes: SymbolSizes): number {
  return resolveSize(sizeOf(...shape.slice(0, -1)), sizes);
}

/** WHORL_FEATURE_MLP_GRAD_WORK in native/core/kernel-list.h */
function featureGradWork({ inputs: [h, wGateUp] }: Node, sizes: SymbolSizes): number {
  const [N, K] = wGateUp.shape.map(Number);
  return 4 * 512 * blocks(rowCount(h, sizes)) * (2 * blocks(K) + blocks(N / 2) + 1);
}

/** WHORL_TOKEN_MLP_GRAD_WORK in native/core/kernel-list.h */
function tokenGradWork({ inputs: [h, wGateUp] }: Node): number {
  const [N, K] = wGateUp.shape.map(Number);
  const channels = blocks(Number(h.shape[2]));
  const kept = (blocks(N) + blocks(N / 2)) * (1024 * blocks(K) + 512 * channels);
  return 4 * (kept + 512 * 2 * blocks(K) * channels);
}
