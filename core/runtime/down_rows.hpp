#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/runtime/stage_plan.hpp"

namespace synfire {

// The neuron-major rows of `down` for a run of neurons, read from a matrix that runs along the
// neurons.
//
// Works in panels of whole quantization blocks, so each block is decoded once when neurons are
// asked for in rising order. One thread at a time.
class DownRows {
 public:
  explicit DownRows(const NeuronUpload& upload);

  // Rows [first, first + count), each d_model elements of upload.down_dtype. Valid until the next
  // call.
  const std::byte* rows(std::uint32_t first, std::uint32_t count);

 private:
  void decode_panel(std::uint32_t first);
  void encode_row(std::uint32_t neuron, std::byte* row) const;

  const NeuronUpload& upload_;
  std::uint32_t panel_neurons_;   // a multiple of the block size
  std::uint32_t panel_first_;     // UINT32_MAX: none decoded yet
  std::size_t row_bytes_;         // of a neuron's row
  std::vector<float> panel_;      // [panel_neurons_, d_model]
  std::vector<float> file_rows_;  // scratch: decoded stretches of some file rows
  std::vector<std::byte> rows_;
};

}  // namespace synfire
