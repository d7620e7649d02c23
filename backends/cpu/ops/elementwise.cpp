#include <algorithm>
#include <cstring>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/cpu_weights.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"

// Ops that are cheap beside the linear ones: row by row, shared out where there are many rows.
namespace synfire::cpu {
namespace {

// body(row) for each of n rows of `width` floats.
template <typename Body>
void for_rows(CpuDevice& device, std::uint32_t n, std::uint32_t width, const Body& body) {
  for_chunks(device, n, std::size_t{width} * sizeof(float),
             [&](std::size_t first, std::size_t end) {
               for (std::size_t row = first; row < end; ++row) body(row);
             });
}

}  // namespace

void embed(CpuDevice& device, const sdk::OpCall& call) {
  const auto& table = static_cast<const CpuWeights&>(call.weights(0));  // [n_vocab, d]
  const float scale = call.params<sf_embed_params>().scale;
  const auto width = static_cast<std::uint32_t>(table.cols);
  for_rows(device, call.batch().n_tokens, width, [&](std::size_t t) {
    const std::int32_t token = call.batch().tokens[t];
    if (token < 0 || static_cast<std::uint64_t>(token) >= table.rows)
      throw sdk::Error(sdk::kInvalidArgument, "embed: token " + std::to_string(token) +
                                                  ": want less than " + std::to_string(table.rows));
    float* const out = call.output(0) + t * width;
    const auto row = static_cast<std::size_t>(token);
    if (table.is_packed())
      table.decode(device.kernels(), row, out);
    else
      dequantize_row(table.dtype, table.row(row), width, out);
    if (scale != 1.0f) device.kernels().scale(scale, width, out);
  });
}

void rms_norm(CpuDevice& device, const sdk::OpCall& call) {
  const std::uint32_t width = call.input_width(0);
  const float* const factors = static_cast<const CpuWeights&>(call.weights(0)).vector();
  const float eps = call.params<sf_norm_params>().eps;
  for_rows(device, call.input_rows(0), width, [&](std::size_t row) {
    device.kernels().rms_norm(call.input(0) + row * width, factors, width, eps,
                              call.output(0) + row * width);
  });
}

void add(CpuDevice& device, const sdk::OpCall& call) {
  const std::uint32_t width = call.input_width(0);
  for_rows(device, call.input_rows(0), width, [&](std::size_t row) {
    device.kernels().add(call.input(0) + row * width, call.input(1) + row * width, width,
                         call.output(0) + row * width);
  });
}

void activate(CpuDevice& device, const sdk::OpCall& call) {
  const std::uint32_t width = call.input_width(0);
  const std::uint32_t activation = call.params<sf_activate_params>().activation;
  for_rows(device, call.input_rows(0), width, [&](std::size_t row) {
    const float* const up = call.has_input(1) ? call.input(1) + row * width : nullptr;
    device.kernels().activate(activation, call.input(0) + row * width, up, width,
                              call.output(0) + row * width);
  });
}

void gather_wanted(CpuDevice&, const sdk::OpCall& call) {
  const std::size_t width = call.input_width(0);
  for (std::uint32_t i = 0; i < call.batch().n_wanted; ++i)
    std::memcpy(call.output(0) + i * width, call.input(0) + call.batch().wanted[i] * width,
                width * sizeof(float));
}

}  // namespace synfire::cpu
