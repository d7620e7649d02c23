#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// Which neurons fired, as bits, 64 to a word.
namespace synfire {

[[nodiscard]] constexpr std::size_t fired_words(std::size_t d_ff) { return (d_ff + 63) / 64; }

// Bit j % 64 of words[j / 64]: gates[j] > 0. Bits past the gates are 0. NaN does not fire.
void pack_fired(std::span<const float> gates, std::uint64_t* words);

// A matrix of bits, bit c of rows[r], to bit r of rows[c].
void transpose_bits(std::uint64_t (&rows)[64]);

// How many bits are set in both.
[[nodiscard]] std::uint64_t count_common(std::span<const std::uint64_t> a,
                                         std::span<const std::uint64_t> b);

// Neurons that fired in a run of tokens, and those that fired in it once only.
struct RunFirings {
  std::uint64_t fired = 0, once = 0;
};
// Adds to counts[j] how many bits run[j] has.
RunFirings count_run(std::span<const std::uint64_t> run, std::span<std::uint64_t> counts);

// Adds to counts[j] how many bits run[j] has in common with `bits`.
void count_together(std::uint64_t bits, std::span<const std::uint64_t> run,
                    std::span<std::uint64_t> counts);

}  // namespace synfire
