#include "core/runtime/down_rows.hpp"

#include <algorithm>

#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kPanelNeurons = 256;  // the largest block size
// File rows that are turned at once, so that what is written is whole cache lines: neurons' rows
// are some power of two apart, and so few of their lines are in a cache together.
constexpr std::uint32_t kBeside = 16;

}  // namespace

DownRows::DownRows(const NeuronUpload& upload)
    : upload_(upload),
      panel_neurons_(kPanelNeurons),
      panel_first_(UINT32_MAX),
      row_bytes_(row_bytes(upload.down_dtype, upload.d_model)) {
  if (upload_.down_is_neuron_major) return;
  panel_.resize(std::size_t{panel_neurons_} * upload_.d_model);
  file_rows_.resize(std::size_t{kBeside} * panel_neurons_);
}

const std::byte* DownRows::rows(std::uint32_t first, std::uint32_t count) {
  if (upload_.down_is_neuron_major) return upload_.down.data + first * row_bytes_;
  rows_.resize(count * row_bytes_);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t neuron = first + i;
    if (panel_first_ != neuron / panel_neurons_ * panel_neurons_)
      decode_panel(neuron / panel_neurons_ * panel_neurons_);
    encode_row(neuron, rows_.data() + i * row_bytes_);
  }
  return rows_.data();
}

void DownRows::decode_panel(std::uint32_t first) {
  panel_first_ = first;
  const std::uint32_t count = std::min(panel_neurons_, upload_.d_ff - first);
  const WeightUpload& down = upload_.down;
  const std::size_t file_row_bytes = row_bytes(down.dtype, down.cols);
  const std::byte* const panel = down.data + row_bytes(down.dtype, first);
  for (std::uint32_t d = 0; d < upload_.d_model; d += kBeside) {
    const std::uint32_t n_rows = std::min(kBeside, upload_.d_model - d);
    for (std::uint32_t i = 0; i < n_rows; ++i)
      dequantize_row(down.dtype, panel + (d + i) * file_row_bytes, count,
                     file_rows_.data() + std::size_t{i} * panel_neurons_);
    for (std::uint32_t n = 0; n < count; ++n) {
      float* const values = panel_.data() + std::size_t{n} * upload_.d_model + d;
      for (std::uint32_t i = 0; i < n_rows; ++i)
        values[i] = file_rows_[std::size_t{i} * panel_neurons_ + n];
    }
  }
}

void DownRows::encode_row(std::uint32_t neuron, std::byte* row) const {
  const float* const values = panel_.data() + std::size_t{neuron - panel_first_} * upload_.d_model;
  quantize_row(upload_.down_dtype, values, upload_.d_model, row);
}

}  // namespace synfire
