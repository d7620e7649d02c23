#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// engine_config(), unless the options say otherwise with what is held to a tolerance: a KV cache in
// F32 for F32 weights, whose tolerance is below what F16 loses, and no fitted predictor, which may
// miss neurons by design.
[[nodiscard]] Result<EngineConfig> verify_config(const OptionValues& values);
// Whether the user chose the dtype of the KV cache.
[[nodiscard]] bool names_kv_dtype(const OptionValues& values);

}  // namespace synfire::cli
