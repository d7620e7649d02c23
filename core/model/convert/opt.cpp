#include <numeric>

#include "core/model/convert/decoder_config.hpp"
#include "core/model/convert/families.hpp"

namespace synfire::convert {
namespace {

constexpr std::uint32_t kUnusedPositions = 2;  // rows before that of position 0
constexpr const char* kArchitecture = "opt";

// What tells the variants of OPT apart that no program here has.
Status check_variant(const JsonObject& config, const DecoderConfig& d) {
  SYNFIRE_ASSIGN_OR_RETURN(const bool norm_before, config.flag_or("do_layer_norm_before", true));
  SYNFIRE_ASSIGN_OR_RETURN(const bool no_last, config.flag_or("_remove_final_layer_norm", false));
  SYNFIRE_ASSIGN_OR_RETURN(const bool affine,
                           config.flag_or("layer_norm_elementwise_affine", true));
  SYNFIRE_ASSIGN_OR_RETURN(const auto width, config.count_or("word_embed_proj_dim", d.d_model));
  const auto unsupported = [&](const char* key, std::string_view got, std::string_view wanted) {
    return error(StatusCode::unimplemented, "{}: key {}: {}, want {}", config.name(), key, got,
                 wanted);
  };
  if (!norm_before)
    return unsupported("do_layer_norm_before", "false (opt-350m's norm after each part)", "true");
  if (no_last) return unsupported("_remove_final_layer_norm", "true", "false");
  if (!affine) return unsupported("layer_norm_elementwise_affine", "false", "true");
  if (width != d.d_model)
    return unsupported("word_embed_proj_dim",
                       fmt::format("{} (opt-350m's projected embedding)", width),
                       fmt::format("hidden_size {}", d.d_model));
  return {};
}

void add_norm(ModelPlan& plan, const std::string& name, const std::string& source,
              std::uint32_t width) {
  plan.add(name + ".weight", source + ".weight", {width});
  plan.add(name + ".bias", source + ".bias", {width});
}

void add_layer(ModelPlan& plan, const DecoderConfig& d, std::uint32_t layer) {
  const std::string to = fmt::format("blk.{}.", layer);
  const std::string from = fmt::format("model.decoder.layers.{}.", layer);
  const auto linear = [&](const char* name, const char* source, std::uint32_t rows,
                          std::uint32_t cols) {
    plan.add_linear(to + name, from + source, rows, cols);
  };
  add_norm(plan, to + "attn_norm", from + "self_attn_layer_norm", d.d_model);
  linear("attn_q", "self_attn.q_proj", d.d_model, d.d_model);
  linear("attn_k", "self_attn.k_proj", d.d_model, d.d_model);
  linear("attn_v", "self_attn.v_proj", d.d_model, d.d_model);
  linear("attn_output", "self_attn.out_proj", d.d_model, d.d_model);
  add_norm(plan, to + "ffn_norm", from + "final_layer_norm", d.d_model);
  linear("ffn_up", "fc1", d.d_ff, d.d_model);
  linear("ffn_down", "fc2", d.d_model, d.d_ff);
}

}  // namespace

Status plan_opt(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  const ConfigNames names{.d_ff = "ffn_dim", .activation = "activation_function"};
  SYNFIRE_ASSIGN_OR_RETURN(DecoderConfig d, read_decoder_config(config, names, true));
  if (!activation.empty()) d.activation = activation;
  SYNFIRE_RETURN_IF_ERROR(check_variant(config, d));
  set_decoder_keys(plan.header, kArchitecture, d, NormKind::layer);
  add_embedding_and_head(plan, d, "model.decoder.embed_tokens.weight", "lm_head.weight");
  PlannedTensor& positions =
      plan.add("position_embd.weight", "model.decoder.embed_positions.weight",
               {std::uint64_t{d.context} + kUnusedPositions, d.d_model});
  positions.rows.resize(d.context);
  std::iota(positions.rows.begin(), positions.rows.end(), kUnusedPositions);
  for (std::uint32_t layer = 0; layer < d.n_layers; ++layer) add_layer(plan, d, layer);
  add_norm(plan, "output_norm", "model.decoder.final_layer_norm", d.d_model);
  return {};
}

}  // namespace synfire::convert
