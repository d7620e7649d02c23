#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/active_list.hpp"
#include "tests/ops/stage_spec.hpp"
#include "tests/ops/test_stage.hpp"

namespace synfire::ops_test {

struct NeuronShape {
  std::uint32_t d_model, d_ff, group_size;
  bool gated;

  [[nodiscard]] std::uint32_t groups() const { return (d_ff + group_size - 1) / group_size; }
  [[nodiscard]] std::vector<std::uint32_t> all_groups() const {
    std::vector<std::uint32_t> ids(groups());
    std::iota(ids.begin(), ids.end(), 0u);
    return ids;
  }
};

// What the down rows are beside gate and up rows of a dtype. Files whose blocks run along d_ff have
// down requantized when it becomes neuron-major, so 4 and 6 bits need not be known to a backend.
inline DType down_dtype(DType dtype) {
  return dtype_info(dtype).block_size == 1 ? dtype : DType::q8_0;
}

// Random rows whose gates and outputs are of the order of 1.
inline NeuronsSpec random_neurons(const NeuronShape& shape, DType dtype, DType down, Random& random,
                                  std::vector<std::uint32_t> resident) {
  const auto number = static_cast<std::uint32_t>(dtype);
  const float limit = std::sqrt(3.0f / static_cast<float>(shape.d_model));
  const float down_limit = std::sqrt(3.0f / static_cast<float>(shape.d_ff));
  NeuronsSpec spec;
  spec.desc = {sizeof(sf_neurons_desc),
               3,
               shape.d_model,
               shape.d_ff,
               shape.group_size,
               shape.groups(),
               shape.gated ? 1u : 0u,
               number,
               number,
               static_cast<std::uint32_t>(down),
               nullptr,
               nullptr};
  if (shape.gated) spec.gate = HostTensor::random(dtype, shape.d_ff, shape.d_model, random, limit);
  spec.up = HostTensor::random(dtype, shape.d_ff, shape.d_model, random, limit);
  spec.down = HostTensor::random(down, shape.d_ff, shape.d_model, random, down_limit);
  // As OPT has it: those of up, which decide.
  if (!shape.gated) spec.bias = random_floats(shape.d_ff, random);
  spec.resident = std::move(resident);
  return spec;
}

inline NeuronsSpec random_neurons(const NeuronShape& shape, DType dtype, Random& random,
                                  std::vector<std::uint32_t> resident) {
  return random_neurons(shape, dtype, down_dtype(dtype), random, std::move(resident));
}

// An active list in bytes: neuron i is in it if any token needs it.
template <typename Needs>  // bool(neuron, token)
Bytes active_list(std::uint32_t capacity, std::uint32_t n_tokens, const Needs& needs) {
  Bytes bytes(sdk::ActiveList::bytes(capacity, n_tokens));
  const sdk::ActiveList list(bytes.data());
  list.reset(capacity, n_tokens);
  for (std::uint32_t neuron = 0; neuron < capacity; ++neuron) {
    std::uint64_t* mask = nullptr;
    for (std::uint32_t t = 0; t < n_tokens; ++t) {
      if (!needs(neuron, t)) continue;
      if (mask == nullptr) mask = list.push(neuron);
      mask[t / 64] |= std::uint64_t{1} << (t % 64);
    }
  }
  return bytes;
}

// What a list holds: per entry the neuron, then the tokens that need it.
inline std::vector<std::vector<std::uint32_t>> entries(Bytes bytes, std::uint32_t n_tokens) {
  const sdk::ActiveList list(bytes.data());
  std::vector<std::vector<std::uint32_t>> rows;
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    rows.push_back({list.id(i)});
    for (std::uint32_t t = 0; t < n_tokens; ++t)
      if (list.needs(i, t)) rows.back().push_back(t);
  }
  return rows;
}

}  // namespace synfire::ops_test
