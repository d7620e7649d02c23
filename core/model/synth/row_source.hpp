#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire::synth {

// The rows of a tensor, made when they are asked for: the same bytes in any order, on any thread.
class RowSource {
 public:
  virtual ~RowSource() = default;

  // Writes row `row`, of the tensor's dtype and width.
  virtual void write(std::uint64_t row, std::byte* out) const = 0;
};

}  // namespace synfire::synth
