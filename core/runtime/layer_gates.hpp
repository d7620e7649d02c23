#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/sparsity/ffn_inputs.hpp"

namespace synfire {

// What a layer's predictor is fitted to: its gates, and what they and the ups were for some inputs.
struct LayerGates {
  struct Sample {
    std::size_t rows = 0;
    std::vector<float> x;      // [rows, d_model], as int8 blocks leave it where it has such blocks
    std::vector<float> gates;  // [rows, d_ff], with their bias
    std::vector<float> ups;    // [rows, d_ff]; empty: up rows decide themselves
  };

  [[nodiscard]] static Result<LayerGates> make(const Program& program, const GgufFile& file,
                                               std::uint32_t layer, const FfnInputs& inputs);

  std::uint64_t d_ff = 0, d_model = 0;
  std::vector<float> weights;                // [d_ff, d_model]
  std::vector<double> down_squares;          // [d_ff]: squared length of each neuron's down
  double asked_bytes = 0, active_bytes = 0;  // of a neuron: its gate; its up and down
  Sample seen, unseen;                       // to calibrate on; to measure on
};

// What is left of values after they were made int8 in blocks of 32, as devices do with what meets
// quantized weights; the same where rows are no whole blocks.
[[nodiscard]] std::vector<float> as_int8_blocks(std::span<const float> values, std::size_t cols);

}  // namespace synfire
