#pragma once

#include <cstddef>
#include <memory>

namespace synfire::cpu {

// A piece of a WeightArena's memory, 64-byte aligned, zeros at first. Shares its region with other
// pieces; the region goes back to the system with the last of them.
class WeightMemory {
 public:
  WeightMemory() = default;
  WeightMemory(std::shared_ptr<void> region, std::byte* data)
      : region_(std::move(region)), data_(data) {}
  WeightMemory(WeightMemory&&) = default;
  WeightMemory& operator=(WeightMemory&&) = default;

  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::shared_ptr<void> region_;
  std::byte* data_ = nullptr;
};

// Where a device's packed weights live: anonymous memory in huge pages where the system gives them
// (4 KiB pages cost a sixth of the bandwidth), cut from large regions so that small tensors waste
// none. It comes from the device's NUMA node. One thread.
class WeightArena {
 public:
  // `node`: OS number of the device's NUMA node.
  explicit WeightArena(unsigned node) : node_(node) {}

  // Throws sdk::Error (RESOURCE_EXHAUSTED) when the system has no more.
  WeightMemory allocate(std::size_t bytes);

 private:
  unsigned node_;
  std::shared_ptr<void> region_;
  std::byte* at_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace synfire::cpu
