#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/sparsity/row_sample.hpp"

namespace synfire {

// How many rows of a layer's inputs are kept at most.
struct FfnRowLimits {
  std::size_t calibration = 2048, held_out = 1024;
};

// What predictors of one layer are fitted to: the second moments of its FFN's inputs, and bounded
// samples of them to calibrate (or train) on and to measure on. Memory does not grow with the
// inputs.
struct FfnInputs {
  static constexpr std::size_t kCalibrationRows = FfnRowLimits().calibration,
                               kHeldOutRows = FfnRowLimits().held_out;  // where nothing is said

  FfnInputs(std::size_t d_model, bool with_moments, const FfnRowLimits& limits = {})
      : moments(with_moments ? d_model * d_model : 0),
        calibration(d_model, limits.calibration),
        held_out(d_model, limits.held_out) {}

  // At most, once the samples are full.
  static std::uint64_t bytes(std::uint64_t d_model, bool with_moments,
                             const FfnRowLimits& limits = {}) {
    const std::uint64_t rows = limits.calibration + limits.held_out + (with_moments ? d_model : 0);
    return rows * d_model * sizeof(float);
  }

  // Adds rows [n, d_model] to the sums.
  void add_to_sums(std::span<const float> rows) {
    for (std::size_t at = 0; at < rows.size(); at += sums.size())
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += rows[at + i];
  }

  // Lower triangle of the sum of x x^T, [d_model, d_model]; empty: not wanted.
  std::vector<float> moments;
  // The sum of x over the same rows, [d_model]; empty: not known, and so is their mean.
  std::vector<double> sums;
  std::uint64_t n_rows = 0;  // seen, without those held out
  RowSample calibration;     // of those rows
  RowSample held_out;        // of others
};

}  // namespace synfire
