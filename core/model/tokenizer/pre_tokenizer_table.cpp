#include "core/model/tokenizer/pre_tokenizer_table.hpp"

#include <algorithm>
#include <array>

// The patterns are those of the models' tokenizer.json files (pre_tokenizer: Split, Digits,
// Punctuation, ByteLevel), which define what the models were trained on.
namespace synfire {
namespace {

// English contractions, words, numbers, other marks; a space goes with what follows it. What the
// pattern leaves out is whitespace before a word, which is a piece of its own.
constexpr std::string_view kWords =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kDigits = R"(\p{N}+)";
constexpr std::string_view kThreeDigits = R"([0-9][0-9][0-9])";
constexpr std::string_view kNewline = R"([\r\n])";
constexpr std::string_view kPunctuation = R"([\p{P}$+<=>^~|]+)";
constexpr std::string_view kPunctuationAndBacktick = R"([\p{P}$+<=>^~|`]+)";

// GPT-4's scheme: contractions in any case, newlines by themselves, numbers cut short.
#define SYNFIRE_CASELESS_WORDS(number)                         \
  R"('(?i:s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" number \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
constexpr std::string_view kCaselessThreeDigits = SYNFIRE_CASELESS_WORDS(R"(\p{N}{1,3})");
constexpr std::string_view kCaselessOneDigit = SYNFIRE_CASELESS_WORDS(R"(\p{N})");
#undef SYNFIRE_CASELESS_WORDS

// Letters that have case, by ranges: what Unicode held when DeepSeek-LLM was made.
constexpr std::string_view kCasedWord =
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"
    R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})"
    R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4})"
    R"(\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3})"
    R"(\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D})"
    R"(\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"
    R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E})"
    R"(\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"
    R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"
    R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)";
constexpr std::string_view kDeepseekMarks =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";
constexpr std::string_view kCjk = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
// Says `\s+$`. Without the look-behind, a run of n spaces before a word would be tried from each of
// its positions: n * n steps.
constexpr std::string_view kTrailingSpace = R"((?<!\s)\s++\z)";

constexpr std::array kDefault{kPunctuation, kWords, kDigits, kThreeDigits};
constexpr std::array kGpt2{kWords};
constexpr std::array kFalcon{kPunctuationAndBacktick, kWords, kThreeDigits};
constexpr std::array kStarcoder{kDigit, kWords};
constexpr std::array kLlamaBpe{kCaselessThreeDigits};
constexpr std::array kQwen2{kCaselessOneDigit};
constexpr std::array kDeepseekLlm{kNewline,       kCasedWord, kDeepseekMarks,
                                  kTrailingSpace, kCjk,       kDigits};
constexpr std::array<std::string_view, 5> kDeepseekCoder{kNewline, R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                                         kCjk, kDigit};

constexpr std::array kTable{
    PreTokenizerInfo{"default", kDefault},
    PreTokenizerInfo{"gpt-2", kGpt2},
    PreTokenizerInfo{"falcon", kFalcon},
    PreTokenizerInfo{"mpt", kGpt2},
    PreTokenizerInfo{"starcoder", kStarcoder},
    PreTokenizerInfo{"deepseek-coder", kDeepseekCoder},
    PreTokenizerInfo{"deepseek-llm", kDeepseekLlm},
    PreTokenizerInfo{"refact", kStarcoder},
    PreTokenizerInfo{"llama-bpe", kLlamaBpe, true, true},
    PreTokenizerInfo{"qwen2", kQwen2},
    PreTokenizerInfo{"smollm", kStarcoder},
};

std::string_view without_alias(std::string_view name) {
  return name == "llama3" || name == "llama-v3" ? "llama-bpe" : name;
}

}  // namespace

const PreTokenizerInfo* find_pre_tokenizer(std::string_view name) {
  const auto* found = std::ranges::find(kTable, without_alias(name), &PreTokenizerInfo::name);
  return found == kTable.end() ? nullptr : found;
}

std::span<const PreTokenizerInfo> pre_tokenizers() { return kTable; }

}  // namespace synfire
