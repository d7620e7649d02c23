#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/ops.hpp"

namespace synfire::cpu {
namespace {

// Attention in chunks of kAttendPositions positions, whose partial results are merged in order:
// by one thread while it goes along where there are many tokens and heads, after all chunks where a
// long context has to be shared out. Both give the same bits.
class PagedAttention {
 public:
  PagedAttention(CpuDevice& device, const sdk::OpCall& call)
      : device_(device),
        call_(call),
        params_(call.params<sf_attention_params>()),
        n_queries_(params_.n_heads / params_.n_kv_heads),
        partial_floats_(std::size_t{n_queries_} * (params_.head_dim + 2)),
        attend_(call.kv().dtype() == DType::f16 ? device.kernels().attend_f16
                                                : device.kernels().attend_f32) {}

  void run() {
    const std::size_t items = std::size_t{call_.batch().n_tokens} * params_.n_kv_heads;
    std::uint32_t most_chunks = 1;
    for (std::uint32_t t = 0; t < call_.batch().n_tokens; ++t)
      most_chunks = std::max(most_chunks, n_chunks(t));
    if (most_chunks == 1 || items >= 4 * device_.team().members())
      run_items(items);
    else
      run_chunks(items, most_chunks);
  }

 private:
  [[nodiscard]] std::uint32_t n_chunks(std::uint32_t token) const {
    return call_.batch().positions[token] / kAttendPositions + 1;
  }

  // One item = one token and one KV head, all its chunks.
  void run_items(std::size_t items) {
    const std::size_t bytes = partial_floats_ * sizeof(float);
    const MemberScratch scratch(device_.workspace(), device_.team().members(), 2 * bytes);
    device_.team().parallel_for(items, [&](std::size_t item, std::size_t member) {
      auto* const sum = reinterpret_cast<float*>(scratch.of(member));
      float* const partial = sum + partial_floats_;
      const auto token = static_cast<std::uint32_t>(item / params_.n_kv_heads);
      attend(item, 0, sum);
      for (std::uint32_t chunk = 1; chunk < n_chunks(token); ++chunk) {
        attend(item, chunk, partial);
        merge(sum, partial);
      }
      finish(item, sum);
    });
  }

  void run_chunks(std::size_t items, std::uint32_t most_chunks) {
    auto* const partials =
        device_.workspace().get<float>(Workspace::partials, items * most_chunks * partial_floats_);
    const auto at = [&](std::size_t item, std::uint32_t chunk) {
      return partials + (item * most_chunks + chunk) * partial_floats_;
    };
    device_.team().parallel_for(items * most_chunks, [&](std::size_t piece, std::size_t) {
      const std::size_t item = piece / most_chunks;
      const auto chunk = static_cast<std::uint32_t>(piece % most_chunks);
      const auto token = static_cast<std::uint32_t>(item / params_.n_kv_heads);
      if (chunk < n_chunks(token)) attend(item, chunk, at(item, chunk));
    });
    for (std::size_t item = 0; item < items; ++item) {
      const auto token = static_cast<std::uint32_t>(item / params_.n_kv_heads);
      for (std::uint32_t chunk = 1; chunk < n_chunks(token); ++chunk)
        merge(at(item, 0), at(item, chunk));
      finish(item, at(item, 0));
    }
  }

  void attend(std::size_t item, std::uint32_t chunk, float* partial) const {
    const auto token = static_cast<std::uint32_t>(item / params_.n_kv_heads);
    const auto head = static_cast<std::uint32_t>(item % params_.n_kv_heads);
    const std::uint32_t first = chunk * kAttendPositions;
    const std::uint32_t length = call_.batch().positions[token] + 1;
    const std::uint32_t n = std::min(kAttendPositions, length - first);
    const std::byte* keys[kAttendPositions];
    const std::byte* values[kAttendPositions];
    find_rows(call_.batch().sequences[token], head, first, n, keys, values);
    attend_({keys, values, n, params_.head_dim, n_queries_, queries(item), params_.scale, partial});
  }

  void find_rows(std::uint32_t sequence, std::uint32_t head, std::uint32_t first, std::uint32_t n,
                 const std::byte** keys, const std::byte** values) const {
    const sdk::HostKv& kv = call_.kv();
    const std::uint32_t block_tokens = kv.desc().block_tokens;
    const std::size_t row_bytes = kv.row_bytes_of_head();
    for (std::uint32_t i = 0; i < n;) {
      const std::uint32_t block = call_.block_of(sequence, first + i);
      const std::byte* const k = kv.keys(params_.layer, block, head);
      const std::byte* const v = kv.values(params_.layer, block, head);
      for (std::uint32_t slot = (first + i) % block_tokens; slot < block_tokens && i < n;
           ++slot, ++i) {
        keys[i] = k + slot * row_bytes;
        values[i] = v + slot * row_bytes;
      }
    }
  }

  // Queries of a KV head's group lie together, and so do their outputs.
  [[nodiscard]] const float* queries(std::size_t item) const {
    return call_.input(0) + item * n_queries_ * params_.head_dim;
  }

  // Takes another run of positions into the sum (online softmax, arXiv 1805.02867).
  void merge(float* sum, const float* partial) const {
    const std::uint32_t n = params_.head_dim;
    for (std::uint32_t q = 0; q < n_queries_; ++q, sum += n + 2, partial += n + 2) {
      const float largest = std::max(sum[n], partial[n]);
      const float old_share = std::exp(sum[n] - largest);
      const float new_share = std::exp(partial[n] - largest);
      device_.kernels().scale(old_share, n, sum);
      device_.kernels().add_scaled(partial, new_share, n, sum);
      sum[n] = largest;
      sum[n + 1] = sum[n + 1] * old_share + partial[n + 1] * new_share;
    }
  }

  void finish(std::size_t item, const float* sum) const {
    const std::uint32_t n = params_.head_dim;
    float* out = call_.output(0) + item * n_queries_ * n;
    for (std::uint32_t q = 0; q < n_queries_; ++q, sum += n + 2, out += n) {
      std::memcpy(out, sum, n * sizeof(float));
      device_.kernels().scale(1.0f / sum[n + 1], n, out);
    }
  }

  CpuDevice& device_;
  const sdk::OpCall& call_;
  const sf_attention_params& params_;
  std::uint32_t n_queries_;     // query heads per KV head
  std::size_t partial_floats_;  // of one AttendChunk::partial
  void (*attend_)(const AttendChunk&);
};

}  // namespace

void attention(CpuDevice& device, const sdk::OpCall& call) { PagedAttention(device, call).run(); }

void kv_write(CpuDevice& device, const sdk::OpCall& call) {
  const sdk::HostKv& kv = call.kv();
  const std::uint32_t layer = call.params<sf_kv_params>().layer;
  const std::uint32_t head_dim = kv.desc().head_dim;
  const auto store = [&](const float* from, std::byte* to) {
    if (kv.dtype() == DType::f16)
      device.kernels().to_f16(from, head_dim, reinterpret_cast<std::uint16_t*>(to));
    else
      std::memcpy(to, from, head_dim * sizeof(float));
  };
  const float* k = call.input(0);
  const float* v = call.input(1);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t) {
    const std::uint32_t position = call.batch().positions[t];
    const std::uint32_t block = call.block_of(call.batch().sequences[t], position);
    const std::size_t slot = position % kv.desc().block_tokens * kv.row_bytes_of_head();
    for (std::uint32_t head = 0; head < kv.desc().n_kv_heads; ++head) {
      store(k, kv.keys(layer, block, head) + slot);
      store(v, kv.values(layer, block, head) + slot);
      k += head_dim;
      v += head_dim;
    }
  }
}

}  // namespace synfire::cpu
