#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace synfire::cli {

// One way of reading memory from start to end, and nothing else: what the bandwidth probe tries.
struct ReadKernel {
  std::string_view name;  // "avx512 x4 pages"
  // The bytes' XOR in some order, so that no read can be left out. `from` is aligned to a page;
  // `bytes` is a multiple of kReadBlock.
  std::uint64_t (*read)(const std::byte* from, std::size_t bytes);
};

inline constexpr std::size_t kReadBlock = std::size_t{64} << 10;

// Those that this processor can run, at least one. Code of its own: what the engine's kernels do
// well or badly does not show in what they are held against.
[[nodiscard]] std::span<const ReadKernel> read_kernels();

}  // namespace synfire::cli
