#include "core/model/arch/hparams.hpp"

#include <array>
#include <utility>

namespace synfire {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 5> kActivations{{
    {"silu", SF_ACTIVATION_SILU},
    {"relu", SF_ACTIVATION_RELU},
    {"relu2", SF_ACTIVATION_RELU2},
    {"gelu", SF_ACTIVATION_GELU},
    {"drelu", SF_ACTIVATION_DRELU},
}};

// Reads one file's keys of one architecture, with its name in front.
class Keys {
 public:
  Keys(const GgufFile& file, const std::string& architecture)
      : file_(file), prefix_(architecture + ".") {}

  template <typename T>
  Result<T> get(std::string_view key) const {
    return file_.get<T>(prefix_ + std::string(key));
  }
  template <typename T>
  Result<T> get_or(std::string_view key, T fallback) const {
    return file_.get_or<T>(prefix_ + std::string(key), fallback);
  }

  // A count within [1, most].
  Result<std::uint32_t> count(std::string_view key, std::uint32_t most) const {
    SYNFIRE_ASSIGN_OR_RETURN(const auto value, get<std::uint32_t>(key));
    return in_range(key, value, most);
  }
  Result<std::uint32_t> count_or(std::string_view key, std::uint32_t fallback,
                                 std::uint32_t most) const {
    SYNFIRE_ASSIGN_OR_RETURN(const auto value, get_or<std::uint32_t>(key, fallback));
    return in_range(key, value, most);
  }
  // A finite number above 0.
  Result<float> positive_or(std::string_view key, float fallback) const {
    SYNFIRE_ASSIGN_OR_RETURN(const auto value, get_or<float>(key, fallback));
    if (!(value > 0 && value < 1e30F)) return bad(key, value, "a finite number above 0");
    return value;
  }
  template <typename Got>
  Status bad(std::string_view key, Got got, std::string_view wanted) const {
    return invalid_argument("{}: key {}{}: {}, want {}", file_.path(), prefix_, key, got, wanted);
  }

 private:
  Result<std::uint32_t> in_range(std::string_view key, std::uint32_t value,
                                 std::uint32_t most) const {
    if (value == 0 || value > most) return bad(key, value, fmt::format("1 to {}", most));
    return value;
  }

  const GgufFile& file_;
  std::string prefix_;
};

constexpr std::uint32_t kMaxLayers = 1024;
constexpr std::uint32_t kMaxWidth = 1U << 20;
constexpr std::uint32_t kMaxContext = 1U << 24;

Status read_heads(const Keys& keys, Hparams& h) {
  SYNFIRE_ASSIGN_OR_RETURN(h.n_heads, keys.count("attention.head_count", kMaxWidth));
  SYNFIRE_ASSIGN_OR_RETURN(h.n_kv_heads,
                           keys.count_or("attention.head_count_kv", h.n_heads, kMaxWidth));
  if (h.n_heads % h.n_kv_heads != 0)
    return keys.bad("attention.head_count_kv", h.n_kv_heads,
                    fmt::format("a divisor of head_count {}", h.n_heads));
  SYNFIRE_ASSIGN_OR_RETURN(h.head_dim,
                           keys.count_or("attention.key_length", h.d_model / h.n_heads, kMaxWidth));
  SYNFIRE_ASSIGN_OR_RETURN(const auto value_length,
                           keys.count_or("attention.value_length", h.head_dim, kMaxWidth));
  if (value_length != h.head_dim)
    return keys.bad("attention.value_length", value_length,
                    fmt::format("key_length {}", h.head_dim));
  if (std::uint64_t{h.n_heads} * h.head_dim > kMaxWidth)
    return keys.bad("attention.key_length", h.head_dim,
                    fmt::format("at most {} for {} heads", kMaxWidth / h.n_heads, h.n_heads));
  return {};
}

// llama.cpp's keys: https://github.com/ggml-org/ggml, docs/gguf.md, and YaRN, arXiv 2309.00071.
Status read_rope(const Keys& keys, Hparams& h) {
  sf_rope_params& rope = h.rope;
  rope.head_dim = h.head_dim;
  SYNFIRE_ASSIGN_OR_RETURN(rope.n_rot,
                           keys.count_or("rope.dimension_count", h.head_dim, h.head_dim));
  if (rope.n_rot % 2 != 0) return keys.bad("rope.dimension_count", rope.n_rot, "an even number");
  SYNFIRE_ASSIGN_OR_RETURN(rope.freq_base, keys.positive_or("rope.freq_base", 10000.0F));
  SYNFIRE_ASSIGN_OR_RETURN(const auto linear, keys.positive_or("rope.scale_linear", 1.0F));
  // A file with a factor and no type means linear.
  SYNFIRE_ASSIGN_OR_RETURN(const auto type,
                           keys.get_or<std::string>("rope.scaling.type", "linear"));
  SYNFIRE_ASSIGN_OR_RETURN(const auto factor, keys.positive_or("rope.scaling.factor", linear));
  SYNFIRE_ASSIGN_OR_RETURN(rope.attn_factor, keys.positive_or("rope.scaling.attn_factor", 1.0F));
  SYNFIRE_ASSIGN_OR_RETURN(rope.beta_fast, keys.positive_or("rope.scaling.yarn_beta_fast", 32.0F));
  SYNFIRE_ASSIGN_OR_RETURN(rope.beta_slow, keys.positive_or("rope.scaling.yarn_beta_slow", 1.0F));
  SYNFIRE_ASSIGN_OR_RETURN(
      rope.original_context,
      keys.count_or("rope.scaling.original_context_length", h.context, kMaxContext));
  if (type != "none" && type != "linear" && type != "yarn")
    return keys.bad("rope.scaling.type", type, "none, linear or yarn");
  rope.freq_scale = type == "none" ? 1.0F : 1.0F / factor;
  rope.ext_factor = type == "yarn" ? 1.0F : 0.0F;
  return {};
}

Status read_activation(const GgufFile& file, std::uint32_t fallback,
                       const std::string& override_name, Hparams& h) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto named,
                           file.get_or<std::string>("synfire.ffn.activation", ""));
  const std::string& name = override_name.empty() ? named : override_name;
  if (name.empty()) {
    // PowerInfer's files carry no key: its models are ReLU-fied where they are of no such family.
    h.activation = file.is_powerinfer() && !is_relu_family(fallback)
                       ? std::uint32_t{SF_ACTIVATION_RELU}
                       : fallback;
    return {};
  }
  SYNFIRE_ASSIGN_OR_RETURN(h.activation, parse_activation(name));
  return {};
}

}  // namespace

Result<Hparams> read_hparams(const GgufFile& file, std::uint32_t default_activation,
                             const std::string& ffn_activation) {
  Hparams h;
  SYNFIRE_ASSIGN_OR_RETURN(h.architecture, file.get<std::string>("general.architecture"));
  const Keys keys(file, h.architecture);
  SYNFIRE_ASSIGN_OR_RETURN(h.n_layers, keys.count("block_count", kMaxLayers));
  SYNFIRE_ASSIGN_OR_RETURN(h.d_model, keys.count("embedding_length", kMaxWidth));
  SYNFIRE_ASSIGN_OR_RETURN(h.d_ff, keys.count("feed_forward_length", kMaxWidth));
  SYNFIRE_ASSIGN_OR_RETURN(h.context, keys.count("context_length", kMaxContext));
  SYNFIRE_ASSIGN_OR_RETURN(const float eps,
                           keys.positive_or("attention.layer_norm_epsilon", 1e-5F));
  SYNFIRE_ASSIGN_OR_RETURN(h.norm_eps, keys.positive_or("attention.layer_norm_rms_epsilon", eps));
  SYNFIRE_RETURN_IF_ERROR(read_heads(keys, h));
  SYNFIRE_RETURN_IF_ERROR(read_rope(keys, h));
  SYNFIRE_RETURN_IF_ERROR(
      read_activation(file, default_activation, ffn_activation, h).with_context(file.path()));
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const embedding,
                           file.require_tensor("token_embd.weight"));
  if (embedding->rows() > INT32_MAX)
    return invalid_argument("{}: tensor token_embd.weight: {} rows, want at most {}", file.path(),
                            embedding->rows(), INT32_MAX);
  h.n_vocab = static_cast<std::uint32_t>(embedding->rows());
  return h;
}

Result<std::uint32_t> parse_activation(const std::string& name) {
  for (const auto& [known, activation] : kActivations)
    if (known == name) return activation;
  return invalid_argument("FFN activation: '{}', want silu, relu, relu2, gelu or drelu", name);
}

std::string activation_name(std::uint32_t activation) {
  for (const auto& [name, known] : kActivations)
    if (known == activation) return std::string(name);
  return fmt::format("activation {}", activation);
}

bool is_relu_family(std::uint32_t activation) {
  return activation == SF_ACTIVATION_RELU || activation == SF_ACTIVATION_RELU2 ||
         activation == SF_ACTIVATION_DRELU;
}

}  // namespace synfire
