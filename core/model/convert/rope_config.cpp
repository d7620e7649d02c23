#include <cmath>
#include <numbers>

#include "core/model/convert/decoder_config.hpp"

namespace synfire::convert {
namespace {

// Where a configuration says how positions turn: rope_parameters since transformers 5, else
// rope_scaling with the base beside it.
struct RopeConfig {
  JsonObject scaling;  // the configuration itself where nothing is scaled
  std::string type;
  double base;
};

Result<RopeConfig> read_rope(const JsonObject& config) {
  const char* const key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  RopeConfig rope{config, "default", 0};
  if (config.has(key)) {
    SYNFIRE_ASSIGN_OR_RETURN(rope.scaling, config.object(key));
    SYNFIRE_ASSIGN_OR_RETURN(const std::string old_type, rope.scaling.text_or("type", "default"));
    SYNFIRE_ASSIGN_OR_RETURN(rope.type, rope.scaling.text_or("rope_type", old_type));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const double beside, config.number_or("rope_theta", 10000.0));
  SYNFIRE_ASSIGN_OR_RETURN(rope.base, rope.scaling.number_or("rope_theta", beside));
  return rope;
}

// Llama 3.1's: pairs that turn slowly are slowed down by `factor`, fast ones stay, between them it
// blends (transformers' modeling_rope_utils, "llama3").
Result<std::vector<float>> llama3_factors(const RopeConfig& rope, std::uint32_t n_rot) {
  const JsonObject& s = rope.scaling;
  SYNFIRE_ASSIGN_OR_RETURN(const double factor, s.number("factor"));
  SYNFIRE_ASSIGN_OR_RETURN(const double low, s.number("low_freq_factor"));
  SYNFIRE_ASSIGN_OR_RETURN(const double high, s.number("high_freq_factor"));
  SYNFIRE_ASSIGN_OR_RETURN(const double context, s.number("original_max_position_embeddings"));
  if (!(factor > 0 && low > 0 && high > low && context > 0))
    return s.bad("low_freq_factor", fmt::format("{} beside a high one of {}", low, high),
                 "rising factors over 0");
  std::vector<float> factors;
  for (std::uint32_t pair = 0; pair < n_rot / 2; ++pair) {
    const double wave = 2 * std::numbers::pi * std::pow(rope.base, 2.0 * pair / n_rot);
    const double kept = std::clamp((context / wave - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / ((1 - kept) / factor + kept)));
  }
  return factors;
}

Status set_yarn(GgufHeader& header, const std::string& prefix, const JsonObject& s,
                const DecoderConfig& decoder) {
  for (const char* const key : {"mscale", "mscale_all_dim"})
    if (s.has(key))
      return error(StatusCode::unimplemented, "{}: key {}: no YaRN of ours has it", s.name(), key);
  SYNFIRE_ASSIGN_OR_RETURN(const double factor, s.number("factor"));
  SYNFIRE_ASSIGN_OR_RETURN(const double fast, s.number_or("beta_fast", 32));
  SYNFIRE_ASSIGN_OR_RETURN(const double slow, s.number_or("beta_slow", 1));
  SYNFIRE_ASSIGN_OR_RETURN(
      const std::uint32_t context,
      s.count_or("original_max_position_embeddings",
                 static_cast<std::uint32_t>(std::lround(decoder.context / factor))));
  header.set(prefix + "type", "yarn");
  header.set(prefix + "factor", static_cast<float>(factor));
  header.set(prefix + "original_context_length", context);
  header.set(prefix + "yarn_beta_fast", static_cast<float>(fast));
  header.set(prefix + "yarn_beta_slow", static_cast<float>(slow));
  if (!s.has("attention_factor")) return {};
  // The op multiplies by 1 + 0.1 ln(factor) of its own.
  SYNFIRE_ASSIGN_OR_RETURN(const double wanted, s.number("attention_factor"));
  header.set(prefix + "attn_factor", static_cast<float>(wanted / (1 + 0.1 * std::log(factor))));
  return {};
}

}  // namespace

Status set_rope(ModelPlan& plan, const std::string& architecture, const JsonObject& config,
                std::uint32_t n_rot, DecoderConfig& decoder) {
  SYNFIRE_ASSIGN_OR_RETURN(const RopeConfig rope, read_rope(config));
  const std::string prefix = architecture + ".rope.";
  plan.header.set(prefix + "dimension_count", n_rot);
  plan.header.set(prefix + "freq_base", static_cast<float>(rope.base));
  const std::string scaling = prefix + "scaling.";
  if (rope.type == "default") return {};
  if (rope.type == "linear") {
    SYNFIRE_ASSIGN_OR_RETURN(const double factor, rope.scaling.number("factor"));
    plan.header.set(scaling + "type", "linear");
    plan.header.set(scaling + "factor", static_cast<float>(factor));
    return {};
  }
  if (rope.type == "llama3") {
    SYNFIRE_ASSIGN_OR_RETURN(std::vector<float> factors, llama3_factors(rope, n_rot));
    plan.add_values("rope_freqs.weight", std::move(factors));
    return {};
  }
  if (rope.type == "yarn") return set_yarn(plan.header, scaling, rope.scaling, decoder);
  return error(StatusCode::unimplemented,
               "{}: RoPE scaling '{}', want default, linear, llama3 or yarn", config.name(),
               rope.type);
}

}  // namespace synfire::convert
