#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/model/tokenizer/tokenizer.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"
#include "tools/text_input.hpp"
#include "tools/window_nll.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint64_t kMaxLogitBytes = std::uint64_t{1} << 30;  // of one window

// Tokens that a window holds: the context's, unless its logits would take too much memory.
std::size_t window_tokens(const ModelInfo& model) {
  const std::uint64_t fitting = kMaxLogitBytes / (sizeof(float) * std::uint64_t{model.n_vocab});
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max<std::uint64_t>(fitting, 2), model.context));
}

struct Sum {
  double nll = 0;
  std::size_t tokens = 0;
  std::size_t windows = 0;

  [[nodiscard]] double mean() const { return nll / static_cast<double>(tokens); }
};

Status add_window(Engine& engine, const std::vector<std::int32_t>& window, Sum& sum) {
  SYNFIRE_ASSIGN_OR_RETURN(const double nll, window_nll(engine, window));
  sum.nll += nll;
  sum.tokens += window.size() - 1;
  ++sum.windows;
  return {};
}

// Windows one after another, each anew from BOS where the vocabulary wants one; a last one of a
// single token says nothing.
Result<Sum> measure(Engine& engine, const std::vector<std::int32_t>& ids, std::size_t window_size) {
  std::vector<std::int32_t> start;
  const Tokenizer& tokenizer = *engine.tokenizer();
  if (tokenizer.adds_bos() && tokenizer.bos()) start.push_back(*tokenizer.bos());
  const std::size_t step = window_size - start.size();
  Sum sum;
  Progress progress("tokens");
  for (std::size_t from = 0; from < ids.size(); from += step) {
    std::vector<std::int32_t> window = start;
    const std::size_t to = std::min(from + step, ids.size());
    window.insert(window.end(), ids.begin() + static_cast<std::ptrdiff_t>(from),
                  ids.begin() + static_cast<std::ptrdiff_t>(to));
    if (window.size() < 2) break;
    SYNFIRE_RETURN_IF_ERROR(add_window(engine, window, sum));
    progress.at(to, ids.size(), fmt::format("perplexity {:.4f}", std::exp(sum.mean())));
  }
  return sum;
}

void print_result(const Sum& sum, std::size_t window_size, bool json) {
  if (json) {
    print_json({{"mean_nll", json_number(sum.mean())},
                {"perplexity", json_number(std::exp(sum.mean()))},
                {"tokens", sum.tokens},
                {"windows", sum.windows},
                {"window_tokens", window_size}});
    return;
  }
  print("mean NLL {:.6f}, perplexity {:.4f} ({} tokens in {} windows of {})\n", sum.mean(),
        std::exp(sum.mean()), sum.tokens, sum.windows, window_size);
}

}  // namespace

Status check_perplexity(const OptionValues& values) {
  SYNFIRE_RETURN_IF_ERROR(check_engine_options(values));
  if (!values.is_set("file")) return invalid_argument("--file: missing, want a file with the text");
  return {};
}

Result<int> perplexity(const OptionValues& values) {
  const std::string file = values.get<std::string>("file");
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text, read_utf8_text(file));
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(values));
  if (engine->tokenizer() == nullptr) {
    return error(StatusCode::failed_precondition, "{}: no tokenizer in the file, so no text",
                 engine->model().path);
  }
  describe_engine(*engine);
  const std::size_t window_size = window_tokens(engine->model());
  if (window_size < 2) return invalid_argument("context: {} token, want at least 2", window_size);
  EncodeOptions options;
  options.add_bos = false;
  options.add_eos = false;
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> ids,
                           engine->tokenizer()->encode(text, options));
  SYNFIRE_ASSIGN_OR_RETURN(const Sum sum, measure(*engine, ids, window_size));
  if (sum.tokens == 0) return invalid_argument("{}: too short, want at least 2 tokens", file);
  print_result(sum, window_size, values.get<bool>("json"));
  return kExitOk;
}

}  // namespace synfire::cli
