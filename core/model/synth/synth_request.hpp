#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "plugins/sdk/dtype.hpp"

// Synthetic models: files of a real model's shape, with made-up weights of which a wanted share of
// neurons fires. For benchmarks, which need the bytes and the activity of a model, not its sense.
namespace synfire::synth {

struct Shape {
  std::string_view name;
  std::uint32_t d_model = 0;  // hidden state width; a multiple of 32
  std::uint32_t d_ff = 0;     // neurons per layer; a multiple of 32
  std::uint32_t n_layers = 0;
  std::uint32_t n_heads = 0;
  std::uint32_t n_kv_heads = 0;  // n_heads % n_kv_heads == 0
  std::uint32_t n_vocab = 32000;

  [[nodiscard]] std::uint32_t head_dim() const { return d_model / n_heads; }
};

// TinyLlama 1.1B, Llama 2 7B, 13B and 70B.
inline constexpr std::array kShapes{
    Shape{"1b", 2048, 5632, 22, 32, 4},
    Shape{"7b", 4096, 11008, 32, 32, 32},
    Shape{"13b", 5120, 13824, 40, 40, 40},
    Shape{"70b", 8192, 28672, 80, 64, 8},
};

enum class Layout : std::uint8_t {
  dense,       // GGUF, `ffn_down` along the neurons: every GGUF engine reads it
  neuron,      // GGUF, neuron-major `ffn_down_t`
  powerinfer,  // PWRI, `ffn_down_t` and the predictors `fc1`, `fc2`
};

struct Request {
  Shape shape;
  DType dtype = DType::q4_0;  // of all matrices
  std::uint64_t seed = 0;     // same request, same bytes
  double active = 0.1;        // share of a layer's neurons that fire per token; (0, 1]
  Layout layout = Layout::dense;
  std::string family = "llama";      // llama | arcee
  bool silu = false;                 // a dense llama: `active` says nothing
  std::uint32_t predictor_rank = 0;  // 0: PowerInfer's, see default_rank()
  std::uint32_t context = 16384;
};

// Hidden units of a predictor where nothing is said: 3/8 of d_model gives PowerInfer's 768 for 1b
// and 1536 for 7b.
[[nodiscard]] std::uint32_t default_rank(const Shape& shape);

// With predictor_rank filled in. Errors name the option as users write it.
[[nodiscard]] Result<Request> checked(Request request);

}  // namespace synfire::synth
