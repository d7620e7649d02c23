#include "tools/token_output.hpp"

#include "tools/generation.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"

namespace synfire::cli {

void TokenOutput::token(const TokenEvent& token) {
  if (json_) {
    print_json({{"id", token.id},
                {"text", json_text(token.text)},
                {"logprob", json_number(token.logprob)}});
  } else {
    write_out(token.text);
    if (!token.text.empty()) line_is_open_ = !token.text.ends_with('\n');
  }
  flush_out();
}

void TokenOutput::finish(const FinishEvent& finish) {
  if (json_) {
    print_json({{"finish_reason", to_string(finish.reason)},
                {"text", json_text(finish.text)},
                {"prompt_tokens", finish.usage.prompt_tokens},
                {"completion_tokens", finish.usage.completion_tokens}});
  } else {
    write_out(finish.text);
    if (line_is_open_ || !finish.text.empty()) write_out("\n");
    line_is_open_ = false;
  }
  flush_out();
}

}  // namespace synfire::cli
