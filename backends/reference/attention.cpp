#include <algorithm>
#include <cmath>

#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

// exp(x - max), divided by their sum.
void softmax(std::vector<double>& x) {
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& value : x) sum += value = std::exp(value - largest);
  for (double& value : x) value /= sum;
}

// One query head of one token over positions 0 .. its own.
void attend(const sdk::OpCall& call, std::uint32_t token, std::uint32_t head, const float* q,
            float* out) {
  const auto& params = call.params<sf_attention_params>();
  const DType dtype = call.kv().dtype();
  const std::uint32_t kv_head = head / (params.n_heads / params.n_kv_heads);
  const std::uint32_t sequence = call.batch().sequences[token];
  const std::uint32_t length = call.batch().positions[token] + 1;
  std::vector<double> shares(length);
  for (std::uint32_t p = 0; p < length; ++p) {
    const std::byte* const row = call.kv_row(false, params.layer, sequence, p, kv_head);
    const std::vector<float> key = decode(dtype, row, params.head_dim);
    shares[p] = dot(q, key.data(), params.head_dim) * params.scale;
  }
  softmax(shares);
  std::vector<double> sum(params.head_dim, 0.0);
  for (std::uint32_t p = 0; p < length; ++p) {
    const std::byte* const row = call.kv_row(true, params.layer, sequence, p, kv_head);
    const std::vector<float> value = decode(dtype, row, params.head_dim);
    for (std::uint32_t i = 0; i < params.head_dim; ++i) sum[i] += shares[p] * value[i];
  }
  for (std::uint32_t i = 0; i < params.head_dim; ++i) out[i] = static_cast<float>(sum[i]);
}

}  // namespace

void kv_write(void*, const sdk::OpCall& call) {
  const sf_kv_desc& kv = call.kv().desc();
  const std::uint32_t layer = call.params<sf_kv_params>().layer;
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t)
    for (std::uint32_t h = 0; h < kv.n_kv_heads; ++h)
      for (const bool value : {false, true}) {
        const float* const from =
            call.input(value ? 1 : 0) + (std::size_t{t} * kv.n_kv_heads + h) * kv.head_dim;
        std::byte* const to =
            call.kv_row(value, layer, call.batch().sequences[t], call.batch().positions[t], h);
        quantize_row(call.kv().dtype(), from, kv.head_dim, to);
      }
}

void attention(void*, const sdk::OpCall& call) {
  const auto& params = call.params<sf_attention_params>();
  const float* q = call.input(0);
  float* out = call.output(0);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t)
    for (std::uint32_t h = 0; h < params.n_heads; ++h, q += params.head_dim, out += params.head_dim)
      attend(call, t, h, q, out);
}

}  // namespace synfire::reference
