#include "tools/bench_run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "tools/decode_watch.hpp"
#include "tools/event_queue.hpp"

namespace synfire::cli {
namespace {

// Another prompt for each of a batch: sequences that say the same would share their neurons.
GenerateRequest random_request(const Engine& engine, std::uint32_t index, std::uint32_t prompt,
                               std::uint32_t generate) {
  GenerateRequest request;
  request.prompt.resize(prompt);
  std::uint32_t state = 1 + 2654435761U * index;
  for (std::int32_t& token : request.prompt) {
    state = state * 1664525U + 1013904223U;
    token = static_cast<std::int32_t>((state >> 8) % engine.model().n_vocab);
  }
  request.max_tokens = generate;
  request.ignore_eos = true;
  return request;
}

Result<TimePoint> wait_for_end(EventQueue& events) {
  while (true) {
    const EventQueue::Event event = events.take();
    const auto* const finish = std::get_if<FinishEvent>(&event.what);
    if (finish == nullptr) continue;
    if (!finish->status.ok()) return finish->status;
    return event.at;
  }
}

// Until every request has read its prompt of that length.
Result<double> prompt_seconds(Engine& engine, std::uint32_t batch, std::uint32_t tokens) {
  if (tokens == 0) return 0.0;
  const TimePoint begin = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<EventQueue>> open;
  for (std::uint32_t i = 0; i < batch; ++i) {
    open.push_back(std::make_shared<EventQueue>());
    SYNFIRE_RETURN_IF_ERROR(engine.submit(random_request(engine, i, tokens, 1), open.back()));
  }
  TimePoint end = begin;
  for (const auto& events : open) {
    SYNFIRE_ASSIGN_OR_RETURN(const TimePoint ended, wait_for_end(*events));
    end = std::max(end, ended);
  }
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Result<double> measure_prefill(Engine& engine, const BenchShape& shape) {
  SYNFIRE_ASSIGN_OR_RETURN(const double before, prompt_seconds(engine, shape.batch, shape.depth));
  SYNFIRE_ASSIGN_OR_RETURN(const double all,
                           prompt_seconds(engine, shape.batch, shape.depth + shape.prompt));
  return shape.batch * static_cast<double>(shape.prompt) / std::max(all - before, 1e-9);
}

Result<DecodeSample> measure_decode(Engine& engine, const BenchShape& shape) {
  const std::uint32_t prompt = std::max(shape.depth, 1U);
  // Those that begin first go on until the last one is done.
  const std::uint32_t most = shape.batch == 1 ? shape.decode + 1 : engine.model().context - prompt;
  const auto watch = std::make_shared<DecodeWatch>(engine, shape);
  std::vector<RequestId> open;
  Status refused;
  for (std::uint32_t i = 0; i < shape.batch && refused.ok(); ++i) {
    const auto id = engine.submit(random_request(engine, i, prompt, most), watch->sink(i));
    if (id.ok())
      open.push_back(*id);
    else
      refused = id.status();
  }
  if (refused.ok()) watch->wait_for_sample();
  for (const RequestId id : open) engine.cancel(id);
  watch->wait_for_ends(static_cast<std::uint32_t>(open.size()));
  if (!refused.ok()) return refused;
  return watch->sample();
}

}  // namespace synfire::cli
