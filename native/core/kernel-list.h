// The closed list of kernels. One line an op:
//   X(name, operands, sizes, params, optional, legal, extents...)
// optional: bit mask of operands that may be missing; legal: condition on the sizes n[]; extents: how many 4-byte
// elements each operand spans. The runner checks extents against arena and buffers before it runs anything, which is
// what stands between a planner mistake and a crashed process. Meanings of the operands: the kernel's file.
//
// Work space of the attention kernels, in floats (the planner computes the same formulas):
//   attention      2*(L+16)*(hd+16) + 32*(L+16) +  64*(hd+32)
//   attentionGrad  3*(L+16)*(hd+16) + 64*(L+16) + 160*(hd+32)
#pragma once

#define WHORL_ATTENTION_WORK(L, hd) (2 * ((L) + 16) * ((hd) + 16) + 32 * ((L) + 16) + 64 * ((hd) + 32))
#define WHORL_ATTENTION_GRAD_WORK(L, hd) (3 * ((L) + 16) * ((hd) + 16) + 64 * ((L) + 16) + 160 * ((hd) + 32))

// clang-format off
#define WHORL_KERNELS(X) \
  /* x w y | M K N */ \
  X(linear, 3, 3, 0, 0, true, n[0] * n[1], n[2] * n[1], n[0] * n[2]) \
  X(linearGradInput, 3, 3, 0, 0, true, n[0] * n[2], n[2] * n[1], n[0] * n[1]) \
  X(linearGradWeight, 3, 3, 0, 0, true, n[0] * n[2], n[0] * n[1], n[2] * n[1]) \
  /* x w y | R K N D */ \
  X(mixTokens, 3, 4, 0, 0, true, n[0] * n[1] * n[3], n[2] * n[1], n[0] * n[2] * n[3]) \
  X(mixTokensGradInput, 3, 4, 0, 0, true, n[0] * n[2] * n[3], n[2] * n[1], n[0] * n[1] * n[3]) \
  X(mixTokensGradWeight, 3, 4, 0, 0, true, n[0] * n[2] * n[3], n[0] * n[1] * n[3], n[2] * n[1]) \
  /* h r? y rstd? | outer n inner | eps */ \
  X(addRmsNorm, 4, 3, 1, 0b1010, n[1] > 0, n[0] * n[1] * n[2], n[0] * n[1] * n[2], n[0] * n[1] * n[2], n[0] * n[2]) \
  /* y rstd dy dx */ \
  X(rmsNormGrad, 4, 3, 0, 0, n[1] > 0, n[0] * n[1] * n[2], n[0] * n[2], n[0] * n[1] * n[2], n[0] * n[1] * n[2]) \
  /* gu s | outer half */ \
  X(swiglu, 2, 2, 0, 0, true, 2 * n[0] * n[1], n[0] * n[1]) \
  X(swigluGrad, 3, 2, 0, 0, true, 2 * n[0] * n[1], n[0] * n[1], 2 * n[0] * n[1]) \
  /* x cos sin y | R L W headDim rotatedHeads | sign interleaved */ \
  X(rope, 4, 5, 2, 0, n[3] % 2 == 0 && n[3] * n[4] <= n[2], n[0] * n[1] * n[2], n[1] * n[3], n[1] * n[3], n[0] * n[1] * n[2]) \
  /* qkv o lse? work | R L H hd | mask scale */ \
  X(attention, 4, 4, 2, 0b0100, true, 3 * n[0] * n[1] * n[2] * n[3], n[0] * n[1] * n[2] * n[3], n[0] * n[1] * n[2], \
    WHORL_ATTENTION_WORK(n[1], n[3])) \
  /* qkv o lse do dqkv work */ \
  X(attentionGrad, 6, 4, 2, 0, true, 3 * n[0] * n[1] * n[2] * n[3], n[0] * n[1] * n[2] * n[3], n[0] * n[1] * n[2], \
    n[0] * n[1] * n[2] * n[3], 3 * n[0] * n[1] * n[2] * n[3], WHORL_ATTENTION_GRAD_WORK(n[1], n[3])) \
  /* ids table y | M V D */ \
  X(embedding, 3, 3, 0, 0, true, n[0], n[1] * n[2], n[0] * n[2]) \
  X(embeddingGrad, 3, 3, 0, 0, true, n[0], n[0] * n[2], n[1] * n[2]) \
  /* x y | outer n m start inner */ \
  X(slice, 2, 5, 0, 0, n[3] + n[2] <= n[1], n[0] * n[1] * n[4], n[0] * n[2] * n[4]) \
  X(pad, 2, 5, 0, 0, n[3] + n[2] <= n[1], n[0] * n[2] * n[4], n[0] * n[1] * n[4]) \
  /* a b y | outer na nb inner */ \
  X(concat, 3, 4, 0, 0, true, n[0] * n[1] * n[3], n[0] * n[2] * n[3], n[0] * (n[1] + n[2]) * n[3]) \
  /* a b y | n */ \
  X(add, 3, 1, 0, 0, true, n[0], n[0], n[0]) \
  /* x b y | R n */ \
  X(addBroadcast, 3, 2, 0, 0, true, n[0] * n[1], n[1], n[0] * n[1]) \
  X(sumRows, 2, 2, 0, 0, true, n[0] * n[1], n[1]) \
  X(scale, 2, 1, 1, 0, true, n[0], n[0]) \
  X(fill, 1, 1, 1, 0, true, n[0]) \
  /* flag init x y | R L D */ \
  X(selectRows, 4, 3, 0, 0, true, n[0], n[2], n[0] * n[1] * n[2], n[0] * n[1] * n[2]) \
  /* logits labels loss | R S V | kind */ \
  X(crossEntropy, 3, 3, 1, 0, true, n[0] * n[1] * n[2], n[0] * n[1], n[0]) \
  X(crossEntropyGrad, 4, 3, 1, 0, true, n[0] * n[1] * n[2], n[0] * n[1], n[0], n[0] * n[1] * n[2]) \
  /* x y | M V */ \
  X(argmax, 2, 2, 0, 0, n[1] > 0, n[0] * n[1], n[0]) \
  /* preds labels valid correct exact | R S */ \
  X(matchCounts, 5, 2, 0, 0, true, n[0] * n[1], n[0] * n[1], n[0], n[0], n[0]) \
  X(bceWithLogits, 3, 1, 0, 0, true, n[0], n[0], n[0]) \
  X(bceWithLogitsGrad, 4, 1, 0, 0, true, n[0], n[0], n[0], n[0]) \
  /* p g m v hyper | n */ \
  X(adamAtan2, 5, 1, 0, 0, true, n[0], n[0], n[0], n[0], 8) \
  /* shadow p rate | n */ \
  X(ema, 3, 1, 0, 0, true, n[0], n[0], 1)
// clang-format on
