#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plugins/sdk/ops.h"

namespace synfire::cpu {

// Cosines and sines of a batch's positions. All layers of a step ask for the same ones, so the last
// answer is kept. Used by the device's thread alone.
class RopeTable {
 public:
  // Makes the table of these positions (nothing to do if it is there). `factors` as in
  // sf_rope_params, empty for none.
  void prepare(const sf_rope_params& rope, std::span<const float> factors,
               std::span<const std::uint32_t> positions);

  // [n_rot / 2] of token t of the positions.
  [[nodiscard]] const float* cosines(std::size_t t) const { return cosines_.data() + t * pairs_; }
  [[nodiscard]] const float* sines(std::size_t t) const { return sines_.data() + t * pairs_; }

 private:
  [[nodiscard]] bool is_for(const sf_rope_params& rope, std::span<const float> factors,
                            std::span<const std::uint32_t> positions) const;
  void fill();

  sf_rope_params rope_{};
  std::vector<float> factors_;
  std::vector<std::uint32_t> positions_;
  std::size_t pairs_ = 0;
  std::vector<float> cosines_, sines_;  // [positions, pairs]
};

}  // namespace synfire::cpu
