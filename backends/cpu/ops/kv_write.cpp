#include <algorithm>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/kv_format.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {
namespace {

// Encodes keys and values, and puts them into their tiles.
class KvWriter {
 public:
  KvWriter(CpuDevice& device, const sdk::OpCall& call)
      : kernels_(device.kernels()),
        call_(call),
        kv_(call.kv()),
        layer_(call.params<sf_kv_params>().layer),
        format_(kv_format_of(kernels_, kv_.dtype())),
        row_bytes_(kv_row_bytes(format_, kv_.desc().head_dim)) {}

  [[nodiscard]] std::size_t row_bytes() const { return row_bytes_; }

  // Some heads of a token; `row` has room for an encoded row.
  void write(std::uint32_t token, std::uint32_t first_head, std::uint32_t end_head,
             std::byte* row) const {
    const std::uint32_t position = call_.batch().positions[token];
    const std::uint32_t block = call_.block_of(call_.batch().sequences[token], position);
    const std::uint32_t in_block = position % kv_.desc().block_tokens;
    const std::uint32_t head_dim = kv_.desc().head_dim, positions = kv_tile_positions(format_);
    const std::size_t tile = in_block / positions;
    const KvTileRow slot(format_, head_dim, in_block % positions);
    for (std::uint32_t head = first_head; head < end_head; ++head) {
      std::byte* const keys =
          kv_.keys(layer_, block, head) + tile * key_tile_bytes(format_, head_dim);
      encode(input(0, token, head), row);
      slot.store_key(row, keys);
      encode(input(1, token, head), row);
      slot.store_value(
          row, keys, kv_.values(layer_, block, head) + tile * value_tile_bytes(format_, head_dim));
    }
  }

 private:
  [[nodiscard]] const float* input(std::size_t i, std::uint32_t token, std::uint32_t head) const {
    return call_.input(i) +
           (std::size_t{token} * kv_.desc().n_kv_heads + head) * kv_.desc().head_dim;
  }
  void encode(const float* from, std::byte* row) const {
    const std::uint32_t n = kv_.desc().head_dim;
    switch (format_) {
      case KvFormat::f16: return kernels_.to_f16(from, n, reinterpret_cast<std::uint16_t*>(row));
      case KvFormat::wide: return kernels_.to_wide(from, n, row);
      default: quantize_row(kv_.dtype(), from, n, row);
    }
  }

  const KernelTable& kernels_;
  const sdk::OpCall& call_;
  const sdk::HostKv& kv_;
  std::uint32_t layer_;
  KvFormat format_;
  std::size_t row_bytes_;
};

}  // namespace

void kv_write(CpuDevice& device, const sdk::OpCall& call) {
  // Positions that follow each other share cache lines, so a prompt's go to one thread; few tokens
  // are of different sequences. A chunk is some microseconds.
  constexpr std::uint32_t kManyTokens = 16, kHeads = 8;
  const KvWriter writer(device, call);
  const MemberScratch scratch(device.workspace(), device.team().members(), writer.row_bytes());
  const std::uint32_t n_heads = call.kv().desc().n_kv_heads, n_tokens = call.batch().n_tokens;
  const std::uint32_t tokens = n_tokens < kManyTokens ? 1 : kManyTokens;
  const std::uint32_t head_chunks = (n_heads + kHeads - 1) / kHeads;
  device.team().parallel_for(
      std::size_t{head_chunks} * ((n_tokens + tokens - 1) / tokens),
      [&](std::size_t chunk, std::size_t member) {
        const auto first = static_cast<std::uint32_t>(chunk / head_chunks) * tokens;
        const auto head = static_cast<std::uint32_t>(chunk % head_chunks) * kHeads;
        for (std::uint32_t t = first; t < std::min(first + tokens, n_tokens); ++t)
          writer.write(t, head, std::min(head + kHeads, n_heads), scratch.of(member));
      });
}

}  // namespace synfire::cpu
