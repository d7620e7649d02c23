#pragma once

#include <cstdint>
#include <span>

namespace synfire {

// Takes what a tap sees of every layer: for each step's tokens, layer after layer, rows [tokens,
// d_model]. The rows are borrowed for the call.
class TapSink {
 public:
  virtual ~TapSink() = default;
  virtual void on_rows(std::uint32_t layer, std::span<const float> rows) = 0;
};

}  // namespace synfire
