#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace synfire {

// How often the neurons of a layer fired, and how that moved over time, counted over all tokens.
struct ActivityStats {
  // Distances in tokens over which activity is compared.
  static constexpr std::array<std::uint32_t, 7> kLags{1, 2, 4, 8, 16, 32, 64};
  // Sums over tokens that have one `lag` before them in the same sequence.
  struct Overlap {
    std::uint64_t fired = 0;  // neurons that fired
    std::uint64_t again = 0;  // of these, those that had fired `lag` tokens before

    [[nodiscard]] double share() const {
      return fired == 0 ? 0 : static_cast<double>(again) / static_cast<double>(fired);
    }
    bool operator==(const Overlap&) const = default;
  };

  explicit ActivityStats(std::uint32_t d_ff = 0) : counts(d_ff) {}

  std::vector<std::uint64_t> counts;  // [d_ff], tokens for which the neuron fired
  std::array<Overlap, kLags.size()> overlaps{};
  // Over runs of 64 successive tokens: how many runs, and sums of the neurons that fired in a run
  // at all, and in it once only (which a cache of neurons should leave where they are).
  std::uint64_t runs = 0, fired_in_run = 0, once_in_run = 0;

  bool operator==(const ActivityStats&) const = default;
};

}  // namespace synfire
