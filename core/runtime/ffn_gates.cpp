#include "core/runtime/ffn_gates.hpp"

#include <algorithm>
#include <cmath>

#include "core/runtime/fitted_tensor.hpp"
#include "core/sparsity/matrix_math.hpp"

namespace synfire {
namespace {

// The values of a weight of the program, which may be a part of a tensor; none for kNone.
Result<std::vector<float>> weight_values(const Program& program, const GgufFile& file,
                                         WeightId id) {
  if (id == kNone) return std::vector<float>();
  const ProgramWeight& weight = program.weights[id];
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(weight.name));
  const std::uint64_t skipped = weight.rows == 1
                                    ? row_bytes(tensor->dtype, weight.first)
                                    : weight.first * row_bytes(tensor->dtype, weight.cols);
  return decoded(tensor->dtype, tensor->data.data() + skipped, weight.rows, weight.cols);
}

Result<const ProgramOp*> norm_of(const ProgramLayer& layer, std::uint32_t index) {
  for (const ProgramOp& op : layer.before_ffn) {
    const bool is_norm = op.id == SF_OP_RMS_NORM || op.id == SF_OP_LAYER_NORM;
    if (is_norm && op.outputs[0] == layer.ffn.input && op.inputs[0] == layer.ffn_residual)
      return &op;
  }
  return error(StatusCode::unimplemented,
               "layer {}: the input of its FFN is no norm of the residual stream", index);
}

}  // namespace

Result<FfnGates> FfnGates::make(const Program& program, const GgufFile& file, std::uint32_t layer) {
  const ProgramFfn& ffn = program.layers[layer].ffn;
  SYNFIRE_ASSIGN_OR_RETURN(const ProgramOp* const op, norm_of(program.layers[layer], layer));
  FfnGates gates;
  gates.norm_.centered = op->id == SF_OP_LAYER_NORM;
  gates.norm_.eps = std::get<sf_norm_params>(op->params).eps;
  SYNFIRE_ASSIGN_OR_RETURN(gates.norm_.weight, weight_values(program, file, op->weights[0]));
  if (op->weights.size() > 1) {
    SYNFIRE_ASSIGN_OR_RETURN(gates.norm_.bias, weight_values(program, file, op->weights[1]));
  }
  const WeightId rows = ffn.gate == kNone ? ffn.up : ffn.gate;
  SYNFIRE_ASSIGN_OR_RETURN(gates.rows_, weight_values(program, file, rows));
  SYNFIRE_ASSIGN_OR_RETURN(gates.bias_, weight_values(program, file, ffn.bias));
  const ProgramWeight& weight = program.weights[rows];
  gates.bias_.resize(weight.rows);
  gates.row_bytes_ = synfire::row_bytes(file.tensor(weight.name)->dtype, weight.cols);
  return gates;
}

void FfnGates::normalize(std::span<float> row) const {
  const auto n = static_cast<double>(row.size());
  double mean = 0, square = 0;
  if (norm_.centered)
    for (const float value : row) mean += value / n;
  for (const float value : row) square += (value - mean) * (value - mean) / n;
  const double scale = 1 / std::sqrt(square + norm_.eps);
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = static_cast<float>((row[i] - mean) * scale) * norm_.weight[i] +
             (norm_.bias.empty() ? 0 : norm_.bias[i]);
}

std::vector<float> FfnGates::normalized(std::span<const float> residual) const {
  std::vector<float> normed(residual.begin(), residual.end());
  for (std::size_t at = 0; at < normed.size(); at += d_model())
    normalize(std::span(normed).subspan(at, d_model()));
  return normed;
}

std::vector<float> FfnGates::of(std::span<const float> residual) const {
  std::vector<float> gates = multiply_transposed(normalized(residual), rows_, d_model());
  for (std::size_t i = 0; i < gates.size(); ++i) gates[i] += bias_[i % bias_.size()];
  return gates;
}

}  // namespace synfire
