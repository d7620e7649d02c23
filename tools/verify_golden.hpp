#pragma once

#include <vector>

#include "core/engine/engine.hpp"
#include "core/model/golden.hpp"
#include "tools/verify_check.hpp"

namespace synfire::cli {

// Compares a model with its golden, part by part:
//   tokens     the tokenizer gives the ids of each prompt's text
//   logits     of every position of every prompt
//   greedy     the best token after each prefix of the golden's continuation is the golden's next
//              one: every step is compared, whatever the steps before it gave
//   generated  real generation, step by step with the KV cache, until it leaves the golden's path
//   text       mean NLL of tokens 1..W-1 of the golden's windows
// A step whose best two logits are nearer than gap_limit() may give another token; real generation
// of that prompt is then compared no further.
// A part that the golden lacks is reported as not checked. Progress goes to stderr.
[[nodiscard]] Result<std::vector<Check>> compare_with_golden(Engine& engine, const Golden& golden,
                                                             const Tolerance& tolerance,
                                                             bool prompts_only);

// Twice what a logit may differ by, and at least 0.04.
[[nodiscard]] double gap_limit(const Tolerance& tolerance);

}  // namespace synfire::cli
