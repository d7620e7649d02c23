// One SIMD level, whole: a translation unit defines SYNFIRE_LEVEL_NAME and SYNFIRE_LEVEL_TABLE,
// includes this, and is compiled with the level's machine options.
//
// Everything is in unnamed namespaces or forced inline: a function that the linker could take for
// another unit's too must not be here, or code of one level would run on machines without it.
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#define HWY_COMPILE_ONLY_STATIC
#include <hwy/highway.h>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/kernels/kv_tile.hpp"
#include "plugins/sdk/ops.h"

HWY_BEFORE_NAMESPACE();
// clang-format off
#include "backends/cpu/kernels/float_rows-inl.hpp"
#include "backends/cpu/kernels/float_dot-inl.hpp"
#include "backends/cpu/kernels/float_math-inl.hpp"
#ifdef __AVX512F__
#include "backends/cpu/kernels/ints_avx512-inl.hpp"
#else
#include "backends/cpu/kernels/ints_avx2-inl.hpp"
#endif
#include "backends/cpu/kernels/attend_keys-inl.hpp"
#include "backends/cpu/kernels/attend_values-inl.hpp"
#include "backends/cpu/kernels/attend-inl.hpp"
#include "backends/cpu/kernels/packed_formats-inl.hpp"
#include "backends/cpu/kernels/packed_dot-inl.hpp"
#ifdef __AVX512F__
#include "backends/cpu/kernels/packed_block-inl.hpp"
#include "backends/cpu/kernels/wide_dot-inl.hpp"
#include "backends/cpu/kernels/attend_wide-inl.hpp"
#endif
#include "backends/cpu/kernels/packed_panel-inl.hpp"
#include "backends/cpu/kernels/packed_add-inl.hpp"
#include "backends/cpu/kernels/lane_dot-inl.hpp"
#ifdef __AVX512F__
#include "backends/cpu/kernels/lane_halves-inl.hpp"
#include "backends/cpu/kernels/lane_nibbles-inl.hpp"
#include "backends/cpu/kernels/eight_tokens-inl.hpp"
#include "backends/cpu/kernels/lane_bytes-inl.hpp"
#endif
#include "backends/cpu/kernels/sign_dot-inl.hpp"
// clang-format on

namespace synfire::cpu {
namespace {

template <typename Row>
constexpr RowKernels kFloatRows = {dot_float<Row>,  add_floats<Row>, settle_plain,
                                   decode_row<Row>, kFloatsAhead,    dot_lanes<FloatLanes<Row>>};
#ifdef __AVX512F__
constexpr bool kLongLanes = true;
template <typename Row>
constexpr RowKernels kHalfRows = {dot_half<Row>, add_floats<Row>,     settle_plain, decode_row<Row>,
                                  kFloatsAhead,  dot_half_lanes<Row>, kLongLanes};
constexpr auto kQuantizeEight = quantize_eight;
constexpr auto kQuantizeWide = quantize_wide;
constexpr DotLanes kByteLanes = dot_byte_lanes;
constexpr DotLanes kNibbleLanes = dot_nibble_lanes;
constexpr auto kToWide = to_wide;
constexpr auto kAttendWide = attend_wide;
#else
constexpr bool kLongLanes = false;
// 16-bit products of AVX2 take two instructions, so they are no faster than float FMAs.
template <typename Row>
constexpr RowKernels kHalfRows = kFloatRows<Row>;
constexpr decltype(KernelTable::quantize_eight) kQuantizeEight = nullptr;
constexpr decltype(KernelTable::quantize_wide) kQuantizeWide = nullptr;
constexpr DotLanes kByteLanes = dot_lanes<Q8Lanes>;
constexpr DotLanes kNibbleLanes = nullptr;
constexpr decltype(KernelTable::to_wide) kToWide = nullptr;
constexpr decltype(KernelTable::attend_wide) kAttendWide = nullptr;
#endif
// Formats whose factors may be rounded, and those that are seldom rows of neurons.
template <typename Format, DotLanes Lanes = nullptr>
constexpr RowKernels kPackedRows = {dot_packed<Format>, add_packed<Format>,
                                    settle_quarters,    decode_packed<Format>,
                                    Format::kAhead,     Lanes,
                                    kLongLanes};
template <typename Format>
constexpr RowKernels kDecodedRows = {dot_packed<Format>,    add_decoded<Format>, settle_plain,
                                     decode_packed<Format>, Format::kAhead,      nullptr};

constexpr KernelTable kTable = {
    SYNFIRE_LEVEL_NAME,
    kFloatRows<F32Row>,
    kHalfRows<F16Row>,
    kHalfRows<Bf16Row>,
    kPackedRows<Q8Format, kByteLanes>,
    kPackedRows<Q4Format, kNibbleLanes>,
    kDecodedRows<Q41Format>,
    kDecodedRows<Q4KFormat>,
    kDecodedRows<Q5KFormat>,
    kDecodedRows<Q6KFormat>,
    sign_dot,
    quantize_floats,
    kQuantizeEight,
    kQuantizeWide,
    nullptr,
    nullptr,
    add_rows,
    scale_row,
    combine,
    rms_norm,
    layer_norm,
    activate,
    rotate_adjacent,
    rotate_halves,
    to_f16,
    kToWide,
    above,
    above_by_token,
    quantize_queries,
    attend<FloatKeys<F32Row>, FloatValues<F32Row>>,
    attend<FloatKeys<F16Row>, FloatValues<F16Row>>,
    kAttendWide,
    attend<Q8Keys, Q8Values>,
    merge_attended,
    read_memory,
};

}  // namespace

const KernelTable& SYNFIRE_LEVEL_TABLE() { return kTable; }

}  // namespace synfire::cpu
HWY_AFTER_NAMESPACE();
