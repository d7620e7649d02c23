#pragma once

#include <cstdint>
#include <optional>

#include "backends/cpu/ops/neuron_rows.hpp"

namespace synfire::cpu {

// What neuron_ffn walks over: the entries of the active list, or all resident neurons where there
// is none.
class NeuronEntries {
 public:
  NeuronEntries(CpuDevice& device, const sdk::OpCall& call) : neurons_(call.neurons()) {
    if (call.has_input(1))
      list_.emplace(call.active_input(1));
    else
      n_resident_ = list_resident(device, neurons_, &resident_);
  }

  [[nodiscard]] std::uint32_t size() const { return list_ ? list_->size() : n_resident_; }
  [[nodiscard]] std::uint32_t id(std::uint32_t i) const {
    return list_ ? list_->id(i) : resident_[i];
  }
  [[nodiscard]] bool is_here(std::uint32_t i) const { return !list_ || neurons_.has(list_->id(i)); }
  [[nodiscard]] bool needs(std::uint32_t i, std::uint32_t token) const {
    return !list_ || list_->needs(i, token);
  }

 private:
  const sdk::HostNeurons& neurons_;
  std::optional<sdk::ActiveList> list_;
  std::uint32_t* resident_ = nullptr;
  std::uint32_t n_resident_ = 0;
};

}  // namespace synfire::cpu
