#include "tools/bench_run.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "tools/event_queue.hpp"

namespace synfire::cli {
namespace {

// When a request was sent, and when its tokens came.
struct Timeline {
  TimePoint sent;
  TimePoint ended;
  std::vector<TimePoint> tokens;
};

std::vector<std::int32_t> random_tokens(std::uint32_t n, std::uint32_t n_vocab) {
  std::vector<std::int32_t> tokens(n);
  std::uint32_t state = 1;
  for (std::int32_t& token : tokens) {
    state = state * 1664525U + 1013904223U;
    token = static_cast<std::int32_t>((state >> 8) % n_vocab);
  }
  return tokens;
}

Result<Timeline> wait_for(EventQueue& events, TimePoint sent) {
  Timeline timeline{.sent = sent, .ended = {}, .tokens = {}};
  while (true) {
    const EventQueue::Event event = events.take();
    const auto* const finish = std::get_if<FinishEvent>(&event.what);
    if (finish == nullptr) {
      timeline.tokens.push_back(event.at);
      continue;
    }
    if (!finish->status.ok()) return finish->status;
    timeline.ended = event.at;
    return timeline;
  }
}

Result<std::vector<Timeline>> run_requests(Engine& engine, std::uint32_t batch,
                                           std::uint32_t prompt, std::uint32_t generate) {
  std::vector<std::pair<std::shared_ptr<EventQueue>, TimePoint>> open;
  for (std::uint32_t i = 0; i < batch; ++i) {
    GenerateRequest request;
    request.prompt = random_tokens(prompt, engine.model().n_vocab);
    request.max_tokens = generate;
    request.ignore_eos = true;
    open.emplace_back(std::make_shared<EventQueue>(), std::chrono::steady_clock::now());
    SYNFIRE_RETURN_IF_ERROR(engine.submit(std::move(request), open.back().first));
  }
  std::vector<Timeline> timelines;
  for (const auto& [events, sent] : open) {
    SYNFIRE_ASSIGN_OR_RETURN(Timeline timeline, wait_for(*events, sent));
    timelines.push_back(std::move(timeline));
  }
  return timelines;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Until every request has read its prompt of that length.
Result<double> prompt_seconds(Engine& engine, std::uint32_t batch, std::uint32_t tokens) {
  if (tokens == 0) return 0.0;
  SYNFIRE_ASSIGN_OR_RETURN(const auto timelines, run_requests(engine, batch, tokens, 1));
  TimePoint last{};
  for (const Timeline& timeline : timelines) last = std::max(last, timeline.ended);
  return seconds(last - timelines.front().sent);
}

}  // namespace

Result<double> measure_prefill(Engine& engine, const BenchShape& shape) {
  SYNFIRE_ASSIGN_OR_RETURN(const double before, prompt_seconds(engine, shape.batch, shape.depth));
  SYNFIRE_ASSIGN_OR_RETURN(const double all,
                           prompt_seconds(engine, shape.batch, shape.depth + shape.prompt));
  return shape.batch * static_cast<double>(shape.prompt) / std::max(all - before, 1e-9);
}

Result<double> measure_decode(Engine& engine, const BenchShape& shape) {
  SYNFIRE_ASSIGN_OR_RETURN(
      const auto timelines,
      run_requests(engine, shape.batch, std::max(shape.depth, 1U), shape.decode + 1));
  TimePoint from{}, to{};
  for (const Timeline& timeline : timelines) {
    if (timeline.tokens.size() != shape.decode + 1) {
      return error(StatusCode::internal, "{} tokens came, want {}", timeline.tokens.size(),
                   shape.decode + 1);
    }
    from = std::max(from, timeline.tokens.front());
    to = std::max(to, timeline.tokens.back());
  }
  std::size_t tokens = 0;
  for (const Timeline& timeline : timelines) {
    tokens += static_cast<std::size_t>(std::count_if(timeline.tokens.begin(), timeline.tokens.end(),
                                                     [from](TimePoint at) { return at > from; }));
  }
  return static_cast<double>(tokens) / std::max(seconds(to - from), 1e-9);
}

}  // namespace synfire::cli
