#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "core/config/plan_file.hpp"
#include "core/engine/engine.hpp"
#include "tools/bench_run.hpp"
#include "tools/memory_probe.hpp"
#include "tools/token_bytes.hpp"

namespace synfire::cli {

// One round: what was asked for of prefill and decode, and the probes around the decode.
struct BenchRound {
  std::optional<double> prefill;  // tokens/s of all requests
  std::optional<DecodeSample> decode;
  MemoryProbe::Reading before, after;  // of the decode
  double others = 0;                   // share of the processors' time, during both

  // What memory gave at the time: a probe can only be disturbed downwards.
  [[nodiscard]] double bandwidth() const { return std::max(before.bandwidth, after.bandwidth); }
};

// What a bench measured, and what follows from it.
class BenchReport {
 public:
  BenchReport(const Engine& engine, const BenchShape& shape, const TokenBytes& dense,
              const MemoryProbe& probe, double load_seconds, double hand_off_seconds);

  // What the plan in use promised.
  void set_expected(const std::optional<PlanFile::Expected>& expected) { expected_ = expected; }
  void add(BenchRound round) { rounds_.push_back(std::move(round)); }

  // Bytes of a step, by part; the FFN's as the devices counted them in that round.
  [[nodiscard]] TokenBytes bytes_of(const BenchRound& round) const;

  [[nodiscard]] boost::json::object round_json(const BenchRound& round) const;
  [[nodiscard]] boost::json::object json() const;
  [[nodiscard]] std::string text() const;

 private:
  using Value = double (BenchReport::*)(const BenchRound&) const;

  // Of one round's decode.
  [[nodiscard]] double bandwidth_of(const BenchRound& round) const;  // moved, bytes/s
  [[nodiscard]] double share_of(const BenchRound& round) const;      // of the bound
  [[nodiscard]] double step_seconds(const BenchRound& round) const;
  [[nodiscard]] double overhead_seconds(const BenchRound& round) const;  // no device computes
  [[nodiscard]] double wait_seconds(const BenchRound& round) const;      // the busiest, for others
  [[nodiscard]] double others() const;                                   // the mean over the rounds

  [[nodiscard]] std::vector<double> prefill_rates() const;
  [[nodiscard]] std::vector<double> decode_rates() const;
  [[nodiscard]] std::vector<double> values(Value value) const;  // of rounds with a decode
  [[nodiscard]] std::optional<double> active_share() const;
  [[nodiscard]] TokenBytes median_bytes() const;
  [[nodiscard]] double counted_bytes() const;

  [[nodiscard]] std::string decode_text() const;
  [[nodiscard]] std::string expected_text() const;
  [[nodiscard]] std::string machine_text() const;

  ModelInfo model_;
  std::vector<DeviceStatus> devices_;
  PlacementInfo placement_;
  BenchShape shape_;
  TokenBytes dense_;
  std::size_t probe_bytes_, probe_wanted_bytes_;
  double load_seconds_, hand_off_seconds_;
  std::optional<PlanFile::Expected> expected_;
  std::vector<BenchRound> rounds_;
};

}  // namespace synfire::cli
