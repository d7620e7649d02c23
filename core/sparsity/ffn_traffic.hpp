#pragma once

namespace synfire {

// Bytes of a layer's FFN, each kind of row over all neurons.
struct FfnBytes {
  double predictor = 0;  // that finding the active neurons reads
  double gate = 0;       // 0: up rows decide
  double up = 0, down = 0;
  double down_apart = 0;  // of down in the form that single neurons are read from
};

// Shares of a layer's neurons, per token.
struct FfnShares {
  double asked = 1;   // whose deciding row is read: all, or those that are predicted
  double active = 1;  // whose other rows are read
};

// A row on its own costs the memory this many times what it costs in a stream of all rows: latency
// and unused prefetches (tests/bench/NOTES.md, "Rows in memory").
inline constexpr double kCostOfRowsApart = 1.3;

// Whether reading all rows is no slower than finding and reading the active ones. All deciding rows
// are a stream.
inline bool dense_pays(const FfnBytes& bytes, const FfnShares& shares) {
  const double deciding = bytes.gate > 0 ? bytes.gate : bytes.up;
  const double up = bytes.gate > 0 ? bytes.up : 0;
  const double asked = shares.asked >= 1 ? deciding : kCostOfRowsApart * shares.asked * deciding;
  return bytes.predictor + asked + kCostOfRowsApart * shares.active * (up + bytes.down_apart) >=
         deciding + up + bytes.down;
}

}  // namespace synfire
