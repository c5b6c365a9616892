// The kernels in bfloat16: matrix products on AMX tiles, the rest in AVX-512. Of one instruction set, amx-bf16, whose
// float32 kernels are those of avx512. The only unit with tile instructions; all.cc tells why nothing here but the table
// may have external linkage, and why there are no standard library headers.
#include "../core/table.h"

#include <immintrin.h>
#include <stddef.h>

#define WHORL_VECTOR_BYTES 64

namespace whorl {
namespace on_amx {
namespace {

#include "vector.h"
#include "amx.h"
#include "gemm-bf16.h"
#include "peak-bf16.h"

#include "../kernels/add.h"
#include "../kernels/argmax.h"
#include "../kernels/attention-bf16.h"
#include "../kernels/attention-grad-bf16.h"
#include "../kernels/convert.h"
#include "../kernels/cross-entropy.h"
#include "../kernels/embedding.h"
#include "../kernels/feature-mlp-bf16.h"
#include "../kernels/gelu.h"
#include "../kernels/layer-norm.h"
#include "../kernels/linear-bf16.h"
#include "../kernels/mix-tokens-bf16.h"
#include "../kernels/multiply.h"
#include "../kernels/pack-bf16.h"
#include "../kernels/rms-norm.h"
#include "../kernels/rope.h"
#include "../kernels/scale.h"
#include "../kernels/select-rows.h"
#include "../kernels/slice.h"
#include "../kernels/sum-rows.h"
#include "../kernels/swiglu.h"
#include "../kernels/token-mlp-bf16.h"

}  // namespace
}  // namespace on_amx
}  // namespace whorl

extern "C" const whorl::FormatTable whorlBfloat16_amx = {
    {
#define TEMPLATE(name, ...) whorl::on_amx::name<whorl::on_amx::Bf16>,
#define PLAIN(name, ...) whorl::on_amx::name,
#define NONE(name, ...) nullptr,
        WHORL_TEMPLATE_KERNELS(TEMPLATE) WHORL_PRODUCT_KERNELS(PLAIN) WHORL_FLOAT32_KERNELS(NONE)
            WHORL_BFLOAT16_KERNELS(PLAIN)
#undef TEMPLATE
#undef PLAIN
#undef NONE
    },
    whorl::on_amx::multiplyAdds,
};
