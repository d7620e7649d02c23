#include "core/runtime/activation_traces.hpp"

#include <algorithm>

#include "core/sparsity/matrix_math.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

// Neurons decoded at once, so that memory does not grow with the layer.
constexpr std::uint64_t kRows = 1024;

Status trace_layer(const Program& program, const GgufFile& file, std::uint32_t layer,
                   std::span<const float> inputs, LayerActivity& activity) {
  const ProgramFfn& ffn = program.layers[layer].ffn;
  const ProgramWeight& weight = program.weights[ffn.gate == kNone ? ffn.up : ffn.gate];
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(weight.name));
  const std::size_t bytes = row_bytes(tensor->dtype, weight.cols);
  std::vector<float> rows;
  for (std::uint64_t first = 0; first < weight.rows; first += kRows) {
    const std::uint64_t n = std::min(kRows, weight.rows - first);
    rows.resize(n * weight.cols);
    for (std::uint64_t r = 0; r < n; ++r)
      dequantize_row(tensor->dtype, tensor->data.data() + (first + r) * bytes, weight.cols,
                     rows.data() + r * weight.cols);
    const std::vector<float> gates = multiply_transposed(inputs, rows, weight.cols);
    for (std::uint32_t t = 0; t < activity.n_tokens(); ++t)
      for (std::uint64_t r = 0; r < n; ++r)
        if (gates[t * n + r] > 0) activity.set(static_cast<std::uint32_t>(first + r), t);
  }
  return {};
}

}  // namespace

Result<ActivationProfile> trace_activity(const Program& program, const GgufFile& file,
                                         const std::vector<FfnInputs>& inputs,
                                         std::uint32_t max_tokens) {
  const Hparams& h = program.hparams;
  if (inputs.size() != h.n_layers)
    return invalid_argument("traces: inputs of {} layers, the model has {}", inputs.size(),
                            h.n_layers);
  std::size_t n_tokens = max_tokens;
  for (const FfnInputs& layer : inputs) n_tokens = std::min(n_tokens, layer.calibration.n_rows());
  if (n_tokens == 0) return invalid_argument("traces: no tokens, want at least one");
  ActivationProfile profile;
  for (std::uint32_t layer = 0; layer < h.n_layers; ++layer) {
    LayerActivity& activity =
        profile.layers.emplace_back(h.d_ff, static_cast<std::uint32_t>(n_tokens));
    if (is_relu_family(h.activation)) {
      SYNFIRE_RETURN_IF_ERROR(
          trace_layer(program, file, layer,
                      inputs[layer].calibration.rows().first(n_tokens * h.d_model), activity));
      continue;
    }
    for (std::uint32_t neuron = 0; neuron < h.d_ff; ++neuron)
      for (std::uint32_t t = 0; t < n_tokens; ++t) activity.set(neuron, t);
  }
  return profile;
}

}  // namespace synfire
