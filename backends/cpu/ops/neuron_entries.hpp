#pragma once

#include <algorithm>
#include <bit>
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
  // The ids of all entries where there is no list, which the caller may change; else null.
  [[nodiscard]] std::uint32_t* resident() const { return resident_; }
  [[nodiscard]] bool is_here(std::uint32_t i) const { return !list_ || neurons_.has(list_->id(i)); }
  [[nodiscard]] bool needs(std::uint32_t i, std::uint32_t token) const {
    return !list_ || list_->needs(i, token);
  }

  // body(token - first) for those of n tokens from `first` on that need entry i.
  template <typename Body>
  void for_tokens(std::uint32_t i, std::uint32_t first, std::uint32_t n, const Body& body) const {
    for (std::uint32_t t = 0; t < n;) {
      const std::uint32_t bit = (first + t) % 64, some = std::min(n - t, 64 - bit);
      std::uint64_t left = ~std::uint64_t{0} >> (64 - some);
      if (list_) left &= list_->mask(i)[(first + t) / 64] >> bit;
      for (; left != 0; left &= left - 1)
        body(t + static_cast<std::uint32_t>(std::countr_zero(left)));
      t += some;
    }
  }

 private:
  const sdk::HostNeurons& neurons_;
  std::optional<sdk::ActiveList> list_;
  std::uint32_t* resident_ = nullptr;
  std::uint32_t n_resident_ = 0;
};

}  // namespace synfire::cpu
