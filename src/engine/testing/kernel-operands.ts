// The kernels' contract as native/core/kernel-list.h writes it, read back: what operands of which shapes and number types
// a kernel takes, given its sizes and parameters. For the shadow executor; planner and ops must agree with it.

export interface Reading {
  /** Shapes of all operands but the workspace: inputs, then results. In-place results are among the inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** An operand each: `f` of the program's number format, `w` float32, `i` int32. */
  readonly types: string;
  readonly attributes?: Readonly<Record<string, number | string | boolean>>;
}

export type Reader = (sizes: readonly number[], params: readonly number[]) => Reading;

const MASKS = ["full", "causal"];
const KINDS = ["stablemax", "softmax"];

const product: Reader = ([M, K, N]) => ({
  types: "fwf",
  shapes: [
    [M, K],
    [N, K],
    [M, N],
  ],
});
const mixing: Reader = ([R, K, N, D]) => ({
  types: "fwf",
  shapes: [
    [R, K, D],
    [N, K],
    [R, N, D],
  ],
});
const elementwise = (types: string): Reader => {
  return ([n]) => ({ types, shapes: Array.from(types, () => [n]) });
};

export const READERS: Readonly<Record<string, Reader>> = {
  linear: product,
  linearGradInput: ([M, K, N]) => ({
    types: "fwf",
    shapes: [
      [M, N],
      [N, K],
      [M, K],
    ],
  }),
  linearGradWeight: ([M, K, N]) => ({
    types: "ffw",
    shapes: [
      [M, N],
      [M, K],
      [N, K],
    ],
  }),
  mixTokens: mixing,
  mixTokensGradInput: ([R, K, N, D]) => ({
    types: "fwf",
    shapes: [
      [R, N, D],
      [N, K],
      [R, K, D],
    ],
  }),
  mixTokensGradWeight: ([R, K, N, D]) => ({
    types: "ffw",
    shapes: [
      [R, N, D],
      [R, K, D],
      [N, K],
    ],
  }),
  featureMlp: ([M, K, N], [epsilon]) => ({
    types: "fwwfwf",
    shapes: [[M, K], [N, K], [K, N / 2], [M, K], [M], [M, N]],
    attributes: { epsilon },
  }),
  featureMlpGrad: ([M, K, N]) => ({
    types: "fwwfwffwwf",
    shapes: [[M, K], [N, K], [K, N / 2], [M, K], [M], [M, K], [M, N], [N, K], [K, N / 2], [M, K]],
  }),
  tokenMlp: ([R, K, N, D], [epsilon]) => ({
    types: "fwwfw",
    shapes: [
      [R, K, D],
      [N, K],
      [K, N / 2],
      [R, K, D],
      [R, D],
    ],
    attributes: { epsilon },
  }),
  tokenMlpGrad: ([R, K, N, D]) => ({
    types: "fwwwfwfwwf",
    shapes: [
      [R, K, D],
      [N, K],
      [N, K],
      [K, N / 2],
      [R, K, D],
      [R, D],
      [R, K, D],
      [N, K],
      [K, N / 2],
      [R, K, D],
    ],
  }),
  widen: elementwise("fw"),
  narrow: elementwise("wf"),
  addRmsNorm: ([o, n, i], [epsilon]) => ({
    types: "fffw",
    shapes: [
      [o, n, i],
      [o, n, i],
      [o, n, i],
      [o, i],
    ],
    attributes: { axis: -2, epsilon },
  }),
  rmsNormGrad: ([o, n, i]) => ({
    types: "fwff",
    shapes: [
      [o, n, i],
      [o, i],
      [o, n, i],
      [o, n, i],
    ],
    attributes: { axis: -2 },
  }),
  swiglu: ([o, half]) => ({
    types: "ff",
    shapes: [
      [o, 2 * half],
      [o, half],
    ],
    attributes: { axis: -1 },
  }),
  swigluGrad: ([o, half]) => ({
    types: "fff",
    shapes: [
      [o, 2 * half],
      [o, half],
      [o, 2 * half],
    ],
    attributes: { axis: -1 },
  }),
  rope: ([R, L, W, headDim, rotatedHeads], [sign, interleaved]) => ({
    types: "fwwf",
    shapes: [
      [R, L, W],
      [L, headDim],
      [L, headDim],
      [R, L, W],
    ],
    attributes: { rotatedHeads, interleaved: interleaved === 1, sign },
  }),
  attention: ([R, L, H, hd], [mask]) => ({
    types: "ffw",
    shapes: [
      [R, L, 3 * H * hd],
      [R, L, H * hd],
      [R, H, L],
    ],
    attributes: { heads: H, mask: MASKS[mask] },
  }),
  attentionGrad: ([R, L, H, hd], [mask]) => ({
    types: "ffwff",
    shapes: [
      [R, L, 3 * H * hd],
      [R, L, H * hd],
      [R, H, L],
      [R, L, H * hd],
      [R, L, 3 * H * hd],
    ],
    attributes: { heads: H, mask: MASKS[mask] },
  }),
  embedding: ([M, V, D]) => ({ types: "iwf", shapes: [[M], [V, D], [M, D]] }),
  embeddingGrad: ([M, V, D]) => ({ types: "ifw", shapes: [[M], [M, D], [V, D]] }),
  slice: ([o, n, m, start, i]) => ({
    types: "ff",
    shapes: [
      [o, n, i],
      [o, m, i],
    ],
    attributes: { axis: -2, start, length: m },
  }),
  pad: ([o, n, m, start, i]) => ({
    types: "ff",
    shapes: [
      [o, m, i],
      [o, n, i],
    ],
    attributes: { axis: -2, start, length: n },
  }),
  concat: ([o, a, b, i]) => ({
    types: "fff",
    shapes: [
      [o, a, i],
      [o, b, i],
      [o, a + b, i],
    ],
    attributes: { axis: -2 },
  }),
  add: elementwise("fff"),
  addBroadcast: ([R, n]) => ({ types: "fwf", shapes: [[R, n], [n], [R, n]] }),
  multiply: elementwise("fff"),
  multiplyBroadcast: ([R, n]) => ({ types: "fwf", shapes: [[R, n], [n], [R, n]] }),
  layerNorm: ([M, n], [epsilon]) => ({
    types: "ffw",
    shapes: [[M, n], [M, n], [M]],
    attributes: { epsilon },
  }),
  layerNormGrad: ([M, n]) => ({ types: "fwff", shapes: [[M, n], [M], [M, n], [M, n]] }),
  gelu: elementwise("ff"),
  geluGrad: elementwise("fff"),
  sumRows: ([R, n]) => ({ types: "fw", shapes: [[R, n], [n]] }),
  scale: ([n], [factor]) => ({ types: "ff", shapes: [[n], [n]], attributes: { factor } }),
  fill: ([n], [value]) => ({ types: "f", shapes: [[n]], attributes: { value } }),
  selectRows: ([R, L, D]) => ({ types: "iwff", shapes: [[R], [D], [R, L, D], [R, L, D]] }),
  chooseRows: ([R, n]) => ({ types: "ifff", shapes: [[R], [R, n], [R, n], [R, n]] }),
  repeatRows: ([R, n]) => ({ types: "wf", shapes: [[n], [R, n]] }),
  continueTarget: ([R]) => ({ types: "wiw", shapes: [[R, 2], [R], [R]] }),
  crossEntropy: ([R, S, V], [kind]) => ({
    types: "fiw",
    shapes: [[R, S, V], [R, S], [R]],
    attributes: { kind: KINDS[kind] },
  }),
  crossEntropyGrad: ([R, S, V], [kind]) => ({
    types: "fiwf",
    shapes: [[R, S, V], [R, S], [R], [R, S, V]],
    attributes: { kind: KINDS[kind] },
  }),
  argmax: ([M, V]) => ({ types: "fi", shapes: [[M, V], [M]] }),
  matchCounts: ([R, S]) => ({ types: "iiwww", shapes: [[R, S], [R, S], [R], [R], [R]] }),
  bceWithLogits: elementwise("www"),
  bceWithLogitsGrad: elementwise("wwww"),
  adamAtan2: ([n]) => ({ types: "wwwww", shapes: [[n], [n], [n], [n], [8]] }),
  adamW: ([n]) => ({ types: "wwwww", shapes: [[n], [n], [n], [n], [8]] }),
  ema: ([n]) => ({ types: "www", shapes: [[n], [n], [1]] }),
};
