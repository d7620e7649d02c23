#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace synfire {

// Rows of weights as one sign each and one scale per row.
struct SignRows {
  std::vector<std::uint8_t> negative;  // [rows, cols]: 1 or 0
  std::vector<float> scale;            // [rows], at least 0
};

// Signs [rows, cols] as SF_OP_SIGN_LINEAR reads them: [rows, ceil(cols / 8)].
[[nodiscard]] std::vector<std::byte> pack_signs(std::span<const std::uint8_t> negative,
                                                std::size_t cols);

// Signs s and scales c such that c s x is near w x, row by row, for inputs x of that covariance
// [cols, cols] (in full): a local minimum of (w - c s)^T C (w - c s), found from the weights' own
// signs by turning one after the other while that helps. Inputs that move together let one sign
// make good another's error, so many differ from the weights'. Takes all cores; rows are
// independent, so their number does not matter.
[[nodiscard]] SignRows fit_signs(std::span<const float> w, std::size_t cols,
                                 std::span<const float> covariance);

}  // namespace synfire
