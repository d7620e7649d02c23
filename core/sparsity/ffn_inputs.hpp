#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/sparsity/row_sample.hpp"

namespace synfire {

// What predictors of one layer are fitted to: the second moments of its FFN's inputs, and bounded
// samples of them to calibrate on and to measure on. Memory does not grow with the inputs.
struct FfnInputs {
  static constexpr std::size_t kCalibrationRows = 2048, kHeldOutRows = 1024;

  explicit FfnInputs(std::size_t d_model)
      : moments(d_model * d_model),
        calibration(d_model, kCalibrationRows),
        held_out(d_model, kHeldOutRows) {}

  std::vector<float> moments;  // lower triangle of the sum of x x^T, [d_model, d_model]
  std::uint64_t n_rows = 0;    // that the moments are of
  RowSample calibration;       // of those rows
  RowSample held_out;          // of others
};

}  // namespace synfire
