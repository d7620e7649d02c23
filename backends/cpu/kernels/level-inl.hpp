// One SIMD level, whole: a translation unit defines SYNFIRE_LEVEL_NAME and SYNFIRE_LEVEL_TABLE,
// includes this, and is compiled with the level's machine options.
//
// Everything is in unnamed namespaces or forced inline: a function that the linker could take for
// another unit's too must not be here, or code of one level would run on machines without it.
#include <cstddef>
#include <cstdint>

#define HWY_COMPILE_ONLY_STATIC
#include <hwy/highway.h>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "plugins/sdk/ops.h"

HWY_BEFORE_NAMESPACE();
// clang-format off
#include "backends/cpu/kernels/float_rows-inl.hpp"
#include "backends/cpu/kernels/float_dot-inl.hpp"
#include "backends/cpu/kernels/float_math-inl.hpp"
#include "backends/cpu/kernels/attend-inl.hpp"
#ifdef __AVX512F__
#include "backends/cpu/kernels/ints_avx512-inl.hpp"
#else
#include "backends/cpu/kernels/ints_avx2-inl.hpp"
#endif
#include "backends/cpu/kernels/quant_formats-inl.hpp"
#include "backends/cpu/kernels/quant_dot-inl.hpp"
#include "backends/cpu/kernels/sign_dot-inl.hpp"
// clang-format on

namespace synfire::cpu {
namespace {

static_assert(sizeof(PanelBlock) <= (32 + 16) * kRowLanes, "dot_scratch_bytes() is too small");
static_assert(kLanes == kRowLanes);

constexpr KernelTable kTable = {
    SYNFIRE_LEVEL_NAME,
    dot_float<F32Row>,
    dot_float<F16Row>,
    dot_float<Bf16Row>,
    dot_quant<Q8Format>,
    dot_quant<Q4Format>,
    dot_quant<Q41Format>,
    dot_quant<Q6Format>,
    add_scaled_row<F32Row>,
    add_scaled_row<F16Row>,
    add_scaled_row<Bf16Row>,
    add_scaled_row<Q8Row>,
    decode_row<F32Row>,
    decode_row<F16Row>,
    decode_row<Bf16Row>,
    decode_row<Q8Row>,
    sign_quantize,
    sign_dot,
    quantize_floats,
    add_rows,
    add_scaled_floats,
    scale_row,
    combine,
    rms_norm,
    activate,
    rotate_adjacent,
    rotate_halves,
    to_f16,
    above,
    attend<F32Row>,
    attend<F16Row>,
    read_memory,
};

}  // namespace

const KernelTable& SYNFIRE_LEVEL_TABLE() { return kTable; }

}  // namespace synfire::cpu
HWY_AFTER_NAMESPACE();
