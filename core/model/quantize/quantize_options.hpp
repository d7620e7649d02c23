#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "plugins/sdk/dtype.hpp"

namespace synfire::quantize {

// How ffn_down lies in the file: with GGUF's rows along the neurons, or a row for each neuron.
enum class DownLayout : std::uint8_t { dense, neuron };

struct Options {
  DType dtype = DType::q8_0;              // of matrices: Q8_0, Q4_0, Q4_K, Q6_K or BF16
  bool pure = false;                      // of all of them, also those that lose most by it
  std::optional<DownLayout> layout = {};  // absent: as it is
  std::uint32_t threads = 1;              // the bytes do not depend on it
  // Bytes written and in all, now and then, on the caller's thread.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

}  // namespace synfire::quantize
