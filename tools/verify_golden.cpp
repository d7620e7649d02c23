#include "tools/verify_golden.hpp"

#include <algorithm>
#include <string>

#include "core/model/tokenizer/tokenizer.hpp"
#include "core/runtime/sampling/logprobs.hpp"
#include "tools/difference.hpp"
#include "tools/generation.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

constexpr double kLeastGap = 0.04;

using Outcome = Check::Outcome;

Outcome outcome_of(bool passed) { return passed ? Outcome::pass : Outcome::fail; }

// Steps of greedy decoding against the golden's.
struct Steps {
  std::size_t compared = 0;
  std::size_t different = 0;  // at a small gap, which is allowed
  std::size_t wrong = 0;      // at a gap that decides
  std::string first_wrong;

  // True when the step gave the golden's token.
  bool step(const GoldenPrompt& prompt, std::size_t prompt_index, std::size_t step,
            std::int32_t got, double limit) {
    ++compared;
    if (got == prompt.greedy[step]) return true;
    const bool small = !prompt.greedy_gap.empty() && prompt.greedy_gap[step] <= limit;
    ++(small ? different : wrong);
    if (!small && first_wrong.empty()) {
      first_wrong = fmt::format("prompt {}, step {}: token {}, want {}", prompt_index, step, got,
                                prompt.greedy[step]);
    }
    return false;
  }

  [[nodiscard]] Check check(std::string name, double limit) const {
    Check check{.name = std::move(name)};
    if (compared == 0) {
      check.detail = "the golden has no greedy tokens";
      return check;
    }
    check.outcome = outcome_of(wrong == 0);
    check.detail = fmt::format("{} of {} steps equal", compared - different - wrong, compared);
    if (different != 0)
      check.detail += fmt::format(", {} other at a gap <= {:g}", different, limit);
    if (wrong != 0) check.detail += "; " + first_wrong;
    return check;
  }
};

class Comparison {
 public:
  Comparison(Engine& engine, const Golden& golden, const Tolerance& tolerance)
      : engine_(engine), golden_(golden), tolerance_(tolerance), gap_(gap_limit(tolerance)) {}

  [[nodiscard]] Result<Check> tokens() const;
  // Logits and greedy in one pass: both come from the same positions.
  [[nodiscard]] Result<std::vector<Check>> logits_and_greedy() const;
  [[nodiscard]] Result<Check> generated() const;
  [[nodiscard]] Result<Check> text() const;

 private:
  [[nodiscard]] Result<bool> same_tokens(const Tokenizer& tokenizer, std::size_t i,
                                         std::string& first) const;
  [[nodiscard]] Status compare_prompt(std::size_t i, WorstDifference& worst, std::size_t& positions,
                                      Steps& steps) const;
  [[nodiscard]] Check logits_check(const WorstDifference& worst, std::size_t positions) const;
  [[nodiscard]] Status generate_prompt(std::size_t i, Steps& steps) const;
  [[nodiscard]] Result<double> window_nll(std::size_t i) const;

  Engine& engine_;
  const Golden& golden_;
  const Tolerance& tolerance_;
  double gap_;
};

Result<bool> Comparison::same_tokens(const Tokenizer& tokenizer, std::size_t i,
                                     std::string& first) const {
  const GoldenPrompt& prompt = golden_.prompts()[i];
  EncodeOptions options;
  options.add_bos = tokenizer.bos() && prompt.tokens.front() == *tokenizer.bos();
  options.add_eos = false;
  SYNFIRE_ASSIGN_OR_RETURN(const auto got, tokenizer.encode(*prompt.text, options));
  const auto [mine, theirs] =
      std::mismatch(got.begin(), got.end(), prompt.tokens.begin(), prompt.tokens.end());
  if (mine == got.end() && theirs == prompt.tokens.end()) return true;
  if (first.empty()) {
    first = fmt::format("prompt {}: {} tokens, want {}, first difference at {}", i, got.size(),
                        prompt.tokens.size(), mine - got.begin());
  }
  return false;
}

Result<Check> Comparison::tokens() const {
  Check check{.name = "tokens"};
  if (engine_.tokenizer() == nullptr) {
    check.detail = "the model file has no tokenizer";
    return check;
  }
  std::size_t compared = 0, equal = 0;
  std::string first;
  for (std::size_t i = 0; i < golden_.prompts().size(); ++i) {
    const GoldenPrompt& prompt = golden_.prompts()[i];
    if (!prompt.text || prompt.tokens.empty()) continue;
    ++compared;
    SYNFIRE_ASSIGN_OR_RETURN(const bool same, same_tokens(*engine_.tokenizer(), i, first));
    equal += same ? 1 : 0;
  }
  if (compared == 0) {
    check.detail = "the golden has no text of prompts";
    return check;
  }
  check.outcome = outcome_of(equal == compared);
  check.detail =
      fmt::format("{} of {} prompts equal{}{}", equal, compared, first.empty() ? "" : "; ", first);
  return check;
}

Status Comparison::compare_prompt(std::size_t i, WorstDifference& worst, std::size_t& positions,
                                  Steps& steps) const {
  const GoldenPrompt& prompt = golden_.prompts()[i];
  std::vector<std::int32_t> sequence(prompt.tokens.begin(), prompt.tokens.end());
  if (!prompt.greedy.empty()) {
    sequence.insert(sequence.end(), prompt.greedy.begin(), prompt.greedy.end() - 1);
  }
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<float> logits, engine_.logits(sequence));
  const std::size_t width = engine_.model().n_vocab;
  const auto row = [&](std::size_t position) {
    return std::span<const float>(logits).subspan(position * width, width);
  };
  if (prompt.logits) {
    for (std::size_t t = 0; t < prompt.logits->rows; ++t) {
      worst.compare(row(t), prompt.logits->row(t), i, t);
    }
    positions += prompt.logits->rows;
  }
  for (std::size_t step = 0; step < prompt.greedy.size(); ++step) {
    const std::span<const float> at = row(prompt.tokens.size() - 1 + step);
    const auto best = std::max_element(at.begin(), at.end()) - at.begin();
    steps.step(prompt, i, step, static_cast<std::int32_t>(best), gap_);
  }
  return {};
}

Check Comparison::logits_check(const WorstDifference& worst, std::size_t positions) const {
  Check check{.name = "logits"};
  if (positions == 0) {
    check.detail = "the golden has no logits";
    return check;
  }
  check.outcome = outcome_of(worst.value <= *tolerance_.logits);
  check.worst = worst.value;
  check.limit = tolerance_.logits;
  check.detail = fmt::format("{} positions; worst at prompt {}, position {}, token {}", positions,
                             worst.prompt, worst.position, worst.token);
  return check;
}

Result<std::vector<Check>> Comparison::logits_and_greedy() const {
  WorstDifference worst;
  std::size_t positions = 0;
  Steps steps;
  Progress progress("prompts");
  for (std::size_t i = 0; i < golden_.prompts().size(); ++i) {
    const GoldenPrompt& prompt = golden_.prompts()[i];
    progress.at(i, golden_.prompts().size());
    if (prompt.tokens.empty() || (!prompt.logits && prompt.greedy.empty())) continue;
    const Status status = compare_prompt(i, worst, positions, steps);
    if (!status.ok()) return status.with_context(fmt::format("prompt {}", i));
  }
  return std::vector<Check>{logits_check(worst, positions), steps.check("greedy", gap_)};
}

Status Comparison::generate_prompt(std::size_t i, Steps& steps) const {
  const GoldenPrompt& prompt = golden_.prompts()[i];
  GenerateRequest request;
  request.prompt.assign(prompt.tokens.begin(), prompt.tokens.end());
  request.max_tokens = static_cast<std::uint32_t>(prompt.greedy.size());
  request.ignore_eos = true;
  std::vector<std::int32_t> got;
  SYNFIRE_RETURN_IF_ERROR(
      generate_in_process(engine_, std::move(request), {},
                          [&got](const TokenEvent& token) { got.push_back(token.id); }));
  for (std::size_t step = 0; step < std::min(got.size(), prompt.greedy.size()); ++step) {
    if (!steps.step(prompt, i, step, got[step], gap_)) break;
  }
  return {};
}

Result<Check> Comparison::generated() const {
  Steps steps;
  Progress progress("generation");
  for (std::size_t i = 0; i < golden_.prompts().size(); ++i) {
    const GoldenPrompt& prompt = golden_.prompts()[i];
    progress.at(i, golden_.prompts().size());
    if (prompt.tokens.empty() || prompt.greedy.empty()) continue;
    const Status status = generate_prompt(i, steps);
    if (!status.ok()) return status.with_context(fmt::format("prompt {}", i));
  }
  return steps.check("generated", gap_);
}

Result<double> Comparison::window_nll(std::size_t i) const {
  const std::span<const std::int32_t> window = golden_.text()->windows.row(i);
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<float> logits, engine_.logits(window));
  const std::size_t width = engine_.model().n_vocab;
  double sum = 0;
  for (std::size_t t = 1; t < window.size(); ++t) {
    const auto row = std::span<const float>(logits).subspan((t - 1) * width, width);
    SYNFIRE_ASSIGN_OR_RETURN(const double nll, negative_log_likelihood(row, window[t]));
    sum += nll;
  }
  return sum / static_cast<double>(window.size() - 1);
}

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Result<Check> Comparison::text() const {
  Check check{.name = "text"};
  const std::optional<GoldenText>& text = golden_.text();
  const bool usable = text && text->windows.rows != 0 && text->windows.width > 1 &&
                      (text->mean_nll || !text->window_nll.empty());
  if (!usable) {
    check.detail = "the golden has no NLL of a text";
    return check;
  }
  Progress progress("text windows");
  std::vector<double> nlls;
  double worst_window = 0;
  for (std::size_t i = 0; i < text->windows.rows; ++i) {
    progress.at(i, text->windows.rows);
    SYNFIRE_ASSIGN_OR_RETURN(const double nll, window_nll(i));
    nlls.push_back(nll);
    if (!text->window_nll.empty())
      worst_window = std::max(worst_window, std::abs(nll - text->window_nll[i]));
  }
  const double want = text->mean_nll ? *text->mean_nll : mean(text->window_nll);
  check.worst = std::abs(mean(nlls) - want);
  check.limit = tolerance_.nll;
  check.outcome = outcome_of(*check.worst <= *check.limit);
  check.detail = fmt::format("mean NLL {:.6f}, want {:.6f}, of {} windows", mean(nlls), want,
                             text->windows.rows);
  if (!text->window_nll.empty()) check.detail += fmt::format("; worst window {:.6f}", worst_window);
  return check;
}

}  // namespace

double gap_limit(const Tolerance& tolerance) {
  return std::max(kLeastGap, 2 * tolerance.logits.value_or(0));
}

Result<std::vector<Check>> compare_with_golden(Engine& engine, const Golden& golden,
                                               const Tolerance& tolerance, bool prompts_only) {
  const Comparison comparison(engine, golden, tolerance);
  std::vector<Check> checks;
  SYNFIRE_ASSIGN_OR_RETURN(Check tokens, comparison.tokens());
  checks.push_back(std::move(tokens));
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<Check> answers, comparison.logits_and_greedy());
  std::move(answers.begin(), answers.end(), std::back_inserter(checks));
  SYNFIRE_ASSIGN_OR_RETURN(Check generated, comparison.generated());
  checks.push_back(std::move(generated));
  if (prompts_only) {
    checks.push_back({.name = "text", .detail = "--prompts-only"});
    return checks;
  }
  SYNFIRE_ASSIGN_OR_RETURN(Check text, comparison.text());
  checks.push_back(std::move(text));
  return checks;
}

}  // namespace synfire::cli
