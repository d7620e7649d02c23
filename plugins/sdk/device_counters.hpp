#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/dtype.hpp"

namespace synfire::sdk {

// Which row of a neuron.
enum class NeuronPart : std::uint8_t { gate, up, down };

// Bytes of such a row.
inline std::size_t neuron_row_bytes(const sf_neurons_desc& desc, NeuronPart part) {
  const std::uint32_t dtype = part == NeuronPart::gate ? desc.gate_dtype
                              : part == NeuronPart::up ? desc.up_dtype
                                                       : desc.down_dtype;
  return row_bytes(static_cast<DType>(dtype), desc.d_model);
}

// A device's sf_counters in the making. What several threads count at the same time has a cache
// line for each of them; the rest belongs to the thread that runs the stages. Read between runs.
class DeviceCounters {
 public:
  struct alignas(64) Member {
    std::uint64_t gate_rows = 0, up_rows = 0, down_rows = 0;
    std::uint64_t neuron_bytes = 0;
    std::uint64_t active = 0;

    void count_rows(const sf_neurons_desc& desc, NeuronPart part, std::uint64_t rows) {
      (part == NeuronPart::gate ? gate_rows : part == NeuronPart::up ? up_rows : down_rows) += rows;
      neuron_bytes += rows * neuron_row_bytes(desc, part);
    }
    void add(const Member& other) {
      gate_rows += other.gate_rows;
      up_rows += other.up_rows;
      down_rows += other.down_rows;
      neuron_bytes += other.neuron_bytes;
      active += other.active;
    }
  };

  explicit DeviceCounters(std::size_t members = 1) : members_(members) {}

  [[nodiscard]] Member& member(std::size_t i) { return members_[i]; }

  void count_run(std::uint64_t tokens, std::uint64_t busy_ns, std::uint64_t wait_ns) {
    ++stages_;
    tokens_ += tokens;
    busy_ns_ += busy_ns;
    wait_ns_ += wait_ns;
  }
  void count_weights(std::uint64_t bytes) { weight_bytes_ += bytes; }
  void count_neurons(std::uint64_t neurons_of_tokens) { neurons_ += neurons_of_tokens; }

  void fill(sf_counters& to) const {
    to.stages = stages_;
    to.tokens = tokens_;
    to.busy_ns = busy_ns_;
    to.wait_ns = wait_ns_;
    to.weight_bytes = weight_bytes_;
    to.neurons = neurons_;
    Member all;
    for (const Member& member : members_) all.add(member);
    to.neuron_bytes = all.neuron_bytes;
    to.active = all.active;
    to.gate_rows = all.gate_rows;
    to.up_rows = all.up_rows;
    to.down_rows = all.down_rows;
  }

 private:
  std::vector<Member> members_;
  std::uint64_t stages_ = 0, tokens_ = 0, busy_ns_ = 0, wait_ns_ = 0;
  std::uint64_t weight_bytes_ = 0, neurons_ = 0;
};

}  // namespace synfire::sdk
