#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "backends/cpu/cpu_device.hpp"

namespace synfire::cpu {

// What a level does with rows of a weight dtype.
const RowKernels& row_kernels(const KernelTable& kernels, DType dtype);

// Whether those multiply with 8-bit activations.
constexpr bool wants_quants(DType dtype) {
  return dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16;
}

// From so many tokens on, rows of half floats multiply with 16-bit activations, and all but F32
// rows in tiles where the level has some: with fewer, making integers or panels of the rows takes
// longer than what the faster products save.
inline constexpr std::uint32_t kManyTokens = 16;

// How far ahead of a single token's dots rows of so many bytes that follow each other are best
// fetched. In bytes. Whatever the dtype, the hardware's own fetches are too late for short rows
// (tests/bench/NOTES.md, "How far ahead").
inline std::size_t bytes_ahead(const RowKernels& kernels, std::size_t row_bytes) {
  constexpr std::size_t kShortRow = 1024, kShortRowsAhead = 6144;
  return row_bytes < kShortRow ? std::max<std::size_t>(kernels.ahead, kShortRowsAhead)
                               : kernels.ahead;
}

// What rows that share x multiply with, besides floats.
struct QuantsWanted {
  // Of packed rows.
  void add(DType dtype) {
    quants |= wants_quants(dtype);
    tiles |= wants_quants(dtype);
    f16 |= dtype == DType::f16;
    bf16 |= dtype == DType::bf16;
  }
  // Of rows that are lanes: those of 4 bits want tokens by eight, short ones nothing for many
  // tokens. Long ones are where there are no tiles.
  void add_lanes(DType dtype, std::uint32_t cols) {
    const bool nibbles = dtype == DType::q4_0;
    eights |= nibbles;
    quants |= !nibbles && wants_quants(dtype);
    f16 |= cols > kUnit && dtype == DType::f16;
    bf16 |= cols > kUnit && dtype == DType::bf16;
  }

  bool quants = false;  // 8 bits
  bool eights = false;  // the same of several tokens beside each other
  bool tiles = false;   // the same of many tokens, where the level has tiles
  bool f16 = false;     // 16 bits, of many tokens
  bool bf16 = false;    // the same, or two terms for tiles
};

// Rows of x made ready for dot kernels. Lives in the device's workspace until the next call. What
// many tokens multiply with is made from kManyTokens on, where the device multiplies so.
Activations prepare_activations(CpuDevice& device, const float* x, std::uint32_t n_tokens,
                                std::uint32_t cols, QuantsWanted wanted);

// A token's dots with n rows of a tile, to `to`. Of a known length for whole tiles, which is all
// but the last one: else it costs as much as a hundredth of eight tokens' products.
inline void copy_row(const float* dots, std::size_t n, float* to) {
  if (n == kTileRows)
    std::memcpy(to, dots, kTileRows * sizeof(float));
  else
    std::memcpy(to, dots, n * sizeof(float));
}

// 0, 1, 2, ... in the workspace.
const std::uint32_t* all_tokens(CpuDevice& device, std::uint32_t n_tokens);

// Tiles that follow each other, for one member.
struct TileRun {
  std::uint32_t first = 0, end = 0;
  [[nodiscard]] bool any() const { return first < end; }
};

// Hands out tiles. Which member computes a tile never changes a result.
class TileSource {
 public:
  TileSource() = default;
  TileSource(const TileSource&) = delete;
  TileSource& operator=(const TileSource&) = delete;

  // Tiles that are the member's to do from now on; none: nothing is left anywhere. Any thread.
  [[nodiscard]] virtual TileRun take(std::size_t member) const = 0;

 protected:
  ~TileSource() = default;
};

// Tiles [0, n) to share out to a team. Each member begins with a part of its own, so that what it
// reads is one stream of memory, and the same rows in every op of a shape; who is done with its
// part takes half of what is left of another's.
class TileShares final : public TileSource {
 public:
  // `most`: tiles of a run. Lives in the device's workspace until the next TileShares.
  TileShares(CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes,
             std::uint32_t most = 1);

  // How many members have a part.
  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] TileRun take(std::size_t member) const override;

 private:
  // A part is a word of its own cache line: where it begins, with a flag until its member has
  // come, and where it ends.
  static constexpr std::size_t kStride = 8;
  static constexpr std::uint32_t kUntouched = 1u << 31;
  static std::uint64_t pack(std::uint32_t first, std::uint32_t end) {
    return std::uint64_t{end} << 32 | first;
  }
  static TileRun unpack(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word) & ~kUntouched, static_cast<std::uint32_t>(word >> 32)};
  }
  [[nodiscard]] std::atomic_ref<std::uint64_t> part(std::size_t member) const {
    return std::atomic_ref(parts_[member * kStride]);
  }
  // Of a run where so many are left of a part.
  [[nodiscard]] std::uint32_t run_tiles(std::uint32_t left) const {
    return std::min(std::max(least_, std::min(most_, left / 2)), left);
  }
  [[nodiscard]] TileRun take_own(std::size_t member) const;
  [[nodiscard]] TileRun take_from_others(std::size_t member) const;

  std::size_t n_;
  std::uint32_t least_, most_;  // tiles of a run
  std::uint64_t* parts_;
};

// Runs of tiles to hand out in rising order: large ones first, so that each is one long stream of
// memory, small ones last, so that members end together. Which runs there are depends on the
// numbers alone, so each may have a place for what it finds.
class GuidedRuns final : public TileSource {
 public:
  static constexpr std::size_t kMost = 1024;

  // `most`: tiles of a run.
  GuidedRuns(const CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes,
             std::uint32_t most = UINT32_MAX);

  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] std::uint32_t first(std::size_t run) const { return bounds_[run]; }
  [[nodiscard]] std::uint32_t end(std::size_t run) const { return bounds_[run + 1]; }
  // Of the run that begins with this tile.
  [[nodiscard]] std::size_t index(std::uint32_t first) const;

  [[nodiscard]] TileRun take(std::size_t member) const override;

 private:
  std::array<std::uint32_t, kMost + 1> bounds_;
  std::size_t n_ = 0;
  alignas(64) mutable std::atomic<std::size_t> taken_{0};
};

// The tiles that a member of the team computes, one run after the other. It takes its next run
// while it still computes the one before, so that the next run's memory is on its way when it
// begins.
class MemberRuns {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  MemberRuns(const TileSource& source, std::size_t member)
      : source_(source), member_(member), run_(source.take(member)) {}

  // Whether there is a run; and its tiles.
  [[nodiscard]] bool any() const { return run_.any(); }
  [[nodiscard]] std::uint32_t first() const { return run_.first; }
  [[nodiscard]] std::uint32_t end() const { return run_.end; }
  // The tile that comes n after one of this run; kNone where that is not known.
  [[nodiscard]] std::uint32_t ahead(std::uint32_t tile, std::uint32_t n) {
    if (tile + n < end()) return tile + n;
    take_next();
    const std::uint32_t there = next_.first + (tile + n - end());
    return there < next_.end ? there : kNone;
  }
  // The run that comes then.
  [[nodiscard]] TileRun next() {
    take_next();
    return next_;
  }
  void advance() {
    take_next();
    run_ = next_;
    took_next_ = false;
  }

 private:
  void take_next() {
    if (!took_next_) next_ = source_.take(member_);
    took_next_ = true;
  }

  const TileSource& source_;
  std::size_t member_;
  TileRun run_, next_;
  bool took_next_ = false;
};

// How many pieces of `each` n things are.
constexpr std::uint32_t pieces_of(std::uint32_t n, std::uint32_t each) {
  return (n + each - 1) / each;
}

// Into how many chunks to cut `tiles` pieces of work of about `tile_bytes` of memory each: several
// for each member, but none so small that handing it out costs more than doing it. Which chunks
// there are never changes a result.
std::uint32_t tiles_per_chunk(const CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes);

// The team runs body(first, end) for such chunks of n pieces of about `bytes` each.
template <typename Body>
void for_chunks(CpuDevice& device, std::uint32_t n, std::size_t bytes, const Body& body) {
  const std::uint32_t per_chunk = tiles_per_chunk(device, n, bytes);
  device.team().parallel_for(pieces_of(n, per_chunk), [&](std::size_t chunk, std::size_t) {
    const auto first = static_cast<std::uint32_t>(chunk) * per_chunk;
    body(first, std::min(first + per_chunk, n));
  });
}

}  // namespace synfire::cpu
