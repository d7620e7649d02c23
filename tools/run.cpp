#include <string>
#include <vector>

#include <unistd.h>

#include "core/model/tokenizer/tokenizer.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/generation.hpp"
#include "tools/json.hpp"
#include "tools/line_reader.hpp"
#include "tools/output.hpp"
#include "tools/stop_signals.hpp"
#include "tools/token_output.hpp"

namespace synfire::cli {
namespace {

// The tokens so far, of the user and of the model, and what adds to them.
class Conversation {
 public:
  Conversation(Engine& engine, const Tokenizer& tokenizer, const OptionValues& values,
               const StopSignals& signals)
      : engine_(engine),
        tokenizer_(tokenizer),
        signals_(signals),
        request_(request_from_options(values)),
        special_(values.get<bool>("special")),
        json_(values.get<bool>("json")) {}

  // The model's answer goes to stdout; true when it came to its own end.
  Result<bool> turn(std::string_view text) {
    EncodeOptions options;
    options.parse_special = special_;
    if (!tokens_.empty()) options.add_bos = false;
    options.add_eos = false;
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> ids, tokenizer_.encode(text, options));
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    return answer();
  }

 private:
  Result<bool> answer() {
    GenerateRequest request = request_;
    request.prompt = tokens_;
    TokenOutput output(json_);
    SYNFIRE_ASSIGN_OR_RETURN(const FinishEvent finish,
                             generate_in_process(engine_, std::move(request), signals_.token(),
                                                 [&](const TokenEvent& token) {
                                                   tokens_.push_back(token.id);
                                                   output.token(token);
                                                 }));
    output.finish(finish);
    describe_timings(finish);
    return finish.reason != FinishReason::cancelled;
  }

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const StopSignals& signals_;
  GenerateRequest request_;
  bool special_;
  bool json_;
  std::vector<std::int32_t> tokens_;
};

// Turns from stdin until it ends or a signal comes.
Status converse(Conversation& conversation, const StopSignals& signals) {
  LineReader lines(STDIN_FILENO, signals.stopped_fd());
  while (true) {
    if (err_is_terminal()) write_err("> ");
    const std::optional<std::string> line = lines.next();
    if (!line) return {};
    if (line->empty()) continue;
    SYNFIRE_ASSIGN_OR_RETURN(const bool ended, conversation.turn(*line));
    if (!ended) return {};
  }
}

}  // namespace

Status check_run(const OptionValues& values) {
  SYNFIRE_RETURN_IF_ERROR(check_engine_options(values));
  if (!values.is_set("prompt") && !values.get<bool>("interactive")) {
    return invalid_argument("--prompt: missing, want a text, or --interactive");
  }
  return {};
}

Result<int> run(const OptionValues& values) {
  const StopSignals signals;
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(values));
  if (engine->tokenizer() == nullptr) {
    return error(StatusCode::failed_precondition, "{}: no tokenizer in the file, so no text",
                 engine->model().path);
  }
  describe_engine(*engine);
  Conversation conversation(*engine, *engine->tokenizer(), values, signals);
  if (values.is_set("prompt") && signals.signal() == 0) {
    SYNFIRE_RETURN_IF_ERROR(conversation.turn(values.get<std::string>("prompt")));
  }
  if (values.get<bool>("interactive")) SYNFIRE_RETURN_IF_ERROR(converse(conversation, signals));
  return signals.signal() == 0 ? kExitOk : kExitSignal + signals.signal();
}

}  // namespace synfire::cli
