#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// Rows of equal width, one after another.
template <typename T>
struct GoldenRows {
  std::span<const T> values;  // rows * width
  std::size_t width = 0;
  std::size_t rows = 0;

  [[nodiscard]] std::span<const T> row(std::size_t i) const {
    return values.subspan(i * width, width);
  }
};

struct GoldenPrompt {
  std::optional<std::string_view> text;     // absent where only tokens make sense
  std::span<const std::int32_t> tokens;     // BOS first; empty when absent
  std::optional<GoldenRows<float>> logits;  // [tokens][n_vocab]
  std::span<const std::int32_t> greedy;     // continuation by the best logit; empty when absent
  std::span<const float> greedy_gap;        // best logit minus second best, per step; or empty
};

// What went through a layer on prompt 0. Any part may be absent.
struct GoldenLayer {
  std::optional<GoldenRows<float>> input;      // [tokens][d_model] residual stream into the layer
  std::optional<GoldenRows<float>> ffn_input;  // [tokens][d_model] normed input of its FFN
  std::optional<GoldenRows<float>> gate;       // [tokens][d_ff] gate before the activation
};

// Held-out text, in windows that each start anew with BOS.
struct GoldenText {
  GoldenRows<std::int32_t> windows;    // [n][W] token ids
  std::span<const double> window_nll;  // [n] mean over tokens 1..W-1; empty when absent
  std::optional<double> mean_nll;      // over all windows
  std::optional<double> perplexity;    // exp(mean_nll)
};

// Reference answers for one model, from a GGUF file with general.architecture = golden. Every part
// is optional: what a golden lacks cannot be checked.
//
// Immutable; any thread may read. Owns the file's mapping: all spans and views are of it and must
// not outlive the object (or the moved-to one).
class Golden {
 public:
  // Errors name the file, and the key or tensor.
  [[nodiscard]] static Result<Golden> open(const std::filesystem::path& path);
  [[nodiscard]] static Result<Golden> from(GgufFile file);

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  // Which program made the answers; empty when it does not say.
  [[nodiscard]] std::string_view source() const { return source_; }
  // Present where the answers are those with the model file's own predictors at this threshold.
  [[nodiscard]] std::optional<float> predictor_threshold() const { return predictor_threshold_; }
  [[nodiscard]] std::span<const GoldenPrompt> prompts() const { return prompts_; }
  // Index = layer; empty without traces.
  [[nodiscard]] std::span<const GoldenLayer> layers() const { return layers_; }
  [[nodiscard]] const std::optional<GoldenText>& text() const { return text_; }
  // Width of the logits; 0 without logits.
  [[nodiscard]] std::size_t n_vocab() const { return n_vocab_; }

 private:
  friend class GoldenParser;
  explicit Golden(GgufFile file) : file_(std::move(file)) {}

  GgufFile file_;
  std::string_view source_;
  std::optional<float> predictor_threshold_;
  std::vector<GoldenPrompt> prompts_;
  std::vector<GoldenLayer> layers_;
  std::optional<GoldenText> text_;
  std::size_t n_vocab_ = 0;
};

}  // namespace synfire
