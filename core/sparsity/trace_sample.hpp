#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/sparsity/activation_profile.hpp"

namespace synfire {

// Which neurons of a layer fired, for a bounded sample of runs of successive tokens: a uniform
// sample of all runs that were ever added (reservoir sampling). Which runs it keeps depends on
// their number alone, so layers that saw the same tokens keep the same ones.
class TraceSample {
 public:
  static constexpr std::uint32_t kRunTokens = 64;  // at most, of a run
  static constexpr std::size_t kMaxRuns = 64;

  explicit TraceSample(std::uint32_t d_ff) : d_ff_(d_ff) {}
  // One that saw `seen` runs and kept these, [lengths.size(), d_ff].
  TraceSample(std::uint32_t d_ff, std::vector<std::uint64_t> bits,
              std::vector<std::uint32_t> lengths, std::uint64_t seen)
      : d_ff_(d_ff), seen_(seen), lengths_(std::move(lengths)), bits_(std::move(bits)) {}

  // Bit t of fired[neuron]: it fired for token t of the run, which has n_tokens.
  void add(std::span<const std::uint64_t> fired, std::uint32_t n_tokens);

  [[nodiscard]] std::uint32_t d_ff() const { return d_ff_; }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }                         // runs
  [[nodiscard]] std::span<const std::uint32_t> lengths() const { return lengths_; }  // by run
  [[nodiscard]] std::span<const std::uint64_t> bits() const { return bits_; }        // [runs, d_ff]
  [[nodiscard]] std::uint32_t n_tokens() const;

  // The runs one after another; of more than `max_tokens` tokens, so many at even distances.
  [[nodiscard]] LayerActivity activity(std::uint32_t max_tokens = UINT32_MAX) const;

  bool operator==(const TraceSample&) const = default;

 private:
  std::uint32_t d_ff_;
  std::uint64_t seen_ = 0;
  std::vector<std::uint32_t> lengths_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace synfire
