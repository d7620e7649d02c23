#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// What a layer's FFN makes of the residual stream up to the point where it is decided which neurons
// fire: the norm, and the rows of gate (of up where there is no gate) with their bias. In floats,
// whatever the dtypes. Any thread.
class FfnGates {
 public:
  // An error where the FFN's input is no norm of the residual stream.
  [[nodiscard]] static Result<FfnGates> make(const Program& program, const GgufFile& file,
                                             std::uint32_t layer);

  [[nodiscard]] std::size_t d_model() const { return norm_.weight.size(); }
  [[nodiscard]] std::size_t n_neurons() const { return bias_.size(); }
  [[nodiscard]] std::uint64_t row_bytes() const { return row_bytes_; }  // of a neuron, in the file
  // Of the residual stream [n, d_model]: [n, n_neurons].
  [[nodiscard]] std::vector<float> of(std::span<const float> residual) const;
  // Its norm alone: what the FFN is given.
  [[nodiscard]] std::vector<float> normalized(std::span<const float> residual) const;

 private:
  struct Norm {
    bool centered = false;  // LayerNorm, not RMSNorm
    float eps = 0;
    std::vector<float> weight, bias;  // bias may be empty
  };

  FfnGates() = default;
  void normalize(std::span<float> row) const;

  Norm norm_;
  std::vector<float> rows_;  // [n_neurons, d_model]
  std::vector<float> bias_;  // [n_neurons]
  std::uint64_t row_bytes_ = 0;
};

}  // namespace synfire
