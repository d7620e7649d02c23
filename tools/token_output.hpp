#pragma once

#include "core/engine/request.hpp"

namespace synfire::cli {

// Generated tokens on stdout, as they come: plain text, or with `json` one record per token (id,
// text, logprob) and one at the end (finish_reason, text that was held back, usage).
class TokenOutput {
 public:
  explicit TokenOutput(bool json) : json_(json) {}

  void token(const TokenEvent& token);
  void finish(const FinishEvent& finish);

 private:
  bool json_;
  bool line_is_open_ = false;  // text was written and did not end with a newline
};

}  // namespace synfire::cli
