#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

// Single measurements of an engine. Prompts are random tokens, others for each request of a
// batch, the same every time.
namespace synfire::cli {

struct BenchShape {
  std::uint32_t prompt = 0;  // tokens to prefill
  std::uint32_t decode = 0;  // steps to decode
  std::uint32_t batch = 1;   // requests at once
  std::uint32_t depth = 0;   // tokens in the KV cache before either

  // In the KV cache of a sequence in the middle of the decoded stretch.
  [[nodiscard]] double mean_positions() const { return (depth == 0 ? 1 : depth) + decode / 2.0; }
};

// Some steps in which all requests decoded, from the end of one to the end of another.
struct DecodeSample {
  double seconds = 0;
  std::uint64_t steps = 0;
  std::uint64_t tokens = 0;
  double compute_seconds = 0;               // while at least one device had a stage under way
  double busy_seconds = 0;                  // in stages, of the device that was busy longest
  std::vector<double> device_seconds = {};  // the same of each device
  DeviceCounts counts = {};                 // of all devices

  [[nodiscard]] double rate() const { return static_cast<double>(tokens) / seconds; }
  [[nodiscard]] double per_step(double amount) const { return amount / static_cast<double>(steps); }
};

// Tokens per second of all requests together. With a depth, the time of a prompt of that length is
// taken off.
[[nodiscard]] Result<double> measure_prefill(Engine& engine, const BenchShape& shape);
// From when each request has its first token until the last one to start has `shape.decode` more.
[[nodiscard]] Result<DecodeSample> measure_decode(Engine& engine, const BenchShape& shape);

}  // namespace synfire::cli
