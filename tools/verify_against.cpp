#include "tools/verify_against.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/model/tokenizer/tokenizer.hpp"
#include "core/runtime/sampling/logprobs.hpp"
#include "tools/difference.hpp"
#include "tools/engine_options.hpp"
#include "tools/generation.hpp"
#include "tools/verify_config.hpp"

namespace synfire::cli {
namespace {

struct Answers {
  std::vector<std::int32_t> tokens = {};  // from the beginning: what the first devices generated
  std::vector<float> logits = {};         // [tokens, n_vocab]
  std::uint32_t n_vocab = 0;
  std::string weight_dtype = {};
};

Result<std::vector<std::int32_t>> generate_greedily(Engine& engine, std::uint32_t n) {
  const Tokenizer* const tokenizer = engine.tokenizer();
  const bool has_bos = tokenizer != nullptr && tokenizer->bos().has_value();
  GenerateRequest request;
  request.prompt = {has_bos ? *tokenizer->bos() : 0};
  request.max_tokens = n;
  request.ignore_eos = true;
  std::vector<std::int32_t> tokens = request.prompt;
  SYNFIRE_RETURN_IF_ERROR(
      generate_in_process(engine, std::move(request), {},
                          [&tokens](const TokenEvent& token) { tokens.push_back(token.id); }));
  tokens.pop_back();  // its logits would be of a step that was not made
  return tokens;
}

Result<Answers> first_answers(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const EngineConfig config, verify_config(values));
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  describe_engine(*engine);
  Answers answers{.n_vocab = engine->model().n_vocab, .weight_dtype = engine->model().weight_dtype};
  const auto n = static_cast<std::uint32_t>(values.get<std::uint64_t>("n-predict"));
  SYNFIRE_ASSIGN_OR_RETURN(answers.tokens, generate_greedily(*engine, n));
  SYNFIRE_ASSIGN_OR_RETURN(answers.logits, engine->logits(answers.tokens));
  return answers;
}

Result<std::vector<float>> second_logits(const OptionValues& values, const Answers& first) {
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, verify_config(values));
  config.devices = values.get<std::vector<DeviceSpec>>("against");
  if (config.devices.size() == 1) {  // the options of a split are about --device
    config.placement.reset();
    config.split.reset();
    config.plan.clear();
  }
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  describe_engine(*engine);
  return engine->logits(first.tokens);
}

double standard_deviation(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

double log_sum_exp(std::span<const float> logits) {
  const double best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - best);
  return best + std::log(sum);
}

// KL divergence of softmax(second) from softmax(first), nats.
double kl_divergence(std::span<const float> first, std::span<const float> second) {
  const double first_norm = log_sum_exp(first);
  const double second_norm = log_sum_exp(second);
  double sum = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double log_p = first[i] - first_norm;
    sum += std::exp(log_p) * (log_p - (second[i] - second_norm));
  }
  return sum;
}

// Both devices have the same weights, so only what they round on the way tells them apart: that
// grows with the logits, whatever the dtype.
constexpr double kDeviations = 0.5;

Check logits_check(const Answers& first, std::span<const float> second,
                   const Tolerance& tolerance) {
  WorstDifference worst;
  worst.compare(second, first.logits, 0, 0);
  const double deviation = standard_deviation(first.logits);
  const double limit = tolerance.logits.value_or(kDeviations * deviation);
  Check check{.name = "logits", .worst = worst.value, .limit = limit};
  check.outcome = worst.value <= limit ? Check::Outcome::pass : Check::Outcome::fail;
  check.detail = fmt::format("{} positions; {:.3g} standard deviations of the logits ({:.4g})",
                             first.tokens.size(), worst.value / deviation, deviation);
  return check;
}

// For information: how much the difference matters.
Check kl_check(const Answers& first, std::span<const float> second) {
  double sum = 0, most = 0;
  const std::size_t n = first.tokens.size();
  for (std::size_t t = 0; t < n; ++t) {
    const std::size_t at = t * first.n_vocab;
    const double kl = kl_divergence(std::span<const float>(first.logits).subspan(at, first.n_vocab),
                                    second.subspan(at, first.n_vocab));
    sum += kl;
    most = std::max(most, kl);
  }
  return {.name = "KL divergence",
          .outcome = Check::Outcome::not_checked,
          .detail = fmt::format("mean {:.3g} nats", sum / static_cast<double>(n)),
          .worst = most};
}

}  // namespace

Result<std::vector<Check>> compare_devices(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const Answers first, first_answers(values));
  const Tolerance tolerance = tolerance_for(values, first.weight_dtype);
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<float> second, second_logits(values, first));
  return std::vector<Check>{logits_check(first, second, tolerance), kl_check(first, second)};
}

}  // namespace synfire::cli
