#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "tools/bench_run.hpp"

namespace synfire::cli {

// Sees the tokens of several requests come, and takes the time and the devices' counts in between:
// first when all have begun, then when the last one to begin has `decode` more tokens.
//
// Sinks call it on the engine's thread, where nothing else happens meanwhile; one other thread
// waits. Outlived by the engine.
class DecodeWatch : public std::enable_shared_from_this<DecodeWatch> {
 public:
  DecodeWatch(const Engine& engine, const BenchShape& shape);

  [[nodiscard]] std::shared_ptr<RequestSink> sink(std::uint32_t request);
  // Until there is a sample, or no request is left that could make one.
  void wait_for_sample();
  // Until `requests` requests ended.
  void wait_for_ends(std::uint32_t requests);
  [[nodiscard]] Result<DecodeSample> sample() const;

 private:
  class Sink;
  struct Mark {
    TimePoint at;
    std::uint64_t steps = 0;
    Duration compute{};                    // while a device computed
    std::uint64_t busy_ns = 0;             // of the busiest device
    std::vector<std::uint64_t> device_ns;  // of each
    DeviceCounts counts;
  };

  void on_token(std::uint32_t request);
  void on_finish(const FinishEvent& finish);
  [[nodiscard]] Mark mark() const;

  const Engine& engine_;
  const std::uint32_t decode_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<std::uint64_t>> steps_;  // by request and token: the step it came in
  std::uint32_t begun_ = 0, ended_ = 0;
  std::uint32_t last_ = 0;  // to begin
  std::optional<Mark> from_, to_;
  Status failure_;
};

}  // namespace synfire::cli
