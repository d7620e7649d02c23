#include "backends/cpu/ops/row_dots.hpp"

#include <algorithm>

namespace synfire::cpu {

const RowKernels& row_kernels(const KernelTable& kernels, DType dtype) {
  switch (dtype) {
    case DType::f32: return kernels.f32;
    case DType::f16: return kernels.f16;
    case DType::bf16: return kernels.bf16;
    case DType::q8_0: return kernels.q8_0;
    case DType::q4_0: return kernels.q4_0;
    case DType::q4_1: return kernels.q4_1;
    case DType::q4_k: return kernels.q4_k;
    case DType::q5_k: return kernels.q5_k;
    case DType::q6_k: return kernels.q6_k;
    default:
      throw sdk::Error(sdk::kUnimplemented, std::string("cpu: no products with rows of ") +
                                                std::string(dtype_info(dtype).name));
  }
}

namespace {

constexpr std::size_t kLeastRunBytes = 16384;  // a microsecond from memory

void quantize(CpuDevice& device, std::uint32_t n_tokens, std::uint32_t cols, Activations& x) {
  Workspace& workspace = device.workspace();
  const std::size_t units = units_of(cols);
  const std::size_t all = n_tokens * units;
  auto* const quants = workspace.get<std::int8_t>(Workspace::quants, all * kUnit);
  auto* const scales = workspace.get<float>(Workspace::scales, all * 8);
  auto* const sums = workspace.get<std::int32_t>(Workspace::sums, all * 16);
  for_chunks(device, n_tokens, std::size_t{cols} * 4, [&](std::size_t first, std::size_t end) {
    for (std::size_t t = first; t < end; ++t)
      device.kernels().quantize(x.values + t * cols, cols, quants + t * units * kUnit,
                                scales + t * units * 8, sums + t * units * 16);
  });
  x.quants = quants;
  x.scales = scales;
  x.sums = sums;
}

void quantize_eights(CpuDevice& device, std::uint32_t n_tokens, std::uint32_t cols,
                     Activations& x) {
  const std::uint32_t units = units_of(cols);
  const std::size_t block = std::size_t{units} * kUnitBlocks;
  const std::uint32_t blocks = eights_of(n_tokens);
  auto* const eights = device.workspace().get<EightTokens>(Workspace::eights, blocks * block);
  for_chunks(device, blocks * units, kEight * kUnit * sizeof(float),
             [&](std::uint32_t first, std::uint32_t end) {
               for (std::uint32_t at = first; at < end;) {
                 const std::uint32_t unit = at % units, t = at / units * kEight;
                 const std::uint32_t n = std::min(units - unit, end - at);
                 device.kernels().quantize_eight(
                     x.values + std::size_t{t} * cols + std::size_t{unit} * kUnit, cols,
                     std::min(n_tokens - t, kEight), n, units, eights + at / units * block + unit);
                 at += n;
               }
             });
  x.eights = eights;
}

// body(block, its first token, how many it has) for the batch's blocks of kWideTokens.
template <typename Body>
void for_blocks(CpuDevice& device, std::uint32_t n_tokens, std::uint32_t cols, const Body& body) {
  for_chunks(device, wide_blocks_of(n_tokens), std::size_t{cols} * kWideTokens * 4,
             [&](std::size_t first, std::size_t end) {
               for (std::size_t block = first; block < end; ++block) {
                 const auto t = static_cast<std::uint32_t>(block) * kWideTokens;
                 body(block, t, std::min(n_tokens - t, kWideTokens));
               }
             });
}

void quantize_wide(CpuDevice& device, std::uint32_t n_tokens, std::uint32_t cols, Activations& x) {
  Workspace& workspace = device.workspace();
  const std::size_t block_scales = std::size_t{units_of(cols)} * kWideTokens;
  const std::uint32_t n_blocks = wide_blocks_of(n_tokens);
  auto* const quants =
      workspace.get<std::int16_t>(Workspace::wide_quants, n_blocks * block_scales * kUnit);
  auto* const scales = workspace.get<float>(Workspace::wide_scales, n_blocks * block_scales);
  for_blocks(device, n_tokens, cols, [&](std::size_t block, std::uint32_t t, std::uint32_t n) {
    device.kernels().quantize_wide(x.values + std::size_t{t} * cols, cols, n, cols,
                                   quants + block * block_scales * kUnit,
                                   scales + block * block_scales);
  });
  x.wide_quants = quants;
  x.wide_scales = scales;
}

void arrange_tokens(CpuDevice& device, std::uint32_t n_tokens, std::uint32_t cols, Activations& x) {
  Workspace& workspace = device.workspace();
  const std::size_t block_scales = std::size_t{units_of(cols)} * 8 * kWideTokens;
  const std::size_t all = wide_blocks_of(n_tokens) * block_scales;
  auto* const quants = workspace.get<std::int8_t>(Workspace::tile_quants, all * 32);
  auto* const scales = workspace.get<float>(Workspace::tile_scales, all);
  auto* const sums = workspace.get<float>(Workspace::tile_sums, all);
  for_blocks(device, n_tokens, cols, [&](std::size_t block, std::uint32_t t, std::uint32_t n) {
    device.kernels().arrange_tokens(x, t, n, units_of(cols), quants + block * block_scales * 32,
                                    scales + block * block_scales, sums + block * block_scales);
  });
  x.tile_quants = quants;
  x.tile_scales = scales;
  x.tile_sums = sums;
}

void split_tokens(CpuDevice& device, std::uint32_t n_tokens, std::uint32_t cols, Activations& x) {
  const std::size_t size = std::size_t{half_steps_of(cols)} * 2 * kHalfStep * kWideTokens;
  auto* const halves =
      device.workspace().get<std::uint16_t>(Workspace::halves, wide_blocks_of(n_tokens) * size);
  for_blocks(device, n_tokens, cols, [&](std::size_t block, std::uint32_t t, std::uint32_t n) {
    device.kernels().split_tokens(x.values + std::size_t{t} * cols, cols, n, cols,
                                  halves + block * size);
  });
  x.halves = halves;
}

}  // namespace

Activations prepare_activations(CpuDevice& device, const float* x, std::uint32_t n_tokens,
                                std::uint32_t cols, QuantsWanted wanted) {
  Activations ready{};
  ready.values = x;
  ready.stride = cols;
  const bool alone = n_tokens == 1;
  if (wanted.quants || (wanted.eights && alone)) quantize(device, n_tokens, cols, ready);
  if (wanted.eights && !alone) quantize_eights(device, n_tokens, cols, ready);
  if (n_tokens < kManyTokens) return ready;
  const bool splits = device.kernels().split_tokens != nullptr;
  if (wanted.tiles && device.kernels().arrange_tokens != nullptr)
    arrange_tokens(device, n_tokens, cols, ready);
  if (!device.multiplies_wide()) return ready;
  if (wanted.f16 || (wanted.bf16 && !splits)) quantize_wide(device, n_tokens, cols, ready);
  if (wanted.bf16 && splits) split_tokens(device, n_tokens, cols, ready);
  return ready;
}

const std::uint32_t* all_tokens(CpuDevice& device, std::uint32_t n_tokens) {
  auto* const tokens = device.workspace().get<std::uint32_t>(Workspace::tokens, n_tokens);
  for (std::uint32_t t = 0; t < n_tokens; ++t) tokens[t] = t;
  return tokens;
}

TileShares::TileShares(CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes,
                       std::uint32_t most)
    : most_(most) {
  const std::size_t least = kLeastRunBytes / std::max<std::size_t>(tile_bytes, 1);
  least_ = static_cast<std::uint32_t>(std::max<std::size_t>(least, 1));
  n_ = std::clamp<std::size_t>(tiles / least_, 1, device.team().members());
  parts_ =
      device.workspace().get<std::uint64_t>(Workspace::shares, device.team().members() * kStride);
  for (std::size_t i = 0; i < device.team().members(); ++i) {
    const auto bound = [&](std::size_t at) {
      return static_cast<std::uint32_t>(std::uint64_t{tiles} * std::min(at, n_) / n_);
    };
    parts_[i * kStride] = pack(bound(i) | kUntouched, bound(i + 1));
  }
}

TileRun TileShares::take(std::size_t member) const {
  const TileRun run = take_own(member);
  return run.any() ? run : take_from_others(member);
}

TileRun TileShares::take_own(std::size_t member) const {
  std::uint64_t word = part(member).load(std::memory_order_relaxed);
  for (;;) {
    const auto [first, end] = unpack(word);
    if (first == end) return {};
    const std::uint32_t at = first + run_tiles(end - first);
    if (part(member).compare_exchange_weak(word, pack(at, end), std::memory_order_relaxed))
      return {first, at};
  }
}

TileRun TileShares::take_from_others(std::size_t member) const {
  for (std::size_t i = 1; i <= n_; ++i) {
    const std::size_t other = (member + i) % n_;
    std::uint64_t word = part(other).load(std::memory_order_relaxed);
    for (;;) {
      const auto [first, end] = unpack(word);
      const bool untouched = (word & kUntouched) != 0;
      const std::uint32_t middle = first + (end - first + (untouched ? 0 : 1)) / 2;
      if (middle == end) break;
      const std::uint64_t rest = (word & kUntouched) | pack(first, middle);
      if (!part(other).compare_exchange_weak(word, rest, std::memory_order_relaxed)) continue;
      const std::uint32_t at = middle + run_tiles(end - middle);
      part(member).store(pack(at, end), std::memory_order_relaxed);
      return {middle, at};
    }
  }
  return {};
}

GuidedRuns::GuidedRuns(const CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes,
                       std::uint32_t most) {
  const std::size_t least =
      std::max<std::size_t>(kLeastRunBytes / std::max<std::size_t>(tile_bytes, 1), 1);
  const std::size_t members = device.team().members();
  bounds_[0] = 0;
  for (std::size_t at = 0; at < tiles;) {
    const std::size_t left = tiles - at;
    // A member begins with nothing fetched ahead, so its next run is most of its part of the rest.
    const std::size_t share = members == 1 ? left : std::max(left * 8 / (10 * members), least);
    at = n_ + 1 == kMost ? tiles
                         : std::min<std::size_t>(at + std::min<std::size_t>(share, most), tiles);
    bounds_[++n_] = static_cast<std::uint32_t>(at);
  }
}

std::size_t GuidedRuns::index(std::uint32_t first) const {
  const auto* const begin = bounds_.data();
  return static_cast<std::size_t>(std::lower_bound(begin, begin + n_, first) - begin);
}

TileRun GuidedRuns::take(std::size_t) const {
  const std::size_t run = taken_.fetch_add(1, std::memory_order_relaxed);
  return run < n_ ? TileRun{first(run), end(run)} : TileRun{};
}

std::uint32_t tiles_per_chunk(const CpuDevice& device, std::uint32_t tiles,
                              std::size_t tile_bytes) {
  constexpr std::size_t kLeastBytes = 32768;  // a few microseconds from memory
  constexpr std::size_t kChunksPerMember = 8;
  const std::size_t fair = tiles / (device.team().members() * kChunksPerMember);
  const std::size_t least = kLeastBytes / std::max<std::size_t>(tile_bytes, 1);
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(std::max(fair, least), 1, std::max(tiles, 1u)));
}

}  // namespace synfire::cpu
