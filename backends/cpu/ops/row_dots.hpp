#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

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
  // Narrow rows that are lanes have no use for 16 bits and tiles. Long ones are where no tiles are.
  void add(DType dtype, bool narrow_lanes = false) {
    quants |= wants_quants(dtype);
    tiles |= !narrow_lanes && wants_quants(dtype);
    f16 |= !narrow_lanes && dtype == DType::f16;
    bf16 |= !narrow_lanes && dtype == DType::bf16;
  }

  bool quants = false;  // 8 bits
  bool tiles = false;   // the same of many tokens, where the level has tiles
  bool f16 = false;     // 16 bits, of many tokens
  bool bf16 = false;    // the same, or two terms for tiles
};

// Rows of x made ready for dot kernels. Lives in the device's workspace until the next call. What
// many tokens multiply with is made from kManyTokens on, where the device multiplies so.
Activations prepare_activations(CpuDevice& device, const float* x, std::uint32_t n_tokens,
                                std::uint32_t cols, QuantsWanted wanted);

// 0, 1, 2, ... in the workspace.
const std::uint32_t* all_tokens(CpuDevice& device, std::uint32_t n_tokens);

// Runs of tiles to hand out in rising order: large ones first, so that each is one long stream of
// memory, small ones last, so that members end together. Depends on the numbers alone.
class GuidedRuns {
 public:
  // How much of a member's part of what is left its next run is. A member begins with nothing
  // fetched ahead, so most of it is best, but for float rows, which were 1 to 3 % slower so.
  enum class FirstRun { half, most };

  // `most`: tiles of a run.
  GuidedRuns(const CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes,
             FirstRun first_run = FirstRun::most, std::uint32_t most = UINT32_MAX);

  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] std::uint32_t first(std::size_t run) const { return bounds_[run]; }
  [[nodiscard]] std::uint32_t end(std::size_t run) const { return bounds_[run + 1]; }

 private:
  static constexpr std::size_t kMost = 1024;

  std::array<std::uint32_t, kMost + 1> bounds_;
  std::size_t n_ = 0;
};

// The tiles that a member of the team computes, one run after the other. It takes its next run
// while it still computes the one before, so that the next run's memory is on its way when it
// begins.
class MemberRuns {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  MemberRuns(const GuidedRuns& runs, ThreadTeam::Chunks& untaken)
      : runs_(runs), untaken_(untaken), run_(untaken.take()), next_(runs.size()) {}

  // Whether there is a run; and its tiles.
  [[nodiscard]] bool any() const { return run_ < runs_.size(); }
  [[nodiscard]] std::uint32_t first() const { return runs_.first(run_); }
  [[nodiscard]] std::uint32_t end() const { return runs_.end(run_); }
  // The tile that comes n after one of this run; kNone where that is not known.
  [[nodiscard]] std::uint32_t ahead(std::uint32_t tile, std::uint32_t n) {
    if (tile + n < end()) return tile + n;
    take_next();
    if (next_ >= runs_.size()) return kNone;
    const std::uint32_t there = runs_.first(next_) + (tile + n - end());
    return there < runs_.end(next_) ? there : kNone;
  }
  void advance() {
    take_next();
    run_ = next_;
    took_next_ = false;
  }

 private:
  void take_next() {
    if (!took_next_) next_ = untaken_.take();
    took_next_ = true;
  }

  const GuidedRuns& runs_;
  ThreadTeam::Chunks& untaken_;
  std::size_t run_, next_;
  bool took_next_ = false;
};

// Into how many chunks to cut `tiles` pieces of work of about `tile_bytes` of memory each: several
// for each member, but none so small that handing it out costs more than doing it. Which chunks
// there are never changes a result.
std::uint32_t tiles_per_chunk(const CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes);

// The team runs body(first, end) for such chunks of n pieces of about `bytes` each.
template <typename Body>
void for_chunks(CpuDevice& device, std::uint32_t n, std::size_t bytes, const Body& body) {
  const std::uint32_t per_chunk = tiles_per_chunk(device, n, bytes);
  device.team().parallel_for((n + per_chunk - 1) / per_chunk, [&](std::size_t chunk, std::size_t) {
    const auto first = static_cast<std::uint32_t>(chunk) * per_chunk;
    body(first, std::min(first + per_chunk, n));
  });
}

}  // namespace synfire::cpu
