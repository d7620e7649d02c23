#include "core/model/convert/hf_tokenizer.hpp"

#include <algorithm>
#include <utility>

#include "core/model/convert/json_object.hpp"
#include "core/model/convert/sentencepiece_model.hpp"
#include "core/model/convert/tokenizer_json.hpp"
#include "core/model/mapped_file.hpp"
#include "core/model/tokenizer/tokenizer.hpp"

namespace synfire::convert {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::optional<std::int32_t> id_of(const Vocab& vocab, std::string_view piece) {
  const auto found = std::ranges::find(vocab.pieces, piece);
  if (piece.empty() || found == vocab.pieces.end()) return {};
  return static_cast<std::int32_t>(found - vocab.pieces.begin());
}

// ---- The files that have the tokens ----

Result<Vocab> read_sentencepiece(const fs::path& path, std::vector<std::string>& warnings) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  Result<SentencePieceModel> model = parse_sentencepiece(text_of(*file));
  if (!model.ok()) return model.status().with_context(path.string());
  for (const std::string& warning : model->warnings)
    warnings.push_back(path.string() + ": " + warning);
  return std::move(model->vocab);
}

Result<Vocab> read_json(const fs::path& path, std::vector<std::string>& warnings) {
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject file, JsonObject::open(path));
  std::vector<std::string> said;
  Result<Vocab> vocab = parse_tokenizer_json(file, said);
  for (const std::string& warning : said) warnings.push_back(path.string() + ": " + warning);
  return vocab;
}

// GPT-2's own form, which OPT has: no word of how texts are split, so it is GPT-2's way.
Result<Vocab> read_gpt2(const fs::path& folder) {
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject pieces, JsonObject::open(folder / "vocab.json"));
  SYNFIRE_ASSIGN_OR_RETURN(const auto merges, MappedFile::open(folder / "merges.txt"));
  Vocab vocab;
  vocab.model = VocabModel::gpt2;
  vocab.pre = "gpt-2";
  const std::size_t n = pieces.values().size();
  vocab.pieces.resize(n);
  vocab.types.resize(n, TokenType::normal);
  for (const auto& [piece, value] : pieces.values()) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::uint32_t id, pieces.count(piece));
    if (id >= n) return pieces.bad(piece, fmt::format("{}", id), fmt::format("less than {}", n));
    vocab.pieces[id] = piece;
  }
  for (std::string_view rest = text_of(*merges); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty() && !line.starts_with("#version")) vocab.merges.emplace_back(line);
  }
  return vocab;
}

// ---- What stands beside them ----

// "<s>", or an object that says more of it.
std::string token_text(const JsonObject& config, std::string_view key) {
  const json::value* value = config.find(key);
  if (value != nullptr && value->is_object()) value = value->get_object().if_contains("content");
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

void put_token(Vocab& vocab, std::size_t id, std::string_view piece, bool is_special) {
  if (id >= vocab.pieces.size()) {
    vocab.pieces.resize(id + 1);
    vocab.types.resize(id + 1, TokenType::unused);
    if (vocab.model == VocabModel::llama) vocab.scores.resize(id + 1, -1000.0F);
  }
  const TokenType known = vocab.types[id];
  if (vocab.pieces[id] == piece && known != TokenType::normal) return;
  vocab.pieces[id] = piece;
  vocab.types[id] = is_special ? TokenType::control : TokenType::user_defined;
}

// tokenizer_config.json's added_tokens_decoder: tokens by their ids.
void add_listed_tokens(const JsonObject& config, std::uint32_t n_vocab, Vocab& vocab) {
  const json::value* const listed = config.find("added_tokens_decoder");
  if (listed == nullptr || !listed->is_object()) return;
  for (const auto& [key, value] : listed->get_object()) {
    const std::uint64_t id = std::strtoull(std::string(key).c_str(), nullptr, 10);
    const json::object* const token = value.if_object();
    const json::value* const text = token == nullptr ? nullptr : token->if_contains("content");
    if (text == nullptr || !text->is_string() || id >= n_vocab) continue;
    const json::value* const special = token->if_contains("special");
    put_token(vocab, id, text->get_string(),
              special != nullptr && special->is_bool() && special->get_bool());
  }
}

Status apply_config(const JsonObject& config, Vocab& vocab) {
  struct Named {
    const char* key;
    std::optional<std::int32_t> Vocab::*id;
  };
  for (const Named& named : {Named{"bos_token", &Vocab::bos}, Named{"eos_token", &Vocab::eos},
                             Named{"unk_token", &Vocab::unk}, Named{"pad_token", &Vocab::pad}}) {
    const auto id = id_of(vocab, token_text(config, named.key));
    if (!id) continue;
    vocab.*named.id = id;
    TokenType& type = vocab.types[static_cast<std::size_t>(*id)];
    if (type == TokenType::normal) type = TokenType::control;
  }
  SYNFIRE_ASSIGN_OR_RETURN(vocab.add_bos, config.flag_or("add_bos_token", vocab.add_bos));
  SYNFIRE_ASSIGN_OR_RETURN(vocab.add_eos, config.flag_or("add_eos_token", vocab.add_eos));
  vocab.add_bos = vocab.add_bos && vocab.bos;
  vocab.add_eos = vocab.add_eos && vocab.eos;
  return {};
}

// Where the tokenizer's files leave them open: the model's. A second end token is that of turns.
void apply_model_config(const JsonObject& config, Vocab& vocab) {
  const auto take = [&](const json::value& value) -> std::optional<std::int32_t> {
    json::error_code failed;
    const auto id = value.to_number<std::int32_t>(failed);
    if (failed || id < 0 || static_cast<std::size_t>(id) >= vocab.pieces.size()) return {};
    return id;
  };
  if (const json::value* const bos = config.find("bos_token_id"); bos != nullptr && !vocab.bos)
    vocab.bos = take(*bos);
  const json::value* const eos = config.find("eos_token_id");
  if (eos == nullptr) return;
  if (!eos->is_array()) {
    if (!vocab.eos) vocab.eos = take(*eos);
    return;
  }
  for (const json::value& value : eos->get_array()) {
    const auto id = take(value);
    if (!vocab.eos)
      vocab.eos = id;
    else if (id && id != vocab.eos && !vocab.eot)
      vocab.eot = id;
  }
}

std::string chat_template(const fs::path& folder, const JsonObject& config) {
  if (const json::value* const value = config.find("chat_template"))
    if (value->is_string()) return std::string(value->get_string());
  const Result<std::shared_ptr<const MappedFile>> file =
      MappedFile::open(folder / "chat_template.jinja");
  return file.ok() ? std::string(text_of(**file)) : "";
}

// A token for each row of the embedding. Tokens that have none cannot be taken: an added one is
// left out, others mean that the tokenizer is not this model's.
Status fit_to(std::uint32_t n_vocab, Vocab& vocab, std::vector<std::string>& warnings) {
  while (vocab.pieces.size() > n_vocab) {
    const TokenType type = vocab.types.back();
    if (type == TokenType::normal || type == TokenType::byte)
      return error(StatusCode::unimplemented, "{} tokens, want at most the model's {}",
                   vocab.pieces.size(), n_vocab);
    warnings.push_back(fmt::format("token {}: '{}' is left out: the model has {} tokens",
                                   vocab.pieces.size() - 1, vocab.pieces.back(), n_vocab));
    vocab.pieces.pop_back();
    vocab.types.pop_back();
    if (!vocab.scores.empty()) vocab.scores.pop_back();
  }
  for (auto id : {&Vocab::bos, &Vocab::eos, &Vocab::eot, &Vocab::unk, &Vocab::pad})
    if (vocab.*id && static_cast<std::uint32_t>(*(vocab.*id)) >= n_vocab) vocab.*id = {};
  vocab.add_bos = vocab.add_bos && vocab.bos;
  vocab.add_eos = vocab.add_eos && vocab.eos;
  vocab.pieces.resize(n_vocab);
  vocab.types.resize(n_vocab, TokenType::unused);
  if (vocab.model == VocabModel::llama) vocab.scores.resize(n_vocab, -1000.0F);
  for (std::uint32_t id = 0; id < n_vocab; ++id)
    if (vocab.pieces[id].empty()) vocab.pieces[id] = fmt::format("[PAD{}]", id);
  return {};
}

Result<Vocab> read_tokens(const fs::path& folder, std::vector<std::string>& warnings) {
  if (is_there(folder / "tokenizer.model"))
    return read_sentencepiece(folder / "tokenizer.model", warnings);
  if (is_there(folder / "tokenizer.json")) return read_json(folder / "tokenizer.json", warnings);
  if (is_there(folder / "vocab.json") && is_there(folder / "merges.txt")) return read_gpt2(folder);
  return error(StatusCode::unimplemented,
               "{}: neither tokenizer.model nor tokenizer.json, nor vocab.json with merges.txt",
               folder.string());
}

Result<JsonObject> open_or_empty(const fs::path& path) {
  return is_there(path) ? JsonObject::open(path) : JsonObject::parse("{}", path.string());
}

Result<Vocab> read_vocabulary(const fs::path& folder, std::uint32_t n_vocab,
                              const JsonObject& config, std::vector<std::string>& warnings) {
  SYNFIRE_ASSIGN_OR_RETURN(Vocab vocab, read_tokens(folder, warnings));
  add_listed_tokens(config, n_vocab, vocab);
  SYNFIRE_RETURN_IF_ERROR(apply_config(config, vocab));
  for (const char* const name : {"config.json", "generation_config.json"}) {
    SYNFIRE_ASSIGN_OR_RETURN(const JsonObject model, open_or_empty(folder / name));
    apply_model_config(model, vocab);
  }
  SYNFIRE_RETURN_IF_ERROR(fit_to(n_vocab, vocab, warnings));
  // Whatever else may be wrong, the encoder finds.
  const auto tokenizer = Tokenizer::create(vocab);
  if (!tokenizer.ok()) return tokenizer.status().with_context(folder.string() + ": tokenizer");
  return vocab;
}

}  // namespace

Result<HfTokenizer> read_hf_tokenizer(const fs::path& folder, std::uint32_t n_vocab) {
  HfTokenizer tokenizer;
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject config,
                           open_or_empty(folder / "tokenizer_config.json"));
  Result<Vocab> vocab = read_vocabulary(folder, n_vocab, config, tokenizer.warnings);
  if (vocab.ok()) {
    tokenizer.vocab = *std::move(vocab);
    tokenizer.chat_template = chat_template(folder, config);
    return tokenizer;
  }
  if (vocab.status().code() != StatusCode::unimplemented) return vocab.status();
  tokenizer.warnings.push_back(vocab.status().message() +
                               ": the file gets no tokenizer and takes token ids only");
  return tokenizer;
}

}  // namespace synfire::convert
