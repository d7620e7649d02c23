// The first byte chooses: a text for a good vocabulary of either kind, ids to decode, a vocabulary
// made of the bytes, or a GGUF file to read one from. Texts must come back as they were.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/pre_tokenizer_table.hpp"
#include "core/model/tokenizer/read_vocab.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "core/model/tokenizer/utf8.hpp"
#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace {

using synfire::EncodeOptions;
using synfire::Tokenizer;
using synfire::TokenType;
using synfire::Vocab;
namespace test = synfire::test;
namespace utf8 = synfire::utf8;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::vector<std::unique_ptr<Tokenizer>> make_tokenizers() {
  std::vector<std::unique_ptr<Tokenizer>> all;
  Vocab spm = test::small_spm({"_", "a", "b", "ab", "_a", "aa", "__", "____", "b_", "\u00E9", "1"});
  test::add_token(spm, "<mark>", TokenType::user_defined);
  test::add_token(spm, "ba", TokenType::unused, -3);
  all.push_back(test::make_tokenizer(spm));
  spm.add_space_prefix = false;
  all.push_back(test::make_tokenizer(spm));
  for (const auto& info : synfire::pre_tokenizers())
    all.push_back(test::make_tokenizer(test::small_bpe(
        {"a b", "\u0120 a", "a a", "aa aa", "\u0120 \u0120", "\u00C3 \u00A9", "1 1"}, info.name)));
  return all;
}

// What a vocabulary of the kind llama cannot tell apart.
std::string with_plain_spaces(std::string_view text) {
  constexpr std::string_view kSpace = synfire::kSentencePieceSpace;
  std::string plain;
  while (!text.empty()) {
    const bool is_space = text.starts_with(kSpace);
    plain += is_space ? ' ' : text.front();
    text.remove_prefix(is_space ? kSpace.size() : 1);
  }
  return plain;
}

void check_text(const Tokenizer& tokenizer, std::string_view text, bool parse_special) {
  EncodeOptions options;
  options.add_bos = false;
  options.parse_special = parse_special;
  const auto ids = tokenizer.encode(text, options);
  require(ids.ok());
  const auto decoded = tokenizer.decode(*ids, true);
  require(decoded.ok() && utf8::is_valid(*decoded));
  require(with_plain_spaces(*decoded) == with_plain_spaces(utf8::replace_invalid(text)));
}

void check_ids(const Tokenizer& tokenizer, std::string_view bytes) {
  std::vector<std::int32_t> ids(bytes.size() / sizeof(std::int16_t));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::int16_t id = 0;
    std::memcpy(&id, bytes.data() + i * sizeof(id), sizeof(id));
    ids[i] = id % 512;
  }
  for (const bool special : {false, true}) {
    const auto text = tokenizer.decode(ids, special);
    require(!text.ok() || utf8::is_valid(*text));
  }
}

// Whatever a vocabulary is like: an error, or ids of its own.
void check_vocab_and_text(Vocab vocab, std::string_view text) {
  const auto tokenizer = Tokenizer::create(std::move(vocab));
  if (!tokenizer.ok()) return require(!tokenizer.status().message().empty());
  for (const bool parse_special : {false, true}) {
    EncodeOptions options;
    options.parse_special = parse_special;
    const auto ids = (*tokenizer)->encode(text, options);
    if (!ids.ok()) continue;
    const auto decoded = (*tokenizer)->decode(*ids, true);
    require(decoded.ok() && utf8::is_valid(*decoded));
  }
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

// Lines "type score piece" up to an empty one, lines of merges up to an empty one, then text.
void check_made_vocab(bool is_bpe, std::string_view rest) {
  static const Vocab bpe = test::small_bpe({});
  static const Vocab spm = test::small_spm({});
  Vocab vocab = is_bpe ? bpe : spm;
  vocab.add_bos = vocab.add_space_prefix = !rest.empty() && rest.front() % 2 == 0;
  for (std::string_view line; !(line = take_line(rest)).empty();) {
    const auto type = static_cast<TokenType>(static_cast<std::uint8_t>(line[0]) % 7);
    const float score = line.size() > 1 ? -static_cast<float>(line[1] % 16) : 0;
    test::add_token(vocab, line.size() > 2 ? line.substr(2) : line.substr(0, 0), type, score);
  }
  for (std::string_view line; !(line = take_line(rest)).empty();) vocab.merges.emplace_back(line);
  check_vocab_and_text(std::move(vocab), rest);
}

void check_file(std::string_view bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  const auto file = synfire::GgufFile::parse({copy.get(), bytes.size()}, "fuzz");
  if (!file.ok()) return;
  auto vocab = synfire::read_vocab(*file);
  if (!vocab.ok()) return require(!vocab.status().message().empty());
  check_vocab_and_text(*std::move(vocab), "a text, <s> 123 \u00E9\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizers = make_tokenizers();
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t choice = data[0];
  const Tokenizer& tokenizer = *tokenizers[choice / 8 % tokenizers.size()];
  switch (choice % 8) {
    case 0: check_made_vocab(false, text); break;
    case 1: check_made_vocab(true, text); break;
    case 2: check_file(text); break;
    case 3: check_ids(tokenizer, text); break;
    default: check_text(tokenizer, text, choice % 2 == 0); break;
  }
  return 0;
}
