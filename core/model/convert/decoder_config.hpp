#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/convert/json_object.hpp"
#include "core/model/convert/model_plan.hpp"

// What the families' functions share: shapes in config.json, and the GGUF keys for them.
namespace synfire::convert {

// Names of the keys that differ between configurations.
struct ConfigNames {
  const char* d_ff = "intermediate_size";
  const char* n_kv_heads = "num_key_value_heads";
  const char* norm_eps = "rms_norm_eps";
  const char* activation = "hidden_act";
};

struct DecoderConfig {
  std::uint32_t n_layers = 0, d_model = 0, d_ff = 0;
  std::uint32_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  std::uint32_t n_vocab = 0, context = 0;
  double norm_eps = 0;
  std::string activation;  // as synfire.ffn.activation has it
  bool tied = false;       // the embedding is the output matrix too
};

// `tied` is what the family's configuration has where the file is silent.
[[nodiscard]] Result<DecoderConfig> read_decoder_config(const JsonObject& config,
                                                        const ConfigNames& names, bool tied);

// "relu" of transformers' ACT2FN to the name of ours; UNIMPLEMENTED for one that no op has.
[[nodiscard]] Result<std::string> activation_of(const JsonObject& config, const char* key);

// Whether the counts are those of some model: at least 1, and small enough to work with.
Status check_counts(const JsonObject& config, const DecoderConfig& decoder);

// `<architecture>.*` but RoPE's. `eps_key`: llama.cpp's for the family's kind of norm.
enum class NormKind { rms, layer };
void set_decoder_keys(GgufHeader& header, const std::string& architecture,
                      const DecoderConfig& config, NormKind norm);

// The keys of RoPE over `n_rot` of each head's numbers, and rope_freqs where the scaling has
// factors.
Status set_rope(ModelPlan& plan, const std::string& architecture, const JsonObject& config,
                std::uint32_t n_rot, DecoderConfig& decoder);

// Where a sliding window is shorter than the context, the context is the window: within it nothing
// differs. A warning says so.
void limit_to_window(ModelPlan& plan, std::uint32_t window, DecoderConfig& decoder);

// token_embd, output_norm's neighbour `output` where the model has its own.
void add_embedding_and_head(ModelPlan& plan, const DecoderConfig& decoder,
                            const std::string& embedding, const std::string& head);

// Rows of n_heads heads whose halves rotate together, put so that neighbours do: what llama.cpp's
// llama files have.
[[nodiscard]] std::vector<std::uint32_t> halves_to_neighbours(std::uint32_t n_heads,
                                                              std::uint32_t head_dim);

}  // namespace synfire::convert
