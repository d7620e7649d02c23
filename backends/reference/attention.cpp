#include <algorithm>
#include <cmath>

#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

// Where a head's key and value of one position of a sequence lie.
struct Slot {
  std::byte* key;
  std::byte* value;
};

Slot find_slot(const sdk::OpCall& call, std::uint32_t layer, std::uint32_t sequence,
               std::uint32_t position, std::uint32_t kv_head) {
  const sdk::HostKv& kv = call.kv();
  const std::uint32_t block = call.block_of(sequence, position);
  const std::size_t offset = position % kv.desc().block_tokens * kv.row_bytes_of_head();
  return {kv.keys(layer, block, kv_head) + offset, kv.values(layer, block, kv_head) + offset};
}

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
    const Slot slot = find_slot(call, params.layer, sequence, p, kv_head);
    const std::vector<float> key = decode(dtype, slot.key, params.head_dim);
    shares[p] = dot(q, key.data(), params.head_dim) * params.scale;
  }
  softmax(shares);
  std::vector<double> sum(params.head_dim, 0.0);
  for (std::uint32_t p = 0; p < length; ++p) {
    const Slot slot = find_slot(call, params.layer, sequence, p, kv_head);
    const std::vector<float> value = decode(dtype, slot.value, params.head_dim);
    for (std::uint32_t i = 0; i < params.head_dim; ++i) sum[i] += shares[p] * value[i];
  }
  for (std::uint32_t i = 0; i < params.head_dim; ++i) out[i] = static_cast<float>(sum[i]);
}

}  // namespace

void kv_write(void*, const sdk::OpCall& call) {
  const sf_kv_desc& kv = call.kv().desc();
  const float* k = call.input(0);
  const float* v = call.input(1);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t)
    for (std::uint32_t h = 0; h < kv.n_kv_heads; ++h, k += kv.head_dim, v += kv.head_dim) {
      const Slot slot = find_slot(call, call.params<sf_kv_params>().layer,
                                  call.batch().sequences[t], call.batch().positions[t], h);
      quantize_row(call.kv().dtype(), k, kv.head_dim, slot.key);
      quantize_row(call.kv().dtype(), v, kv.head_dim, slot.value);
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
