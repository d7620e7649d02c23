#include "core/model/convert/decoder_config.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace synfire::convert {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kActivations{{
    {"silu", "silu"},
    {"swish", "silu"},
    {"relu", "relu"},
    {"relu2", "relu2"},
    {"gelu", "gelu"},  // the exact one, by erf
}};

}  // namespace

Result<std::string> activation_of(const JsonObject& config, const char* key) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string name, config.text(key));
  for (const auto& [theirs, ours] : kActivations)
    if (theirs == name) return std::string(ours);
  return error(StatusCode::unimplemented, "{}: key {}: '{}', want silu, relu, relu2 or gelu",
               config.name(), key, name);
}

Status check_counts(const JsonObject& config, const DecoderConfig& d) {
  constexpr std::uint32_t kMaxWidth = 1U << 20;
  struct Count {
    const char* what;
    std::uint64_t got, most;
  };
  for (const Count& count :
       {Count{"layers", d.n_layers, 1024}, Count{"width", d.d_model, kMaxWidth},
        Count{"neurons", d.d_ff, kMaxWidth},
        Count{"heads", std::uint64_t{d.n_heads} * d.head_dim, kMaxWidth},
        Count{"KV heads", std::uint64_t{d.n_kv_heads} * d.head_dim, kMaxWidth},
        Count{"vocabulary", d.n_vocab, 1U << 24}, Count{"context", d.context, 1U << 24}})
    if (count.got == 0 || count.got > count.most)
      return invalid_argument("{}: {}: {}, want 1 to {}", config.name(), count.what, count.got,
                              count.most);
  return {};
}

Result<DecoderConfig> read_decoder_config(const JsonObject& config, const ConfigNames& names,
                                          bool tied) {
  DecoderConfig d;
  SYNFIRE_ASSIGN_OR_RETURN(d.n_layers, config.count("num_hidden_layers"));
  SYNFIRE_ASSIGN_OR_RETURN(d.d_model, config.count("hidden_size"));
  SYNFIRE_ASSIGN_OR_RETURN(d.d_ff, config.count(names.d_ff));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_heads, config.count("num_attention_heads"));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_kv_heads, config.count_or(names.n_kv_heads, d.n_heads));
  SYNFIRE_ASSIGN_OR_RETURN(d.head_dim,
                           config.count_or("head_dim", d.d_model / std::max(d.n_heads, 1U)));
  SYNFIRE_ASSIGN_OR_RETURN(d.n_vocab, config.count("vocab_size"));
  SYNFIRE_ASSIGN_OR_RETURN(d.context, config.count("max_position_embeddings"));
  SYNFIRE_ASSIGN_OR_RETURN(d.norm_eps, config.number_or(names.norm_eps, 1e-5));
  SYNFIRE_ASSIGN_OR_RETURN(d.activation, activation_of(config, names.activation));
  SYNFIRE_ASSIGN_OR_RETURN(d.tied, config.flag_or("tie_word_embeddings", tied));
  SYNFIRE_RETURN_IF_ERROR(check_counts(config, d));
  return d;
}

void set_decoder_keys(GgufHeader& header, const std::string& architecture, const DecoderConfig& d,
                      NormKind norm) {
  const auto key = [&](const char* name) { return architecture + "." + name; };
  header.set("general.architecture", architecture);
  header.set(key("vocab_size"), d.n_vocab);
  header.set(key("context_length"), d.context);
  header.set(key("embedding_length"), d.d_model);
  header.set(key("block_count"), d.n_layers);
  header.set(key("feed_forward_length"), d.d_ff);
  header.set(key("attention.head_count"), d.n_heads);
  header.set(key("attention.head_count_kv"), d.n_kv_heads);
  header.set(key("attention.key_length"), d.head_dim);
  header.set(key("attention.value_length"), d.head_dim);
  header.set(key(norm == NormKind::rms ? "attention.layer_norm_rms_epsilon"
                                       : "attention.layer_norm_epsilon"),
             static_cast<float>(d.norm_eps));
  header.set("synfire.ffn.activation", d.activation);
}

void limit_to_window(ModelPlan& plan, std::uint32_t window, DecoderConfig& decoder) {
  if (window == 0 || window >= decoder.context) return;
  plan.warnings.push_back(fmt::format(
      "attention over a sliding window of {} tokens: the file's context is that, not {}", window,
      decoder.context));
  decoder.context = window;
}

void add_embedding_and_head(ModelPlan& plan, const DecoderConfig& d, const std::string& embedding,
                            const std::string& head) {
  plan.add("token_embd.weight", embedding, {d.n_vocab, d.d_model});
  if (d.tied)
    plan.ignore(head);  // some checkpoints have the copy
  else
    plan.add("output.weight", head, {d.n_vocab, d.d_model});
}

std::vector<std::uint32_t> halves_to_neighbours(std::uint32_t n_heads, std::uint32_t head_dim) {
  std::vector<std::uint32_t> rows;
  rows.reserve(std::size_t{n_heads} * head_dim);
  const std::uint32_t half = head_dim / 2;
  for (std::uint32_t head = 0; head < n_heads; ++head)
    for (std::uint32_t i = 0; i < half; ++i)
      for (const std::uint32_t row : {i, i + half}) rows.push_back(head * head_dim + row);
  return rows;
}

}  // namespace synfire::convert
