// One instruction set: every kernel in float32, compiled with the flags of that ISA into one table.
// HAZARD: nothing here may have external linkage except the table. A std:: template or an inline function of a shared
// header emitted by this unit could be chosen by the linker for all units and crash older CPUs. Hence: no standard
// library headers, compiler builtins instead, and everything inside an unnamed namespace.
#include "../core/table.h"

#include <stddef.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define WHORL_ISA avx512
#define WHORL_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define WHORL_ISA avx2
#define WHORL_VECTOR_BYTES 32
#elif defined(__wasm_simd128__)
#define WHORL_ISA simd128
#define WHORL_VECTOR_BYTES 16
#else
#define WHORL_ISA portable
#define WHORL_VECTOR_BYTES 16
#endif

#define WHORL_JOIN2(a, b) a##b
#define WHORL_JOIN(a, b) WHORL_JOIN2(a, b)

namespace whorl {
namespace WHORL_JOIN(on_, WHORL_ISA) {
namespace {

#include "vector.h"
#include "gemm.h"
#include "peak.h"

#include "../kernels/adam-atan2.h"
#include "../kernels/adam-w.h"
#include "../kernels/add.h"
#include "../kernels/argmax.h"
#include "../kernels/attention.h"
#include "../kernels/bce-with-logits.h"
#include "../kernels/continue-target.h"
#include "../kernels/convert.h"
#include "../kernels/cross-entropy.h"
#include "../kernels/ema.h"
#include "../kernels/embedding.h"
#include "../kernels/gelu.h"
#include "../kernels/layer-norm.h"
#include "../kernels/linear.h"
#include "../kernels/match-counts.h"
#include "../kernels/mix-tokens.h"
#include "../kernels/multiply.h"
#include "../kernels/rms-norm.h"
#include "../kernels/rope.h"
#include "../kernels/scale.h"
#include "../kernels/select-rows.h"
#include "../kernels/slice.h"
#include "../kernels/sum-rows.h"
#include "../kernels/swiglu.h"

}  // namespace
}  // namespace WHORL_JOIN(on_, WHORL_ISA)
}  // namespace whorl

extern "C" const whorl::FormatTable WHORL_JOIN(whorlFloat32_, WHORL_ISA) = {
    {
#define TEMPLATE(name, ...) whorl::WHORL_JOIN(on_, WHORL_ISA)::name<float>,
#define PLAIN(name, ...) whorl::WHORL_JOIN(on_, WHORL_ISA)::name,
#define NONE(name, ...) nullptr,
        WHORL_TEMPLATE_KERNELS(TEMPLATE) WHORL_PRODUCT_KERNELS(PLAIN) WHORL_FLOAT32_KERNELS(PLAIN)
            WHORL_BFLOAT16_KERNELS(NONE)
#undef TEMPLATE
#undef PLAIN
#undef NONE
    },
    whorl::WHORL_JOIN(on_, WHORL_ISA)::multiplyAdds,
};
