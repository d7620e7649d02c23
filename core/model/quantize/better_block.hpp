#pragma once

#include <cstddef>
#include <cstring>

#include "plugins/sdk/dtype.hpp"

namespace synfire::quantize {

// Sum of squared errors of a block of Codec, of kElements.
template <typename Codec, std::size_t kElements>
double block_error(const std::byte* block, const float* values) {
  float decoded[kElements];
  Codec::decode(block, decoded);
  double sum = 0;
  for (std::size_t i = 0; i < kElements; ++i) {
    const double miss = static_cast<double>(values[i]) - static_cast<double>(decoded[i]);
    sum += miss * miss;
  }
  return sum;
}

// Encodes with the scales that a search found, or as the plain codec does where that is nearer: a
// search over a grid of scales may miss what a simple rule hits.
template <typename Codec, std::size_t kElements, std::size_t kBytes>
void encode_better(const typename Codec::Scales& searched, const float* values, std::byte* block) {
  std::byte other[kBytes];
  Codec::encode_with(searched, values, block);
  Codec::encode(values, other);
  if (block_error<Codec, kElements>(other, values) < block_error<Codec, kElements>(block, values))
    std::memcpy(block, other, kBytes);
}

}  // namespace synfire::quantize
