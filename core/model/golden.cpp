#include "core/model/golden.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace synfire {

namespace {

constexpr std::string_view kLayerPrefix = "prompt.0.layer.";
constexpr std::uint32_t kMaxLayers = 10000;

template <typename T>
GoldenRows<T> rows_of(const GgufTensor& tensor, std::span<const T> values) {
  return {values, static_cast<std::size_t>(tensor.dims[0]),
          static_cast<std::size_t>(tensor.rows())};
}

}  // namespace

// Fills a Golden from its file.
class GoldenParser {
 public:
  explicit GoldenParser(Golden& golden) : golden_(golden), file_(golden.file_) {}

  Status run() {
    SYNFIRE_RETURN_IF_ERROR(read_keys());
    SYNFIRE_RETURN_IF_ERROR(read_prompts());
    SYNFIRE_RETURN_IF_ERROR(read_layers());
    return read_text();
  }

 private:
  Status read_keys();
  Status read_prompts();
  Result<GoldenPrompt> read_prompt(std::size_t i);
  Status check_prompt(std::size_t i, const GoldenPrompt& prompt);
  Status read_layers();
  Result<std::size_t> count_layers() const;
  Result<GoldenLayer> read_layer(std::size_t l);
  Status read_text();

  template <typename T>
  Result<std::optional<T>> optional_key(std::string_view key) const;
  // Empty when absent.
  template <typename T>
  Result<std::span<const T>> vector(const std::string& name) const;
  template <typename T>
  Result<std::optional<GoldenRows<T>>> matrix(const std::string& name) const;
  // A layer's part: a row per token, as wide as `width`, which 0 leaves to the first that comes.
  Result<std::optional<GoldenRows<float>>> trace(const std::string& name, std::size_t& width) const;

  [[nodiscard]] Status bad(const std::string& thing, const std::string& text) const {
    return invalid_argument("{}: {}: {}", file_.path(), thing, text);
  }

  Golden& golden_;
  const GgufFile& file_;
  std::size_t d_model_ = 0;  // widths of the traces
  std::size_t d_ff_ = 0;
};

template <typename T>
Result<std::optional<T>> GoldenParser::optional_key(std::string_view key) const {
  if (file_.find(key) == nullptr) return std::optional<T>();
  SYNFIRE_ASSIGN_OR_RETURN(T value, file_.get<T>(key));
  return std::optional<T>(std::move(value));
}

template <typename T>
Result<std::span<const T>> GoldenParser::vector(const std::string& name) const {
  const GgufTensor* tensor = file_.tensor(name);
  if (tensor == nullptr) return std::span<const T>();
  if (tensor->n_dims != 1)
    return bad("tensor " + name, fmt::format("{} dimensions, want 1", tensor->n_dims));
  const auto values = tensor->as<T>();
  if (!values.ok()) return values.status().with_context(file_.path());
  return *values;
}

template <typename T>
Result<std::optional<GoldenRows<T>>> GoldenParser::matrix(const std::string& name) const {
  const GgufTensor* tensor = file_.tensor(name);
  if (tensor == nullptr) return std::optional<GoldenRows<T>>();
  if (tensor->n_dims > 2)
    return bad("tensor " + name, fmt::format("{} dimensions, want 2", tensor->n_dims));
  const auto values = tensor->as<T>();
  if (!values.ok()) return values.status().with_context(file_.path());
  return std::optional(rows_of(*tensor, *values));
}

Status GoldenParser::read_keys() {
  SYNFIRE_ASSIGN_OR_RETURN(const auto architecture,
                           file_.get<std::string_view>("general.architecture"));
  if (architecture != "golden")
    return invalid_argument("{}: key general.architecture: \"{}\", want \"golden\"", file_.path(),
                            architecture);
  SYNFIRE_ASSIGN_OR_RETURN(golden_.source_, file_.get_or("golden.source", std::string_view()));
  SYNFIRE_ASSIGN_OR_RETURN(golden_.predictor_threshold_,
                           optional_key<float>("golden.predictor.threshold"));
  return {};
}

Status GoldenParser::read_prompts() {
  SYNFIRE_ASSIGN_OR_RETURN(const auto count, file_.get_or("golden.prompt_count", std::uint32_t{0}));
  const std::size_t most = file_.tensors().size() + file_.metadata().size();
  if (count > most)
    return bad("key golden.prompt_count", fmt::format("{}, want at most {}: the file has no more "
                                                      "tensors and keys",
                                                      count, most));
  for (std::size_t i = 0; i < count; ++i) {
    SYNFIRE_ASSIGN_OR_RETURN(GoldenPrompt prompt, read_prompt(i));
    SYNFIRE_RETURN_IF_ERROR(check_prompt(i, prompt));
    golden_.prompts_.push_back(std::move(prompt));
  }
  return {};
}

Result<GoldenPrompt> GoldenParser::read_prompt(std::size_t i) {
  const std::string prefix = fmt::format("prompt.{}.", i);
  GoldenPrompt prompt;
  SYNFIRE_ASSIGN_OR_RETURN(prompt.text,
                           optional_key<std::string_view>(fmt::format("golden.prompt.{}.text", i)));
  SYNFIRE_ASSIGN_OR_RETURN(prompt.tokens, vector<std::int32_t>(prefix + "tokens"));
  SYNFIRE_ASSIGN_OR_RETURN(prompt.logits, matrix<float>(prefix + "logits"));
  SYNFIRE_ASSIGN_OR_RETURN(prompt.greedy, vector<std::int32_t>(prefix + "greedy"));
  SYNFIRE_ASSIGN_OR_RETURN(prompt.greedy_gap, vector<float>(prefix + "greedy_gap"));
  return prompt;
}

Status GoldenParser::check_prompt(std::size_t i, const GoldenPrompt& prompt) {
  const std::string prefix = fmt::format("tensor prompt.{}.", i);
  if (prompt.tokens.empty() && (prompt.logits || !prompt.greedy.empty()))
    return bad(prefix + "tokens", "missing, want the tokens that the other answers belong to");
  if (!prompt.greedy_gap.empty() && prompt.greedy_gap.size() != prompt.greedy.size())
    return bad(prefix + "greedy_gap", fmt::format("{} values, want {} as of greedy",
                                                  prompt.greedy_gap.size(), prompt.greedy.size()));
  if (!prompt.logits) return {};
  const std::size_t width = golden_.n_vocab_ == 0 ? prompt.logits->width : golden_.n_vocab_;
  if (prompt.logits->rows != prompt.tokens.size() || prompt.logits->width != width)
    return bad(prefix + "logits", fmt::format("shape [{}, {}], want [{}, {}]", prompt.logits->width,
                                              prompt.logits->rows, width, prompt.tokens.size()));
  golden_.n_vocab_ = width;
  return {};
}

// One past the greatest layer that any tensor names.
Result<std::size_t> GoldenParser::count_layers() const {
  std::size_t count = 0;
  for (const GgufTensor& tensor : file_.tensors()) {
    if (!tensor.name.starts_with(kLayerPrefix)) continue;
    const std::string_view rest = tensor.name.substr(kLayerPrefix.size());
    std::uint32_t layer = kMaxLayers;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
    if (parsed.ec != std::errc() || layer >= kMaxLayers)
      return bad(fmt::format("tensor {}", tensor.name),
                 fmt::format("want a layer below {} after {}", kMaxLayers, kLayerPrefix));
    count = std::max<std::size_t>(count, layer + 1);
  }
  return count;
}

Status GoldenParser::read_layers() {
  SYNFIRE_ASSIGN_OR_RETURN(const std::size_t count, count_layers());
  if (count > 0 && (golden_.prompts_.empty() || golden_.prompts_[0].tokens.empty()))
    return bad("tensor prompt.0.tokens", "missing, want the tokens that the traces belong to");
  for (std::size_t l = 0; l < count; ++l) {
    SYNFIRE_ASSIGN_OR_RETURN(GoldenLayer layer, read_layer(l));
    golden_.layers_.push_back(std::move(layer));
  }
  return {};
}

Result<GoldenLayer> GoldenParser::read_layer(std::size_t l) {
  const std::string prefix = fmt::format("{}{}.", kLayerPrefix, l);
  GoldenLayer layer;
  SYNFIRE_ASSIGN_OR_RETURN(layer.input, trace(prefix + "input", d_model_));
  SYNFIRE_ASSIGN_OR_RETURN(layer.ffn_input, trace(prefix + "ffn_input", d_model_));
  SYNFIRE_ASSIGN_OR_RETURN(layer.gate, trace(prefix + "gate", d_ff_));
  return layer;
}

Result<std::optional<GoldenRows<float>>> GoldenParser::trace(const std::string& name,
                                                             std::size_t& width) const {
  SYNFIRE_ASSIGN_OR_RETURN(auto rows, matrix<float>(name));
  if (!rows) return rows;
  if (width == 0) width = rows->width;
  const std::size_t n_tokens = golden_.prompts_[0].tokens.size();
  if (rows->rows != n_tokens || rows->width != width)
    return bad("tensor " + name, fmt::format("shape [{}, {}], want [{}, {}]", rows->width,
                                             rows->rows, width, n_tokens));
  return rows;
}

Status GoldenParser::read_text() {
  SYNFIRE_ASSIGN_OR_RETURN(auto windows, matrix<std::int32_t>("text.windows"));
  if (!windows) return {};
  GoldenText text{*windows, {}, {}, {}};
  if (text.windows.width < 2)
    return bad("tensor text.windows",
               fmt::format("windows of {} tokens, want at least 2", text.windows.width));
  SYNFIRE_ASSIGN_OR_RETURN(text.window_nll, vector<double>("text.window_nll"));
  if (!text.window_nll.empty() && text.window_nll.size() != text.windows.rows)
    return bad("tensor text.window_nll", fmt::format("{} values, want {}, one per window",
                                                     text.window_nll.size(), text.windows.rows));
  SYNFIRE_ASSIGN_OR_RETURN(text.mean_nll, optional_key<double>("golden.text.mean_nll"));
  SYNFIRE_ASSIGN_OR_RETURN(text.perplexity, optional_key<double>("golden.text.perplexity"));
  golden_.text_ = std::move(text);
  return {};
}

Result<Golden> Golden::open(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile file, GgufFile::open(path));
  return from(std::move(file));
}

Result<Golden> Golden::from(GgufFile file) {
  Golden golden(std::move(file));
  SYNFIRE_RETURN_IF_ERROR(GoldenParser(golden).run());
  return golden;
}

}  // namespace synfire
