#include "core/model/synth/random_rows.hpp"

#include <cstring>

#include "core/model/synth/design.hpp"

namespace synfire::synth {

RandomRows::RandomRows(const BlockPool& pool, CounterRandom random, std::uint32_t elements,
                       RandomRowsOptions options)
    : pool_(pool), random_(random), chunks_(elements / pool.chunk()), options_(options) {}

void RandomRows::write(std::uint64_t row, std::byte* out) const {
  const std::size_t bytes = pool_.chunk_bytes();
  if (options_.skips_constant && row < kConstantDims) {
    // A zero scale makes zeros in every dtype.
    std::memset(out, 0, bytes * chunks_);
    return;
  }
  const CounterRandom places = random_.part(row);
  for (std::uint32_t c = 0; c < chunks_; ++c, out += bytes) {
    if (c == 0 && options_.head)
      pool_.write_head(places.bits(c), *options_.head, out);
    else
      std::memcpy(out, pool_.at(places.bits(c)), bytes);
  }
}

}  // namespace synfire::synth
