#include <string>

#include "backends/reference/kernels.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::reference {

void embed(void*, const sdk::OpCall& call) {
  const sdk::HostWeights& table = call.weights(0);  // [n_vocab, d]
  const float scale = call.params<sf_embed_params>().scale;
  float* out = call.output(0);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t, out += table.cols) {
    const std::int32_t token = call.batch().tokens[t];
    if (token < 0 || static_cast<std::uint64_t>(token) >= table.rows)
      throw sdk::Error(sdk::kInvalidArgument, std::string("embed: token ") + std::to_string(token) +
                                                  ": want less than " + std::to_string(table.rows));
    dequantize_row(table.dtype, table.row(static_cast<std::size_t>(token)), table.cols, out);
    for (std::size_t i = 0; i < table.cols; ++i) out[i] *= scale;
  }
}

void add_positions(void*, const sdk::OpCall& call) {
  const sdk::HostWeights& table = call.weights(0);  // [n_positions, d]
  const std::uint64_t first = call.params<sf_positions_params>().first_row;
  std::vector<float> row(table.cols);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t) {
    const std::uint64_t position = first + call.batch().positions[t];
    if (position >= table.rows)
      throw sdk::Error(sdk::kOutOfRange, std::string("add_positions: row ") +
                                             std::to_string(position) + ": want less than " +
                                             std::to_string(table.rows));
    dequantize_row(table.dtype, table.row(position), table.cols, row.data());
    for (std::size_t i = 0; i < table.cols; ++i)
      call.output(0)[t * table.cols + i] = call.input(0)[t * table.cols + i] + row[i];
  }
}

}  // namespace synfire::reference
