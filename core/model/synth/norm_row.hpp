#pragma once

#include <cstring>

#include "core/model/synth/design.hpp"
#include "core/model/synth/row_source.hpp"

namespace synfire::synth {

// The weights of a norm, F32: ones; `head` in the constant dimensions.
class NormRow final : public RowSource {
 public:
  NormRow(std::uint32_t d_model, float head) : d_model_(d_model), head_(head) {}

  void write(std::uint64_t, std::byte* out) const override {
    for (std::uint32_t i = 0; i < d_model_; ++i) {
      const float value = i < kConstantDims ? head_ : 1.0F;
      std::memcpy(out + i * sizeof value, &value, sizeof value);
    }
  }

 private:
  std::uint32_t d_model_;
  float head_;
};

}  // namespace synfire::synth
