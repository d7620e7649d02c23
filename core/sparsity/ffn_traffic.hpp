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

// How many rows of each kind there are, and how a dense run finds up and down.
struct FfnRows {
  double neurons = 0;
  bool in_pairs = false;  // up and down neuron by neuron; else each is one stream
  bool in_cache = false;  // no memory is waited for: kCostOfRowsApart is all
};

// What reading a row costs the memory beyond its bytes, in bytes: latency, unused prefetches, the
// turn to the next one (tests/bench/NOTES.md, "Thresholds"). Rows apart follow others of an active
// list; rows in pairs are all read, but up and down take turns.
inline constexpr double kCostOfRowApart = 350;
inline constexpr double kCostOfRowInPairs = 250;

// The same as a factor, for rows of about 1 KiB: for whoever does not know their length.
inline constexpr double kCostOfRowsApart = 1.3;

// Whether reading all rows is no slower than finding and reading the active ones. All deciding rows
// are a stream.
inline bool dense_pays(const FfnBytes& bytes, const FfnShares& shares, const FfnRows& rows) {
  const bool gated = bytes.gate > 0;
  const double deciding = gated ? bytes.gate : bytes.up;
  const double up = gated ? bytes.up : 0;
  const double others = (gated ? 2 : 1) * rows.neurons;  // rows
  const auto apart = [&](double row_bytes, double n) {
    return rows.in_cache ? kCostOfRowsApart * row_bytes : row_bytes + kCostOfRowApart * n;
  };
  const double asked = shares.asked >= 1 ? deciding : shares.asked * apart(deciding, rows.neurons);
  const double active = shares.active * apart(up + bytes.down_apart, others);
  const double turns = rows.in_pairs && !rows.in_cache ? kCostOfRowInPairs * others : 0;
  return bytes.predictor + asked + active >= deciding + up + bytes.down + turns;
}

}  // namespace synfire
