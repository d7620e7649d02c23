#include "tools/generation.hpp"

#include <memory>
#include <string>
#include <vector>

#include "core/runtime/sampling/sampling_options.hpp"
#include "tools/event_queue.hpp"
#include "tools/output.hpp"

namespace synfire::cli {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string rate(double count, double time) {
  return time > 0 ? fmt::format("{:.1f} tokens/s", count / time) : "too short to say";
}

}  // namespace

Result<FinishEvent> generate_in_process(Engine& engine, GenerateRequest request,
                                        const std::stop_token& stop,
                                        const std::function<void(const TokenEvent&)>& on_token) {
  const auto events = std::make_shared<EventQueue>();
  SYNFIRE_ASSIGN_OR_RETURN(const RequestId id, engine.submit(std::move(request), events));
  const std::stop_callback cancel(stop, [&engine, id] { engine.cancel(id); });
  while (true) {
    const EventQueue::Event event = events->take();
    if (const auto* token = std::get_if<TokenEvent>(&event.what)) {
      on_token(*token);
      continue;
    }
    const auto& finish = std::get<FinishEvent>(event.what);
    if (finish.reason == FinishReason::error) return finish.status;
    return finish;
  }
}

GenerateRequest request_from_options(const OptionValues& values) {
  GenerateRequest request;
  request.sampling = sampling_from_options(values);
  request.max_tokens = static_cast<std::uint32_t>(values.get<std::uint64_t>("n-predict"));
  request.stop = values.get<std::vector<std::string>>("stop");
  request.logprobs = values.get<bool>("json");
  return request;
}

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::cancelled: return "cancelled";
    case FinishReason::error: return "error";
  }
  return "unknown";
}

void describe_timings(const FinishEvent& finish) {
  const double prefill = seconds(finish.timings.prefill);
  const double decode = seconds(finish.timings.decode);
  const std::uint32_t prompt = finish.usage.prompt_tokens;
  const std::uint32_t completion = finish.usage.completion_tokens;
  note("prefill: {} tokens, {}; time to first token: {:.1f} ms\n", prompt, rate(prompt, prefill),
       1000 * (seconds(finish.timings.queued) + prefill));
  if (completion > 1) {
    note("decode: {} tokens, {}\n", completion, rate(completion - 1, decode));
  }
  note("finish: {}\n", to_string(finish.reason));
}

}  // namespace synfire::cli
