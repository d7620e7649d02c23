#include "core/model/convert/decoder_config.hpp"
#include "core/model/convert/families.hpp"

// Families whose checkpoints name their tensors as Llama's do.
namespace synfire::convert {
namespace {

struct LlamaLike {
  std::string architecture;  // general.architecture
  NormKind norm = NormKind::rms;
  bool gated = true;
  bool neighbours_rotate = false;  // q and k rows are permuted for it
  bool qkv_biases = false;         // must be there
  float norm_added = 0;            // LayerNorm1p keeps its weights minus 1
  bool tied = false;               // where the configuration is silent
  double rotary_share = 1;         // of each head, where the configuration is silent
  ConfigNames names = {};
};

void add_norm(ModelPlan& plan, const LlamaLike& family, const std::string& name,
              const std::string& source, std::uint32_t width) {
  plan.add(name + ".weight", source + ".weight", {width}).added = family.norm_added;
  if (family.norm == NormKind::layer) plan.add(name + ".bias", source + ".bias", {width});
}

void add_layer(ModelPlan& plan, const LlamaLike& family, const DecoderConfig& d,
               std::uint32_t layer) {
  const std::string to = fmt::format("blk.{}.", layer);
  const std::string from = fmt::format("model.layers.{}.", layer);
  const auto heads = [&](const char* name, const char* source, std::uint32_t n_heads,
                         bool rotates) {
    plan.add_linear(to + name, from + "self_attn." + source, n_heads * d.head_dim, d.d_model,
                    rotates && family.neighbours_rotate ? halves_to_neighbours(n_heads, d.head_dim)
                                                        : std::vector<std::uint32_t>{},
                    family.qkv_biases ? ModelPlan::Bias::wanted : ModelPlan::Bias::optional);
  };
  add_norm(plan, family, to + "attn_norm", from + "input_layernorm", d.d_model);
  heads("attn_q", "q_proj", d.n_heads, true);
  heads("attn_k", "k_proj", d.n_kv_heads, true);
  heads("attn_v", "v_proj", d.n_kv_heads, false);
  plan.add_linear(to + "attn_output", from + "self_attn.o_proj", d.d_model, d.n_heads * d.head_dim);
  add_norm(plan, family, to + "ffn_norm", from + "post_attention_layernorm", d.d_model);
  if (family.gated)
    plan.add(to + "ffn_gate.weight", from + "mlp.gate_proj.weight", {d.d_ff, d.d_model});
  if (family.gated)
    plan.add(to + "ffn_up.weight", from + "mlp.up_proj.weight", {d.d_ff, d.d_model});
  else
    plan.add_linear(to + "ffn_up", from + "mlp.up_proj", d.d_ff, d.d_model);
  plan.add_linear(to + "ffn_down", from + "mlp.down_proj", d.d_model, d.d_ff);
}

// Qwen2 has the key always, and uses it where use_sliding_window says so.
Result<std::uint32_t> window_of(const JsonObject& config) {
  SYNFIRE_ASSIGN_OR_RETURN(const bool used, config.flag_or("use_sliding_window", true));
  if (!used) return 0U;
  return config.count_or("sliding_window", 0);
}

Result<double> rotary_share(const JsonObject& config, double fallback) {
  SYNFIRE_ASSIGN_OR_RETURN(double share, config.number_or("partial_rotary_factor", fallback));
  if (config.has("rope_parameters")) {
    SYNFIRE_ASSIGN_OR_RETURN(const JsonObject rope, config.object("rope_parameters"));
    SYNFIRE_ASSIGN_OR_RETURN(share, rope.number_or("partial_rotary_factor", share));
  }
  if (!(share > 0 && share <= 1))
    return config.bad("partial_rotary_factor", fmt::format("{}", share), "over 0, at most 1");
  return share;
}

Status plan_llama_like(const JsonObject& config, const LlamaLike& family,
                       const std::string& activation, ModelPlan& plan) {
  SYNFIRE_ASSIGN_OR_RETURN(DecoderConfig d, read_decoder_config(config, family.names, family.tied));
  if (!activation.empty()) d.activation = activation;
  SYNFIRE_ASSIGN_OR_RETURN(const std::uint32_t window, window_of(config));
  limit_to_window(plan, window, d);
  set_decoder_keys(plan.header, family.architecture, d, family.norm);
  SYNFIRE_ASSIGN_OR_RETURN(const double share, rotary_share(config, family.rotary_share));
  const auto n_rot = static_cast<std::uint32_t>(d.head_dim * share);
  if (family.neighbours_rotate && n_rot != d.head_dim)
    return error(StatusCode::unimplemented, "{}: {} of {} numbers of a head rotate, want all",
                 config.name(), n_rot, d.head_dim);
  if (n_rot == 0 || n_rot % 2 != 0)
    return config.bad("head_dim", fmt::format("{} numbers that rotate", n_rot), "an even number");
  SYNFIRE_RETURN_IF_ERROR(set_rope(plan, family.architecture, config, n_rot, d));
  add_embedding_and_head(plan, d, "model.embed_tokens.weight", "lm_head.weight");
  for (std::uint32_t layer = 0; layer < d.n_layers; ++layer) add_layer(plan, family, d, layer);
  add_norm(plan, family, "output_norm", "model.norm", d.d_model);
  return {};
}

LlamaLike llama() { return {.architecture = "llama", .neighbours_rotate = true}; }

}  // namespace

// Llama and Mistral, whose files llama.cpp calls llama.
Status plan_llama(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  return plan_llama_like(config, llama(), activation, plan);
}

// Mistral with dReLU (arXiv 2406.05955). Its configuration says relu, which both factors get.
Status plan_bamboo(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  LlamaLike family = llama();
  family.architecture = "bamboo";
  return plan_llama_like(config, family, activation.empty() ? "drelu" : activation, plan);
}

Status plan_qwen2(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  const LlamaLike family{.architecture = "qwen2", .qkv_biases = true};
  return plan_llama_like(config, family, activation, plan);
}

Status plan_arcee(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  LlamaLike family = llama();
  family.architecture = "arcee";
  family.gated = false;
  return plan_llama_like(config, family, activation, plan);
}

Status plan_nemotron(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  LlamaLike family{.architecture = "nemotron",
                   .norm = NormKind::layer,
                   .gated = false,
                   .norm_added = 1,
                   .rotary_share = 0.5};
  family.names.norm_eps = "norm_eps";
  return plan_llama_like(config, family, activation, plan);
}

}  // namespace synfire::convert
