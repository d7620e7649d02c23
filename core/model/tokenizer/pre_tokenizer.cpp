#include "core/model/tokenizer/pre_tokenizer.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "core/model/tokenizer/pre_tokenizer_table.hpp"

namespace synfire {
namespace {

struct PcreDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string pcre_message(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

Status check_name(std::string_view name) {
  if (find_pre_tokenizer(name) != nullptr) return {};
  std::string known;
  for (const PreTokenizerInfo& info : pre_tokenizers())
    known.append(known.empty() ? "" : ", ").append(info.name);
  return error(StatusCode::unimplemented, "pre-tokenizer '{}': unknown, want one of {}", name,
               known);
}

}  // namespace

class PreTokenizer::Pattern {
 public:
  static Result<Pattern> compile(std::string_view text) {
    int code = 0;
    PCRE2_SIZE at = 0;
    std::unique_ptr<pcre2_code, PcreDeleter> compiled(
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), PCRE2_UTF | PCRE2_UCP,
                      &code, &at, nullptr));
    if (compiled == nullptr)
      return error(StatusCode::internal, "pattern {}: {} at {}", text, pcre_message(code), at);
    // Where the system forbids new machine code, PCRE2 interprets: slower, the same answers.
    pcre2_jit_compile(compiled.get(), PCRE2_JIT_COMPLETE);
    return Pattern(std::move(compiled));
  }

  // Cuts each of `ranges` of `text` at the matches within it.
  Status split(std::string_view text, const std::vector<TextRange>& ranges,
               std::vector<TextRange>& out) const {
    const std::unique_ptr<pcre2_match_data, PcreDeleter> data(pcre2_match_data_create(1, nullptr));
    const std::unique_ptr<pcre2_match_context, PcreDeleter> context(
        pcre2_match_context_create(nullptr));
    if (data == nullptr || context == nullptr)
      return error(StatusCode::resource_exhausted, "pre-tokenizer: no memory for a match");
    // The limit guards against explosive patterns; ours are linear, and texts may be long.
    pcre2_set_match_limit(context.get(), std::numeric_limits<std::uint32_t>::max());
    for (const TextRange range : ranges)
      SYNFIRE_RETURN_IF_ERROR(split_range(text, range, data.get(), context.get(), out));
    return {};
  }

 private:
  explicit Pattern(std::unique_ptr<pcre2_code, PcreDeleter> code) : code_(std::move(code)) {}

  // The subject is the range alone, so that look-around and `\z` see its ends.
  Status split_range(std::string_view text, TextRange range, pcre2_match_data* data,
                     pcre2_match_context* context, std::vector<TextRange>& out) const {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data() + range.begin);
    const std::uint32_t size = range.end - range.begin;
    std::uint32_t at = 0;
    while (at < size) {
      const int found =
          pcre2_match(code_.get(), subject, size, at, PCRE2_NO_UTF_CHECK, data, context);
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0)
        return error(StatusCode::internal, "pre-tokenizer: at byte {}: {}", range.begin + at,
                     pcre_message(found));
      const PCRE2_SIZE* match = pcre2_get_ovector_pointer(data);
      const auto begin = static_cast<std::uint32_t>(match[0]);
      const auto end = static_cast<std::uint32_t>(match[1]);
      if (begin > at) out.push_back({range.begin + at, range.begin + begin});
      if (end == begin) return error(StatusCode::internal, "pre-tokenizer: empty match");
      out.push_back({range.begin + begin, range.begin + end});
      at = end;
    }
    if (at < size) out.push_back({range.begin + at, range.end});
    return {};
  }

  std::unique_ptr<pcre2_code, PcreDeleter> code_;
};

PreTokenizer::PreTokenizer(std::vector<Pattern> patterns, bool ignores_merges)
    : patterns_(std::move(patterns)), ignores_merges_(ignores_merges) {}
PreTokenizer::~PreTokenizer() = default;
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;

Result<PreTokenizer> PreTokenizer::create(std::string_view name) {
  SYNFIRE_RETURN_IF_ERROR(check_name(name));
  const PreTokenizerInfo& info = *find_pre_tokenizer(name);
  std::vector<Pattern> patterns;
  for (const std::string_view text : info.patterns) {
    SYNFIRE_ASSIGN_OR_RETURN(Pattern pattern, Pattern::compile(text));
    patterns.push_back(std::move(pattern));
  }
  return PreTokenizer(std::move(patterns), info.ignores_merges);
}

Result<std::vector<TextRange>> PreTokenizer::split(std::string_view text) const {
  std::vector<TextRange> ranges;
  if (text.empty()) return ranges;
  ranges.push_back({0, static_cast<std::uint32_t>(text.size())});
  std::vector<TextRange> next;
  for (const Pattern& pattern : patterns_) {
    next.clear();
    SYNFIRE_RETURN_IF_ERROR(pattern.split(text, ranges, next));
    ranges.swap(next);
  }
  return ranges;
}

}  // namespace synfire
