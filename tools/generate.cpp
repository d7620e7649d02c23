#include <string>

#include "core/serve/grpc_client.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/generation.hpp"
#include "tools/output.hpp"
#include "tools/stop_signals.hpp"
#include "tools/token_output.hpp"

namespace synfire::cli {
namespace {

constexpr Duration kConnectLimit = std::chrono::seconds(5);

// What came with no token of its own (held back until the end) is for the last record of --json.
class Shown {
 public:
  explicit Shown(bool json) : json_(json), output_(json) {}

  void chunk(const GrpcClient::Chunk& chunk) {
    for (const TokenEvent& token : chunk.tokens) output_.token(token);
    if (!chunk.tokens.empty()) return;
    if (json_) {
      held_ += chunk.text;
    } else {
      TokenEvent token;
      token.text = chunk.text;
      output_.token(token);
    }
  }
  void finish(FinishEvent finish) {
    finish.text += held_;
    output_.finish(finish);
  }

 private:
  bool json_;
  std::string held_;
  TokenOutput output_;
};

}  // namespace

Status check_generate(const OptionValues& values) {
  if (!values.is_set("prompt")) return invalid_argument("--prompt: missing, want a text");
  return {};
}

Result<int> generate(const OptionValues& values) {
  const StopSignals signals;
  const auto stopped = [&signals] { return kExitSignal + signals.signal(); };
  const Result<std::unique_ptr<GrpcClient>> client =
      GrpcClient::connect(values.get<Endpoint>("server"), kConnectLimit, signals.token());
  if (!client.ok() && signals.signal() != 0) return stopped();
  SYNFIRE_RETURN_IF_ERROR(client);

  const GrpcClient::Prompt prompt{values.get<std::string>("prompt"), values.get<bool>("special")};
  Shown shown(values.get<bool>("json"));
  Result<FinishEvent> finish =
      (*client)->generate(prompt, request_from_options(values),
                          [&shown](const GrpcClient::Chunk& chunk) { shown.chunk(chunk); },
                          {.deadline = {}, .stop = signals.token()});
  if (!finish.ok() && signals.signal() != 0) {
    FinishEvent cancelled;
    cancelled.reason = FinishReason::cancelled;
    shown.finish(std::move(cancelled));
    return stopped();
  }
  SYNFIRE_RETURN_IF_ERROR(finish);
  shown.finish(*finish);
  describe_timings(*finish);
  return kExitOk;
}

}  // namespace synfire::cli
