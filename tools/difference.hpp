#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace synfire::cli {

// The largest difference seen, and where. A NaN on either side counts as infinite.
struct WorstDifference {
  double value = 0;
  std::size_t prompt = 0, position = 0, token = 0;

  void compare(std::span<const float> got, std::span<const float> want, std::size_t in_prompt,
               std::size_t at_position) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
      if (std::isnan(difference)) difference = std::numeric_limits<double>::infinity();
      if (difference > value) *this = {difference, in_prompt, at_position, i};
    }
  }
};

}  // namespace synfire::cli
