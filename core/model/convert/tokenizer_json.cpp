#include "core/model/convert/tokenizer_json.hpp"

#include <algorithm>
#include <utility>

#include "core/model/printable.hpp"

namespace synfire::convert {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kMaxTokens = 1U << 24;

// Reads the file part by part into a vocabulary.
class Parser {
 public:
  Parser(const JsonObject& file, std::vector<std::string>& warnings)
      : file_(file), warnings_(warnings) {}

  Result<Vocab> parse() {
    SYNFIRE_ASSIGN_OR_RETURN(const JsonObject model, file_.object("model"));
    // Old files do not say it of BPE.
    SYNFIRE_ASSIGN_OR_RETURN(const std::string type, model.text_or("type", "BPE"));
    if (type != "BPE")
      return error(StatusCode::unimplemented, "{}: model of type '{}', want BPE", file_.name(),
                   type);
    SYNFIRE_ASSIGN_OR_RETURN(const bool byte_fallback, model.flag_or("byte_fallback", false));
    vocab_.model = byte_fallback ? VocabModel::llama : VocabModel::gpt2;
    SYNFIRE_RETURN_IF_ERROR(read_pieces(model));
    SYNFIRE_RETURN_IF_ERROR(read_merges(model));
    SYNFIRE_RETURN_IF_ERROR(read_added_tokens());
    SYNFIRE_RETURN_IF_ERROR(byte_fallback ? finish_sentencepiece(model) : finish_bytes(model));
    read_post_processor(file_.find("post_processor"));
    return std::move(vocab_);
  }

 private:
  Status put(std::string_view piece, std::uint32_t id, TokenType type) {
    if (id >= kMaxTokens)
      return invalid_argument("{}: token {}: id {}, want less than {}", file_.name(),
                              printable(piece), id, kMaxTokens);
    if (id >= vocab_.pieces.size()) {
      vocab_.pieces.resize(id + 1);
      vocab_.types.resize(id + 1, TokenType::unused);
    }
    vocab_.pieces[id] = piece;
    vocab_.types[id] = type;
    return {};
  }

  Status read_pieces(const JsonObject& model) {
    SYNFIRE_ASSIGN_OR_RETURN(const JsonObject pieces, model.object("vocab"));
    for (const auto& [piece, value] : pieces.values()) {
      SYNFIRE_ASSIGN_OR_RETURN(const std::uint32_t id, pieces.count(piece));
      const bool is_byte = vocab_.model == VocabModel::llama && named_byte(piece).has_value();
      SYNFIRE_RETURN_IF_ERROR(put(piece, id, is_byte ? TokenType::byte : TokenType::normal));
    }
    return {};
  }

  // "left right" each, or since tokenizers 0.20 ["left", "right"].
  Status read_merges(const JsonObject& model) {
    const json::value* const merges = model.find("merges");
    if (merges == nullptr || !merges->is_array())
      return model.bad("merges", merges == nullptr ? "missing" : shown(*merges), "an array");
    for (const json::value& merge : merges->get_array()) {
      if (merge.is_string()) {
        vocab_.merges.emplace_back(std::string_view(merge.get_string()));
        continue;
      }
      const json::array* const pair = merge.if_array();
      if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
          !(*pair)[1].is_string())
        return model.bad("merges", shown(merge), "pairs of texts");
      vocab_.merges.push_back(std::string(std::string_view((*pair)[0].get_string())) + ' ' +
                              std::string(std::string_view((*pair)[1].get_string())));
    }
    return {};
  }

  Status read_added_tokens() {
    const json::value* const added = file_.find("added_tokens");
    if (added == nullptr) return {};
    if (!added->is_array()) return file_.bad("added_tokens", shown(*added), "an array");
    for (const json::value& token : added->get_array()) {
      const json::object* const fields = token.if_object();
      const json::value* const id = fields == nullptr ? nullptr : fields->if_contains("id");
      const json::value* const text = fields == nullptr ? nullptr : fields->if_contains("content");
      json::error_code failed;
      const auto number = id == nullptr ? 0U : id->to_number<std::uint32_t>(failed);
      if (id == nullptr || text == nullptr || !text->is_string() || failed)
        return file_.bad("added_tokens", "an entry without id or content", "both");
      const json::value* const special = fields->if_contains("special");
      const bool is_special = special != nullptr && special->is_bool() && special->get_bool();
      SYNFIRE_RETURN_IF_ERROR(put(text->get_string(), number,
                                  is_special ? TokenType::control : TokenType::user_defined));
    }
    return {};
  }

  [[nodiscard]] std::optional<std::int32_t> id_of(std::string_view piece) const {
    const auto found = std::ranges::find(vocab_.pieces, piece);
    if (piece.empty() || found == vocab_.pieces.end()) return {};
    return static_cast<std::int32_t>(found - vocab_.pieces.begin());
  }

  // ---- Byte-level BPE ----
  Status finish_bytes(const JsonObject& model) {
    SYNFIRE_ASSIGN_OR_RETURN(vocab_.pre, pre_tokenizer_name(file_));
    SYNFIRE_ASSIGN_OR_RETURN(const bool ignores, model.flag_or("ignore_merges", false));
    if (ignores && vocab_.pre != "llama-bpe")
      return error(StatusCode::unimplemented, "{}: ignore_merges with the splits of {}",
                   file_.name(), vocab_.pre);
    if (const json::value* const normalizer = file_.find("normalizer")) {
      const json::object* const object = normalizer->if_object();
      const json::value* const type = object == nullptr ? nullptr : object->if_contains("type");
      if (type == nullptr || *type != json::value("NFC"))
        return error(StatusCode::unimplemented, "{}: a normalizer other than NFC", file_.name());
      warnings_.push_back("its NFC normalization is left out: texts should have it already");
    }
    return {};
  }

  // ---- SentencePiece's BPE ----
  Status finish_sentencepiece(const JsonObject& model) {
    vocab_.pre = "default";
    SYNFIRE_ASSIGN_OR_RETURN(const std::string unknown, model.text_or("unk_token", ""));
    vocab_.unk = id_of(unknown);
    if (vocab_.unk) vocab_.types[static_cast<std::size_t>(*vocab_.unk)] = TokenType::unknown;
    SYNFIRE_ASSIGN_OR_RETURN(vocab_.add_space_prefix, space_prefix());
    Result<std::vector<float>> scores = scores_of_merges(vocab_);
    if (!scores.ok()) return scores.status().with_context(file_.name());
    vocab_.scores = *std::move(scores);
    vocab_.merges.clear();
    return {};
  }

  // Spaces become U+2581, by a normalizer or a pre-tokenizer; whether one comes in front.
  [[nodiscard]] Result<bool> space_prefix() const {
    if (file_.has("pre_tokenizer")) {
      SYNFIRE_ASSIGN_OR_RETURN(const JsonObject pre, file_.object("pre_tokenizer"));
      SYNFIRE_ASSIGN_OR_RETURN(const std::string type, pre.text_or("type", ""));
      SYNFIRE_ASSIGN_OR_RETURN(const std::string scheme, pre.text_or("prepend_scheme", "always"));
      SYNFIRE_ASSIGN_OR_RETURN(const bool prefix, pre.flag_or("add_prefix_space", true));
      SYNFIRE_ASSIGN_OR_RETURN(const bool split, pre.flag_or("split", true));
      if (type != "Metaspace" || split || file_.has("normalizer"))
        return error(StatusCode::unimplemented, "{}: pre_tokenizer '{}' beside byte_fallback",
                     file_.name(), type);
      return prefix && scheme != "never";
    }
    const std::string steps = json::serialize(json::value(
        file_.find("normalizer") == nullptr ? json::value() : *file_.find("normalizer")));
    constexpr std::string_view kReplace =
        R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})";
    if (steps == kReplace) return false;
    if (steps == R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},)" +
                     std::string(kReplace) + "]}")
      return true;
    return error(StatusCode::unimplemented, "{}: normalizer '{}' beside byte_fallback",
                 file_.name(), printable(steps).substr(0, 200));
  }

  // ---- What goes around a text ----
  void read_post_processor(const json::value* value) {
    const json::object* const object = value == nullptr ? nullptr : value->if_object();
    if (object == nullptr) return;
    if (const json::value* const parts = object->if_contains("processors"))
      if (parts->is_array())
        for (const json::value& part : parts->get_array()) read_post_processor(&part);
    const json::value* const single = object->if_contains("single");
    if (single == nullptr || !single->is_array() || single->get_array().empty()) return;
    const json::array& items = single->get_array();
    vocab_.bos = special_of(items.front());
    vocab_.add_bos = vocab_.bos.has_value();
    if (items.size() > 1) vocab_.eos = special_of(items.back());
    vocab_.add_eos = vocab_.eos.has_value();
  }
  [[nodiscard]] std::optional<std::int32_t> special_of(const json::value& item) const {
    const json::object* const object = item.if_object();
    const json::value* const special =
        object == nullptr ? nullptr : object->if_contains("SpecialToken");
    const json::object* const fields = special == nullptr ? nullptr : special->if_object();
    const json::value* const id = fields == nullptr ? nullptr : fields->if_contains("id");
    if (id == nullptr || !id->is_string()) return {};
    return id_of(id->get_string());
  }

  const JsonObject& file_;
  std::vector<std::string>& warnings_;
  Vocab vocab_;
};

}  // namespace

Result<Vocab> parse_tokenizer_json(const JsonObject& file, std::vector<std::string>& warnings) {
  return Parser(file, warnings).parse();
}

}  // namespace synfire::convert
