#include "core/runtime/layer_gates.hpp"

#include "core/runtime/dense_layers.hpp"
#include "core/runtime/fitted_tensor.hpp"
#include "core/sparsity/matrix_math.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

Result<std::vector<float>> rows_of(const Program& program, const GgufFile& file, WeightId id) {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor,
                           file.require_tensor(program.weights[id].name));
  return values_of(*tensor);
}

Result<std::vector<double>> squares_of_down(const Program& program, const GgufFile& file,
                                            const ProgramFfn& ffn) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<float> down, rows_of(program, file, ffn.down));
  const std::size_t d_ff = program.hparams.d_ff, d_model = program.hparams.d_model;
  std::vector<double> squares(d_ff);
  for (std::size_t i = 0; i < down.size(); ++i)
    squares[ffn.down_is_neuron_major ? i / d_model : i % d_ff] += double{down[i]} * down[i];
  return squares;
}

void add_rows(std::vector<float>& values, const std::vector<float>& row) {
  for (std::size_t i = 0; !row.empty() && i < values.size(); ++i) values[i] += row[i % row.size()];
}

}  // namespace

std::vector<float> as_int8_blocks(std::span<const float> values, std::size_t cols) {
  std::vector<float> rounded(values.begin(), values.end());
  if (cols % dtype_info(DType::q8_0).block_size != 0) return rounded;
  std::vector<std::byte> row(row_bytes(DType::q8_0, cols));
  for (std::size_t at = 0; at < rounded.size(); at += cols) {
    quantize_row(DType::q8_0, values.data() + at, cols, row.data());
    dequantize_row(DType::q8_0, row.data(), cols, rounded.data() + at);
  }
  return rounded;
}

Result<LayerGates> LayerGates::make(const Program& program, const GgufFile& file,
                                    std::uint32_t layer, const FfnInputs& inputs) {
  const ProgramFfn& ffn = program.layers[layer].ffn;
  const bool gated = ffn.gate != kNone;
  LayerGates made;
  made.d_ff = program.hparams.d_ff;
  made.d_model = program.hparams.d_model;
  SYNFIRE_ASSIGN_OR_RETURN(made.weights, rows_of(program, file, gated ? ffn.gate : ffn.up));
  SYNFIRE_ASSIGN_OR_RETURN(made.down_squares, squares_of_down(program, file, ffn));
  std::vector<float> ups, bias;
  if (gated) {
    SYNFIRE_ASSIGN_OR_RETURN(ups, rows_of(program, file, ffn.up));
  }
  if (ffn.bias != kNone) {
    SYNFIRE_ASSIGN_OR_RETURN(bias, rows_of(program, file, ffn.bias));
  }
  const FfnBytes bytes = ffn_bytes(program, file, PredictorProgram{}, layer);
  const auto d_ff = static_cast<double>(made.d_ff);
  made.asked_bytes = (gated ? bytes.gate : bytes.up) / d_ff;
  made.active_bytes = ((gated ? bytes.up : 0) + bytes.down_apart) / d_ff;
  const auto sample = [&](const RowSample& rows) {
    Sample taken{rows.n_rows(), as_int8_blocks(rows.rows(), made.d_model), {}, {}};
    taken.gates = multiply_transposed(taken.x, made.weights, made.d_model);
    add_rows(taken.gates, bias);
    if (gated) taken.ups = multiply_transposed(taken.x, ups, made.d_model);
    return taken;
  };
  made.seen = sample(inputs.calibration);
  made.unseen = sample(inputs.held_out);
  return made;
}

}  // namespace synfire
