#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"
#include "plugins/sdk/ops.h"

namespace synfire {

// Shapes and constants of a decoder, read from a model file's metadata and checked.
struct Hparams {
  std::string architecture;  // "llama"
  std::uint32_t n_layers = 0;
  std::uint32_t d_model = 0;  // hidden state width
  std::uint32_t d_ff = 0;     // neurons per layer
  std::uint32_t n_heads = 0;
  std::uint32_t n_kv_heads = 0;  // n_heads % n_kv_heads == 0
  std::uint32_t head_dim = 0;
  std::uint32_t n_vocab = 0;
  std::uint32_t context = 0;       // trained for, tokens
  bool learned_positions = false;  // there are none past the context
  float norm_eps = 0;
  std::uint32_t activation = 0;  // SF_ACTIVATION_*
  sf_rope_params rope{};         // n_heads is set per op
};

// Reads `<architecture>.*`. `ffn_activation` overrides the file ("" = as the file or its family
// says); `default_activation` is the family's.
[[nodiscard]] Result<Hparams> read_hparams(const GgufFile& file, std::uint32_t default_activation,
                                           const std::string& ffn_activation);

// "relu" <-> SF_ACTIVATION_RELU; the names are those of the key synfire.ffn.activation.
[[nodiscard]] Result<std::uint32_t> parse_activation(const std::string& name);
[[nodiscard]] std::string activation_name(std::uint32_t activation);

// Whether the activation is exactly zero for gates <= 0, so that the gate rule loses nothing.
[[nodiscard]] bool is_relu_family(std::uint32_t activation);

}  // namespace synfire
