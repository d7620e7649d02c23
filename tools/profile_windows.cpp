#include "tools/profile_windows.hpp"

#include <algorithm>
#include <string>

#include "core/model/tokenizer/tokenizer.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint32_t kWindowTokens = 256;  // at most
constexpr std::uint64_t kMinWindows = 8;
// Texts that are no longer are looked at as a whole to choose windows.
constexpr std::uint64_t kShortBytes = std::uint64_t{1} << 16;

std::vector<std::int32_t> start_of(const Tokenizer& tokenizer) {
  if (!tokenizer.adds_bos() || !tokenizer.bos()) return {};
  return {*tokenizer.bos()};
}

Result<std::vector<std::int32_t>> tokens_of(const Engine& engine, const ProfileText::Piece& piece) {
  const Tokenizer& tokenizer = *engine.tokenizer();
  const std::vector<std::int32_t> start = start_of(tokenizer);
  EncodeOptions options;
  options.add_bos = false;
  options.add_eos = false;
  std::vector<std::int32_t> tokens;
  for (const std::string& part : piece.parts) {
    if (!tokens.empty()) tokens.insert(tokens.end(), start.begin(), start.end());
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> more, tokenizer.encode(part, options));
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  return tokens;
}

}  // namespace

Result<std::vector<std::vector<std::int32_t>>> profile_windows(const Engine& engine,
                                                               const ProfileText::Piece& piece,
                                                               std::uint32_t window_tokens) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> tokens, tokens_of(engine, piece));
  const std::vector<std::int32_t> start = start_of(*engine.tokenizer());
  const std::size_t step = window_tokens - start.size();
  std::vector<std::vector<std::int32_t>> windows;
  for (std::size_t from = 0; from < tokens.size(); from += step) {
    std::vector<std::int32_t>& window = windows.emplace_back(start);
    const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(from);
    const auto n = static_cast<std::ptrdiff_t>(std::min(step, tokens.size() - from));
    window.insert(window.end(), first, first + n);
  }
  return windows;
}

Result<std::uint32_t> choose_window_tokens(const Engine& engine, const ProfileText& texts) {
  const auto n_start = static_cast<std::uint32_t>(start_of(*engine.tokenizer()).size());
  const std::uint32_t most = std::min(kWindowTokens, engine.model().context);
  if (most <= n_start) return invalid_argument("context: {}, want at least {}", most, n_start + 1);
  if (texts.bytes() > kShortBytes) return most;
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < texts.texts().size(); ++i)
    for (std::uint64_t at = 0; at < texts.texts()[i].bytes;) {
      SYNFIRE_ASSIGN_OR_RETURN(const ProfileText::Piece piece, texts.piece(i, at));
      SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> tokens, tokens_of(engine, piece));
      n += tokens.size();
      at = piece.next;
    }
  if (n < kMinWindows)
    return invalid_argument("{}: {} tokens, want at least {}", texts.texts().front().name, n,
                            kMinWindows);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(n / kMinWindows, most - n_start) +
                                    n_start);
}

}  // namespace synfire::cli
