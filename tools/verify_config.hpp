#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// engine_config(), with a KV cache in F32 for F32 weights unless the options say otherwise: the
// tolerance of those is below what F16 loses.
[[nodiscard]] Result<EngineConfig> verify_config(const OptionValues& values);
// Whether the user chose the dtype of the KV cache.
[[nodiscard]] bool names_kv_dtype(const OptionValues& values);

}  // namespace synfire::cli
