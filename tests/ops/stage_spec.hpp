#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/ops.h"
#include "tests/ops/host_tensor.hpp"

namespace synfire::ops_test {

struct NeuronsSpec {
  sf_neurons_desc desc{};
  HostTensor gate, up, down;            // [d_ff, d_model]; gate only where gated
  std::vector<std::uint32_t> resident;  // groups to upload
  std::vector<float> bias;              // [d_ff], or empty
  std::vector<float> gate_weights;      // likewise
};

struct OpSpec {
  std::uint32_t id;
  std::vector<std::uint32_t> inputs, outputs, weights;
  std::uint32_t neurons = SF_NONE, kv = SF_NONE;
  std::vector<std::byte> params;
};

// A stage and what it works on, before there is a device. Plain data, so that a test can spoil it.
struct StageSpec {
  std::string name = "test stage";
  std::uint32_t max_tokens = 128;
  std::vector<sf_value_desc> values;
  std::vector<OpSpec> ops;
  std::vector<std::uint32_t> inputs, outputs;  // ports
  std::uint32_t tensor_flags = 0;  // SF_TENSOR_BORROW: weights and neurons may be used in place
  std::vector<HostTensor> weights;
  std::vector<NeuronsSpec> neurons;
  std::vector<sf_kv_desc> kv;

  std::uint32_t value(std::uint32_t kind, std::uint32_t width) {
    values.push_back({kind, width});
    return static_cast<std::uint32_t>(values.size() - 1);
  }
  // A new input port and the copy from it; returns what ops may read.
  std::uint32_t input(std::uint32_t kind, std::uint32_t width) {
    inputs.push_back(value(kind, width));
    return op(SF_OP_COPY, {inputs.back()}, {kind, width}, sf_no_params{});
  }
  std::uint32_t rows(std::uint32_t width) { return input(SF_VALUE_ROWS, width); }
  // A new output port and the copy to it.
  void output(std::uint32_t from) {
    outputs.push_back(op(SF_OP_COPY, {from}, values[from], sf_no_params{}));
  }
  std::uint32_t weight(HostTensor tensor) {
    weights.push_back(std::move(tensor));
    return static_cast<std::uint32_t>(weights.size() - 1);
  }
  template <typename Params>
  static std::vector<std::byte> bytes_of(const Params& params) {
    std::vector<std::byte> bytes(sizeof params);
    std::memcpy(bytes.data(), &params, sizeof params);
    return bytes;
  }
  // Appends an op with one output, and returns that. uses.first: neurons, uses.second: KV.
  template <typename Params>
  std::uint32_t op(std::uint32_t id, std::vector<std::uint32_t> from, sf_value_desc to,
                   const Params& params, std::vector<std::uint32_t> with = {},
                   std::pair<std::uint32_t, std::uint32_t> uses = {SF_NONE, SF_NONE}) {
    const std::uint32_t made = value(to.kind, to.width);
    ops.push_back(
        {id, std::move(from), {made}, std::move(with), uses.first, uses.second, bytes_of(params)});
    return made;
  }
};

}  // namespace synfire::ops_test
