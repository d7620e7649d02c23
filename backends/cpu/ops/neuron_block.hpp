#pragma once

#include "backends/cpu/ops/neuron_ffn_pairs.hpp"

namespace synfire::cpu {

// Entries that go by together.
struct NeuronFfnPairs::Block {
  std::uint32_t first, end;
  bool begins_chunk;  // the first one of a partial sum
};

}  // namespace synfire::cpu
