// The closed list of kernels. One line an op:
//   X(name, operands, sizes, params, optional, types, legal, extents...)
// optional: bit mask of operands that may be missing; types: a letter an operand, 'f' for elements in the number format of
// the kernel (4 bytes, or 2 in its .bf16 form), 'w' for 4 bytes always (float32, int32); legal: condition on the sizes
// n[]; extents: how many elements each operand spans. The runner checks extents against arena and buffers before it
// runs anything, which is what stands between a planner mistake and a crashed process. Meanings of the operands: the
// kernel's file.
//
// Work space of the attention kernels, in floats (the planner computes the same formulas):
//   attention      2*(L+16)*(hd+16) + 32*(L+16) +  64*(hd+32)
//   attentionGrad  3*(L+16)*(hd+16) + 64*(L+16) + 160*(hd+32)
// and of the gradients of fused MLPs: WHORL_TOKEN_MLP_GRAD_WORK, WHORL_FEATURE_MLP_GRAD_WORK below.
//
// Matrices [N,K] packed for the bfloat16 products: blocks of 32 x 32, 512 4-byte elements each.
#pragma once

#define WHORL_ATTENTION_WORK(L, hd) (2 * ((L) + 16) * ((hd) + 16) + 32 * ((L) + 16) + 64 * ((hd) + 32))
#define WHORL_ATTENTION_GRAD_WORK(L, hd) (3 * ((L) + 16) * ((hd) + 16) + 64 * ((L) + 16) + 160 * ((hd) + 32))
#define WHORL_PACKED(N, K) (512 * (((N) + 31) / 32) * (((K) + 31) / 32))
#define WHORL_BLOCKS(N) (((N) + 31) / 32)
#define WHORL_TOKEN_MLP_GRAD_WORK(K, N, D) \
  ((WHORL_BLOCKS(N) + WHORL_BLOCKS((N) / 2)) * (1024 * WHORL_BLOCKS(K) + 512 * WHORL_BLOCKS(D)) + WHORL_PACKED(2 * 32 * WHORL_BLOCKS(K), D))
#define WHORL_FEATURE_MLP_GRAD_WORK(M, K, N) (512 * WHORL_BLOCKS(M) * (2 * WHORL_BLOCKS(K) + WHORL_BLOCKS((N) / 2) + 1))
// Bytes of scratch that a fused MLP takes at least, beyond which it is refused: at 32 rows, and for one panel of channels.
#define WHORL_FEATURE_MLP_SCRATCH(K, N) (8192 + 2048 * (3 * WHORL_BLOCKS(K) + WHORL_BLOCKS((N) / 2) + 1))
#define WHORL_TOKEN_MLP_SCRATCH(K, N) (24576 + 8192 * (WHORL_BLOCKS(K) + 1) + 2048 * WHORL_BLOCKS(N) + 64 * (K))
// `bfloat16` is of the place where a line is expanded: the .bf16 form reads its weight packed.
#define WHORL_WEIGHT(N, K) (bfloat16 ? WHORL_PACKED(N, K) : (N) * (K))

// clang-format off
// One source for both formats: a template over the type of 'f' operands.
#define WHORL_TEMPLATE_KERNELS(X) \
  /* h r? y rstd? | outer n inner | eps */ \
  X(addRmsNorm, 4, 3, 1, 0b1010, "fffw", n[1] > 0, n[0] * n[1] * n[2], n[0] * n[1] * n[2], n[0] * n[1] * n[2], n[0] * n[2]) \
  /* y rstd dy dx */ \
  X(rmsNormGrad, 4, 3, 0, 0, "fwff", n[1] > 0, n[0] * n[1] * n[2], n[0] * n[2], n[0] * n[1] * n[2], n[0] * n[1] * n[2]) \
  /* gu s | outer half */ \
  X(swiglu, 2, 2, 0, 0, "ff", true, 2 * n[0] * n[1], n[0] * n[1]) \
  X(swigluGrad, 3, 2, 0, 0, "fff", true, 2 * n[0] * n[1], n[0] * n[1], 2 * n[0] * n[1]) \
  /* x cos sin y | R L W headDim rotatedHeads | sign interleaved */ \
  X(rope, 4, 5, 2, 0, "fwwf", n[3] % 2 == 0 && n[3] * n[4] <= n[2], n[0] * n[1] * n[2], n[1] * n[3], n[1] * n[3], \
    n[0] * n[1] * n[2]) \
  /* ids table y | M V D */ \
  X(embedding, 3, 3, 0, 0, "wwf", true, n[0], n[1] * n[2], n[0] * n[2]) \
  X(embeddingGrad, 3, 3, 0, 0, "wfw", true, n[0], n[0] * n[2], n[1] * n[2]) \
  /* x y | outer n m start inner */ \
  X(slice, 2, 5, 0, 0, "ff", n[3] + n[2] <= n[1], n[0] * n[1] * n[4], n[0] * n[2] * n[4]) \
  X(pad, 2, 5, 0, 0, "ff", n[3] + n[2] <= n[1], n[0] * n[2] * n[4], n[0] * n[1] * n[4]) \
  /* a b y | outer na nb inner */ \
  X(concat, 3, 4, 0, 0, "fff", true, n[0] * n[1] * n[3], n[0] * n[2] * n[3], n[0] * (n[1] + n[2]) * n[3]) \
  /* a b y | n */ \
  X(add, 3, 1, 0, 0, "fff", true, n[0], n[0], n[0]) \
  /* x b y | R n */ \
  X(addBroadcast, 3, 2, 0, 0, "fwf", true, n[0] * n[1], n[1], n[0] * n[1]) \
  /* a b y | n          x b y | R n */ \
  X(multiply, 3, 1, 0, 0, "fff", true, n[0], n[0], n[0]) \
  X(multiplyBroadcast, 3, 2, 0, 0, "fwf", true, n[0] * n[1], n[1], n[0] * n[1]) \
  X(sumRows, 2, 2, 0, 0, "fw", true, n[0] * n[1], n[1]) \
  X(scale, 2, 1, 1, 0, "ff", true, n[0], n[0]) \
  X(fill, 1, 1, 1, 0, "f", true, n[0]) \
  /* flag init x y | R L D */ \
  X(selectRows, 4, 3, 0, 0, "wwff", true, n[0], n[2], n[0] * n[1] * n[2], n[0] * n[1] * n[2]) \
  /* flag a b y | R n          x y | R n */ \
  X(chooseRows, 4, 2, 0, 0, "wfff", true, n[0], n[0] * n[1], n[0] * n[1], n[0] * n[1]) \
  X(repeatRows, 2, 2, 0, 0, "wf", true, n[1], n[0] * n[1]) \
  /* x y rstd? | M n | eps          y rstd dy dx | M n */ \
  X(layerNorm, 3, 2, 1, 0, "ffw", n[1] > 0, n[0] * n[1], n[0] * n[1], n[0]) \
  X(layerNormGrad, 4, 2, 0, 0, "fwff", n[1] > 0, n[0] * n[1], n[0], n[0] * n[1], n[0] * n[1]) \
  /* x y | n          x dy dx | n */ \
  X(gelu, 2, 1, 0, 0, "ff", true, n[0], n[0]) \
  X(geluGrad, 3, 1, 0, 0, "fff", true, n[0], n[0], n[0]) \
  /* logits labels loss | R S V | kind */ \
  X(crossEntropy, 3, 3, 1, 0, "fww", true, n[0] * n[1] * n[2], n[0] * n[1], n[0]) \
  X(crossEntropyGrad, 4, 3, 1, 0, "fwwf", true, n[0] * n[1] * n[2], n[0] * n[1], n[0], n[0] * n[1] * n[2]) \
  /* x y | M V */ \
  X(argmax, 2, 2, 0, 0, "fw", n[1] > 0, n[0] * n[1], n[0]) \
  /* x y | n */ \
  X(widen, 2, 1, 0, 0, "fw", true, n[0], n[0]) \
  X(narrow, 2, 1, 0, 0, "wf", true, n[0], n[0])

// Two sources: the format decides how they are made.
#define WHORL_PRODUCT_KERNELS(X) \
  /* x w y | M K N */ \
  X(linear, 3, 3, 0, 0, "fwf", true, n[0] * n[1], WHORL_WEIGHT(n[2], n[1]), n[0] * n[2]) \
  X(linearGradInput, 3, 3, 0, 0, "fwf", true, n[0] * n[2], WHORL_WEIGHT(n[2], n[1]), n[0] * n[1]) \
  X(linearGradWeight, 3, 3, 0, 0, "ffw", true, n[0] * n[2], n[0] * n[1], n[2] * n[1]) \
  /* x w y | R K N D */ \
  X(mixTokens, 3, 4, 0, 0, "fwf", true, n[0] * n[1] * n[3], WHORL_WEIGHT(n[2], n[1]), n[0] * n[2] * n[3]) \
  X(mixTokensGradInput, 3, 4, 0, 0, "fwf", true, n[0] * n[2] * n[3], WHORL_WEIGHT(n[2], n[1]), n[0] * n[1] * n[3]) \
  X(mixTokensGradWeight, 3, 4, 0, 0, "ffw", true, n[0] * n[2] * n[3], n[0] * n[1] * n[3], n[2] * n[1]) \
  /* qkv o lse? work | R L H hd | mask scale */ \
  X(attention, 4, 4, 2, 0b0100, "ffww", true, 3 * n[0] * n[1] * n[2] * n[3], n[0] * n[1] * n[2] * n[3], \
    n[0] * n[1] * n[2], WHORL_ATTENTION_WORK(n[1], n[3])) \
  /* qkv o lse do dqkv work */ \
  X(attentionGrad, 6, 4, 2, 0, "ffwffw", true, 3 * n[0] * n[1] * n[2] * n[3], n[0] * n[1] * n[2] * n[3], \
    n[0] * n[1] * n[2], n[0] * n[1] * n[2] * n[3], 3 * n[0] * n[1] * n[2] * n[3], WHORL_ATTENTION_GRAD_WORK(n[1], n[3]))

// Without operands in the number format: float32 only.
#define WHORL_FLOAT32_KERNELS(X) \
  /* preds labels valid correct exact | R S */ \
  X(matchCounts, 5, 2, 0, 0, "wwwww", true, n[0] * n[1], n[0] * n[1], n[0], n[0], n[0]) \
  X(bceWithLogits, 3, 1, 0, 0, "www", true, n[0], n[0], n[0]) \
  X(bceWithLogitsGrad, 4, 1, 0, 0, "wwww", true, n[0], n[0], n[0], n[0]) \
  /* q last y | R */ \
  X(continueTarget, 3, 1, 0, 0, "www", true, 2 * n[0], n[0], n[0]) \
  /* p g m v hyper | n */ \
  X(adamAtan2, 5, 1, 0, 0, "wwwww", true, n[0], n[0], n[0], n[0], 8) \
  X(adamW, 5, 1, 0, 0, "wwwww", true, n[0], n[0], n[0], n[0], 8) \
  /* shadow p rate | n */ \
  X(ema, 3, 1, 0, 0, "www", true, n[0], n[0], 1)

// Packed and fused forms, which only bfloat16 plans have.
#define WHORL_BFLOAT16_KERNELS(X) \
  /* w packed | N K | side transposed gated */ \
  X(packWeight, 2, 2, 3, 0, "ww", true, n[0] * n[1], WHORL_PACKED(n[0], n[1])) \
  /* h wGateUp wDown y rstd? | R K N D | eps */ \
  X(tokenMlp, 5, 4, 1, 0b10000, "fwwfw", n[2] % 2 == 0 && WHORL_TOKEN_MLP_SCRATCH(n[1], n[2]) <= scratchBytes, n[0] * n[1] * n[3], WHORL_PACKED(n[2], n[1]), WHORL_PACKED(n[1], n[2] / 2), \
    n[0] * n[1] * n[3], n[0] * n[3]) \
  /* h wGateUp wGateUpT wDownT y rstd dy dGateUp dDown dh work | R K N D */ \
  X(tokenMlpGrad, 11, 4, 0, 0, "fwwwfwfwwfw", n[2] % 2 == 0 && WHORL_TOKEN_MLP_SCRATCH(n[1], n[2]) <= scratchBytes, n[0] * n[1] * n[3], WHORL_PACKED(n[2], n[1]), WHORL_PACKED(n[2], n[1]), \
    WHORL_PACKED(n[1], n[2] / 2), n[0] * n[1] * n[3], n[0] * n[3], n[0] * n[1] * n[3], n[2] * n[1], n[1] * n[2] / 2, \
    n[0] * n[1] * n[3], WHORL_TOKEN_MLP_GRAD_WORK(n[1], n[2], n[3])) \
  /* h wGateUp wDown y rstd? gu? | M K N | eps */ \
  X(featureMlp, 6, 3, 1, 0b110000, "fwwfwf", n[2] % 32 == 0 && WHORL_FEATURE_MLP_SCRATCH(n[1], n[2]) <= scratchBytes, n[0] * n[1], WHORL_PACKED(n[2], n[1]), WHORL_PACKED(n[1], n[2] / 2), \
    n[0] * n[1], n[0], 2 * WHORL_PACKED(n[0], n[2])) \
  /* h wGateUpT wDownT y rstd dy gu dGateUp dDown dh work | M K N */ \
  X(featureMlpGrad, 11, 3, 0, 0, "fwwfwffwwfw", n[2] % 32 == 0 && WHORL_FEATURE_MLP_SCRATCH(n[1], n[2]) <= scratchBytes, n[0] * n[1], WHORL_PACKED(n[2], n[1]), WHORL_PACKED(n[1], n[2] / 2), \
    n[0] * n[1], n[0], n[0] * n[1], 2 * WHORL_PACKED(n[0], n[2]), n[2] * n[1], n[1] * n[2] / 2, n[0] * n[1], \
    WHORL_FEATURE_MLP_GRAD_WORK(n[0], n[1], n[2]))
// clang-format on

#define WHORL_KERNELS(X)    \
  WHORL_TEMPLATE_KERNELS(X) \
  WHORL_PRODUCT_KERNELS(X)  \
  WHORL_FLOAT32_KERNELS(X)  \
  WHORL_BFLOAT16_KERNELS(X)
