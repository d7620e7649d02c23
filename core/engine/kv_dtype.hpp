#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/base/result.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire {

// The dtype that the option `kv-dtype` names, for heads of `head_dim` elements.
inline Result<DType> kv_dtype_of(std::string_view name, std::uint32_t head_dim) {
  constexpr std::array<std::pair<std::string_view, DType>, 3> kNames{
      {{"f32", DType::f32}, {"f16", DType::f16}, {"q8_0", DType::q8_0}}};
  for (const auto& [known, dtype] : kNames) {
    if (known != name) continue;
    const std::uint32_t block = dtype_info(dtype).block_size;
    if (head_dim % block == 0) return dtype;
    return invalid_argument(
        "KV dtype {}: the model's heads have {} elements, want a multiple of {}", name, head_dim,
        block);
  }
  return invalid_argument("KV dtype: '{}', want f32, f16 or q8_0", name);
}

}  // namespace synfire
