#pragma once

namespace synfire {

// Where a concave function is largest between low and high, by golden section.
template <typename Value>
[[nodiscard]] double golden_section(double low, double high, int steps, const Value& value_at) {
  constexpr double kGolden = 0.6180339887498949;
  double x = high - kGolden * (high - low), y = low + kGolden * (high - low);
  double value_x = value_at(x), value_y = value_at(y);
  for (int step = 0; step < steps; ++step) {
    if (value_x >= value_y) {
      high = y, y = x, value_y = value_x;
      x = high - kGolden * (high - low), value_x = value_at(x);
    } else {
      low = x, x = y, value_x = value_y;
      y = low + kGolden * (high - low), value_y = value_at(y);
    }
  }
  return (low + high) / 2;
}

}  // namespace synfire
