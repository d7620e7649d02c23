#include "tools/text_windows.hpp"

#include <algorithm>
#include <random>
#include <string>

#include "core/model/tokenizer/tokenizer.hpp"
#include "tools/output.hpp"
#include "tools/text_input.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint32_t kWindowTokens = 256;  // at most

Result<std::vector<std::int32_t>> text_tokens(const Engine& engine, const std::string& file) {
  if (engine.tokenizer() == nullptr)
    return error(StatusCode::failed_precondition, "{}: no tokenizer in the file, so no text",
                 engine.model().path);
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text, read_utf8_text(file));
  EncodeOptions options;
  options.add_bos = false;
  options.add_eos = false;
  return engine.tokenizer()->encode(text, options);
}

std::vector<std::int32_t> random_tokens(const Engine& engine, std::uint64_t count) {
  std::mt19937_64 random(1);
  std::vector<std::int32_t> tokens(count);
  for (std::int32_t& token : tokens)
    token = static_cast<std::int32_t>(random() % engine.model().n_vocab);
  return tokens;
}

// Each anew from BOS where the vocabulary wants one; spread over all of a text that is longer than
// the tokens wanted.
Windows cut(const Engine& engine, const std::vector<std::int32_t>& tokens, std::uint64_t wanted) {
  std::vector<std::int32_t> start;
  const Tokenizer* const tokenizer = engine.tokenizer();
  if (tokenizer != nullptr && tokenizer->adds_bos() && tokenizer->bos())
    start.push_back(*tokenizer->bos());
  const std::uint64_t used = std::min<std::uint64_t>(wanted, tokens.size());
  // At least eight windows, so that some can be held out.
  const std::uint64_t room = std::min(kWindowTokens, engine.model().context) - start.size();
  const std::uint64_t step = std::clamp<std::uint64_t>(used / 8, 1, room);
  Windows windows;
  for (std::uint64_t i = 0; (i + 1) * step <= used; ++i) {
    const std::uint64_t from = tokens.size() == used ? i * step : i * tokens.size() * step / used;
    std::vector<std::int32_t> window = start;
    const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(from);
    window.insert(window.end(), first, first + static_cast<std::ptrdiff_t>(step));
    windows.push_back(std::move(window));
  }
  return windows;
}

}  // namespace

Result<Windows> text_windows(const Engine& engine, const OptionValues& values,
                             std::uint64_t wanted) {
  if (engine.model().context < 2) return invalid_argument("context: 1 token, want at least 2");
  if (!values.is_set("file")) {
    note("random tokens are looked at: give a text with --file for better ones\n");
    return cut(engine, random_tokens(engine, wanted), wanted);
  }
  const std::string file = values.get<std::string>("file");
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> tokens, text_tokens(engine, file));
  Windows windows = cut(engine, tokens, wanted);
  if (windows.size() < 8)
    return invalid_argument("{}: {} tokens, want at least 8", file, tokens.size());
  return windows;
}

}  // namespace synfire::cli
