#pragma once

#include <optional>

#include "core/model/synth/block_pool.hpp"
#include "core/model/synth/counter_random.hpp"
#include "core/model/synth/row_source.hpp"

namespace synfire::synth {

// Where a matrix of random rows meets the residual stream's constant dimensions.
struct RandomRowsOptions {
  std::optional<float> head = {};  // value of the first kConstantDims elements of each row
  bool skips_constant = false;     // rows of constant dimensions are zero
};

// Rows of independent random elements. The pool outlives it.
class RandomRows final : public RowSource {
 public:
  RandomRows(const BlockPool& pool, CounterRandom random, std::uint32_t elements,
             RandomRowsOptions options = {});

  void write(std::uint64_t row, std::byte* out) const override;

 private:
  const BlockPool& pool_;
  CounterRandom random_;
  std::uint32_t chunks_;
  RandomRowsOptions options_;
};

}  // namespace synfire::synth
