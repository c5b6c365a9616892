// `whorl/engine`: graphs, gradients, plans and the executors that run them.

export { differentiate } from "./autodiff.ts";
export { checkGraph } from "./check.ts";
export { type BackendChoice, chooseExecutor } from "./executors/choose.ts";
export type {
  Bindings,
  Buffer,
  CompileOptions,
  Executor,
  ExecutorDescription,
  LaneBuffer,
  Program,
  RunSizes,
} from "./executors/executor.ts";
export { makeNativeExecutor, type NativeOptions } from "./executors/native/native.ts";
export { makeReferenceExecutor, type ReferencePrecision } from "./executors/reference/reference.ts";
export { makeWasmExecutor, type WasmOptions } from "./executors/wasm/wasm.ts";
export { flopsPerRow } from "./flops.ts";
export { fuseGraph } from "./fuse.ts";
export { type DType, Graph, type Node, type Storage, type Value, type ValueType } from "./graph.ts";
export { NUMBER_FORMATS, type NumberFormat } from "./number-format.ts";
export { defineOp, type Op, type Tensor } from "./op.ts";
export { argmax, matchCounts } from "./ops/accuracy.ts";
export { addRmsNorm } from "./ops/add-rms-norm.ts";
export { type AttentionMask, attention } from "./ops/attention.ts";
export { concat, pad, slice } from "./ops/axis.ts";
export { bceWithLogits } from "./ops/bce-with-logits.ts";
export { continueTarget } from "./ops/continue-target.ts";
export { type CrossEntropyKind, crossEntropy, IGNORED_LABEL } from "./ops/cross-entropy.ts";
export { add, addBroadcast, narrow, reshape, scale, stopGradient, widen } from "./ops/elementwise.ts";
export { embedding } from "./ops/embedding.ts";
export { gelu } from "./ops/gelu.ts";
export { layerNorm } from "./ops/layer-norm.ts";
export { linear } from "./ops/linear.ts";
export { mixTokens } from "./ops/mix-tokens.ts";
export { multiply, multiplyBroadcast } from "./ops/multiply.ts";
export { rope } from "./ops/rope.ts";
export { chooseRows, repeatRows, selectRows } from "./ops/select-rows.ts";
export { swiglu } from "./ops/swiglu.ts";
export { adamAtan2, adamW, ema } from "./ops/update.ts";
export { formatPlan, makePlan, type Plan } from "./plan.ts";
export { pruneGraph } from "./prune.ts";
export type { Dim, Shape } from "./shape.ts";
