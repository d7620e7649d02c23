#include <cstring>
#include <vector>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {

void rope(CpuDevice& device, const sdk::OpCall& call) {
  const auto& params = call.params<sf_rope_params>();
  const std::uint32_t pairs = params.n_rot / 2;
  std::vector<float> factors;
  if (const sdk::HostWeights* const weights = call.optional_weights(0)) {
    factors.resize(pairs);
    dequantize_row(weights->dtype, weights->data, pairs, factors.data());
  }
  RopeTable& table = device.rope_table();
  table.prepare(params, factors, {call.batch().positions, call.batch().n_tokens});
  const auto rotate = params.style == SF_ROPE_ADJACENT ? device.kernels().rotate_adjacent
                                                       : device.kernels().rotate_halves;
  const float* x = call.input(0);
  float* y = call.output(0);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t)
    for (std::uint32_t head = 0; head < params.n_heads; ++head) {
      rotate(x, table.cosines(t), table.sines(t), pairs, y);
      std::memcpy(y + params.n_rot, x + params.n_rot,
                  (params.head_dim - params.n_rot) * sizeof(float));
      x += params.head_dim;
      y += params.head_dim;
    }
}

}  // namespace synfire::cpu
