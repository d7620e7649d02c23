#include "core/model/convert/decoder_config.hpp"
#include "core/model/convert/families.hpp"

namespace synfire::convert {
namespace {

constexpr const char* kArchitecture = "falcon";

struct FalconConfig {
  DecoderConfig decoder;
  bool two_norms = false;  // attention and FFN have each their own of the layer's input
};

// Configurations of before transformers knew Falcon have other names.
Result<std::uint32_t> count_of(const JsonObject& config, const char* key, const char* old_key) {
  return config.count(config.has(key) || !config.has(old_key) ? key : old_key);
}

Status check_variant(const JsonObject& config, bool new_decoder) {
  SYNFIRE_ASSIGN_OR_RETURN(const bool alibi, config.flag_or("alibi", false));
  SYNFIRE_ASSIGN_OR_RETURN(const bool parallel, config.flag_or("parallel_attn", true));
  const auto unsupported = [&](const char* key, const char* got, const char* wanted) {
    return error(StatusCode::unimplemented, "{}: key {}: {}, want {}", config.name(), key, got,
                 wanted);
  };
  if (alibi) return unsupported("alibi", "true", "false, with RoPE");
  if (!parallel && !new_decoder) return unsupported("parallel_attn", "false", "true");
  return {};
}

// One head of keys and values for all, unless it says otherwise.
Result<std::uint32_t> kv_heads(const JsonObject& config, bool new_decoder, std::uint32_t n_heads) {
  SYNFIRE_ASSIGN_OR_RETURN(const bool multi_query, config.flag_or("multi_query", true));
  if (!new_decoder && multi_query) return 1U;
  if (!config.has("num_kv_heads") && !config.has("n_head_kv")) return n_heads;
  return count_of(config, "num_kv_heads", "n_head_kv");
}

Result<FalconConfig> read_config(const JsonObject& config, const std::string& activation) {
  FalconConfig falcon;
  DecoderConfig& d = falcon.decoder;
  SYNFIRE_ASSIGN_OR_RETURN(const bool new_decoder,
                           config.flag_or("new_decoder_architecture", false));
  SYNFIRE_RETURN_IF_ERROR(check_variant(config, new_decoder));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_layers, count_of(config, "num_hidden_layers", "n_layer"));
  SYNFIRE_ASSIGN_OR_RETURN(d.d_model, config.count("hidden_size"));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_heads, count_of(config, "num_attention_heads", "n_head"));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_kv_heads, kv_heads(config, new_decoder, d.n_heads));
  if (d.n_heads == 0 || d.n_kv_heads == 0 || d.n_heads % d.n_kv_heads != 0 ||
      d.d_model % d.n_heads != 0)
    return config.bad(
        "num_attention_heads",
        fmt::format("{} for {} KV heads and hidden_size {}", d.n_heads, d.n_kv_heads, d.d_model),
        "a multiple of the one, a divisor of the other");
  d.head_dim = d.d_model / d.n_heads;
  SYNFIRE_ASSIGN_OR_RETURN(d.d_ff, config.count_or("ffn_hidden_size", 4 * d.d_model));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_vocab, config.count("vocab_size"));
  SYNFIRE_ASSIGN_OR_RETURN(d.context, config.count_or("max_position_embeddings", 2048));
  SYNFIRE_ASSIGN_OR_RETURN(d.norm_eps, config.number_or("layer_norm_epsilon", 1e-5));
  SYNFIRE_ASSIGN_OR_RETURN(d.tied, config.flag_or("tie_word_embeddings", true));
  d.activation = "gelu";
  if (config.has("activation") && activation.empty()) {
    SYNFIRE_ASSIGN_OR_RETURN(d.activation, activation_of(config, "activation"));
  }
  if (!activation.empty()) d.activation = activation;
  SYNFIRE_ASSIGN_OR_RETURN(const auto norms,
                           config.count_or("num_ln_in_parallel_attn", new_decoder ? 2 : 1));
  falcon.two_norms = new_decoder && norms == 2;
  SYNFIRE_RETURN_IF_ERROR(check_counts(config, d));
  return falcon;
}

// The fused matrix has, for each KV head, the queries that share it, then its key and its value;
// the file has all queries, then all keys, then all values, as llama.cpp's have.
std::vector<std::uint32_t> parted_rows(const DecoderConfig& d) {
  const std::uint32_t queries = d.n_heads / d.n_kv_heads;
  std::vector<std::uint32_t> rows;
  const auto take = [&](std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t group = 0; group < d.n_kv_heads; ++group)
      for (std::uint32_t row = first * d.head_dim; row < end * d.head_dim; ++row)
        rows.push_back(group * (queries + 2) * d.head_dim + row);
  };
  take(0, queries);
  take(queries, queries + 1);
  take(queries + 1, queries + 2);
  return rows;
}

void add_norm(ModelPlan& plan, const std::string& name, const std::string& source,
              std::uint32_t width) {
  plan.add(name + ".weight", source + ".weight", {width});
  plan.add(name + ".bias", source + ".bias", {width});
}

void add_layer(ModelPlan& plan, const FalconConfig& falcon, std::uint32_t layer) {
  const DecoderConfig& d = falcon.decoder;
  const std::string to = fmt::format("blk.{}.", layer);
  const std::string from = fmt::format("transformer.h.{}.", layer);
  if (falcon.two_norms) {
    // llama.cpp's names: attn_norm is the FFN's then.
    add_norm(plan, to + "attn_norm", from + "ln_mlp", d.d_model);
    add_norm(plan, to + "attn_norm_2", from + "ln_attn", d.d_model);
  } else {
    add_norm(plan, to + "attn_norm", from + "input_layernorm", d.d_model);
  }
  const std::uint32_t fused = (d.n_heads + 2 * d.n_kv_heads) * d.head_dim;
  plan.add_linear(to + "attn_qkv", from + "self_attention.query_key_value", fused, d.d_model,
                  parted_rows(d));
  plan.add_linear(to + "attn_output", from + "self_attention.dense", d.d_model, d.d_model);
  plan.add_linear(to + "ffn_up", from + "mlp.dense_h_to_4h", d.d_ff, d.d_model);
  plan.add_linear(to + "ffn_down", from + "mlp.dense_4h_to_h", d.d_model, d.d_ff);
}

}  // namespace

Status plan_falcon(const JsonObject& config, const std::string& activation, ModelPlan& plan) {
  SYNFIRE_ASSIGN_OR_RETURN(FalconConfig falcon, read_config(config, activation));
  DecoderConfig& d = falcon.decoder;
  set_decoder_keys(plan.header, kArchitecture, d, NormKind::layer);
  SYNFIRE_RETURN_IF_ERROR(set_rope(plan, kArchitecture, config, d.head_dim, d));
  add_embedding_and_head(plan, d, "transformer.word_embeddings.weight", "lm_head.weight");
  for (std::uint32_t layer = 0; layer < d.n_layers; ++layer) add_layer(plan, falcon, layer);
  add_norm(plan, "output_norm", "transformer.ln_f", d.d_model);
  return {};
}

}  // namespace synfire::convert
