#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "plugins/sdk/host_memory.hpp"

namespace synfire::cpu {

// Memory that ops use while they run. Each use grows to its largest need and stays; what an op left
// there means nothing to the next. The device's thread calls get(); members use what it gave.
class Workspace {
 public:
  enum Use : std::size_t {
    quants,
    scales,
    sums,
    eights,
    wide_quants,
    wide_scales,
    tile_quants,
    tile_scales,
    tile_sums,
    halves,
    tokens,
    ids,
    gates,
    hidden,
    partials,
    pairs,
    members,
    shares,
    kUses
  };

  // Room for n elements, aligned to a cache line, not initialised. Valid until the next get() of
  // the same use.
  template <typename T>
  T* get(Use use, std::size_t n) {
    Buffer& buffer = buffers_[use];
    if (buffer.bytes < n * sizeof(T)) {
      buffer.memory = sdk::AlignedBytes();  // give back first
      buffer.bytes = 0;
      buffer.memory = sdk::AlignedBytes(n * sizeof(T));
      buffer.bytes = n * sizeof(T);
    }
    return reinterpret_cast<T*>(buffer.memory.data());
  }

 private:
  struct Buffer {
    sdk::AlignedBytes memory;
    std::size_t bytes = 0;
  };
  std::array<Buffer, kUses> buffers_;
};

// A piece of `members` for each member of a team.
class MemberScratch {
 public:
  MemberScratch(Workspace& workspace, std::size_t n_members, std::size_t bytes_each)
      : each_((bytes_each + 63) / 64 * 64),
        base_(workspace.get<std::byte>(Workspace::members, n_members * each_)) {}

  [[nodiscard]] std::byte* of(std::size_t member) const { return base_ + member * each_; }

 private:
  std::size_t each_;
  std::byte* base_;
};

}  // namespace synfire::cpu
