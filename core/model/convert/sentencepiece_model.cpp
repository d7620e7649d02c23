#include "core/model/convert/sentencepiece_model.hpp"

#include <bit>
#include <limits>
#include <utility>

#include "core/model/convert/wire_fields.hpp"

namespace synfire::convert {
namespace {

using Field = WireFields::Field;

// Calls take(field) for each field of a message.
template <typename Take>
Status for_fields(std::string_view message, const Take& take) {
  WireFields fields(message);
  while (true) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::optional<Field> field, fields.next());
    if (!field) return {};
    SYNFIRE_RETURN_IF_ERROR(take(*field));
  }
}

// ModelProto
enum : std::uint32_t { kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3 };
// ModelProto.SentencePiece
enum : std::uint32_t { kPiece = 1, kScore = 2, kType = 3 };
// TrainerSpec
enum : std::uint32_t { kModelType = 3, kUnkId = 40, kBosId = 41, kEosId = 42, kPadId = 43 };
constexpr std::uint64_t kBpe = 2;  // a value of kModelType; 1, Unigram, where it is absent
// NormalizerSpec
enum : std::uint32_t { kCharsMap = 2, kAddDummyPrefix = 3, kRemoveExtraWhitespaces = 4 };

class Parser {
 public:
  Result<SentencePieceModel> parse(std::string_view bytes) {
    Vocab& vocab = model_.vocab;
    vocab.model = VocabModel::llama;
    vocab.unk = 0;
    vocab.bos = 1;
    vocab.eos = 2;
    vocab.add_bos = true;
    vocab.add_space_prefix = true;
    SYNFIRE_RETURN_IF_ERROR(for_fields(bytes, [this](const Field& field) -> Status {
      switch (field.is_bytes ? field.number : 0) {
        case kPieces: return add_piece(field.bytes);
        case kTrainerSpec: return read_trainer(field.bytes);
        case kNormalizerSpec: return read_normalizer(field.bytes);
        default: return {};
      }
    }));
    if (model_type_ != kBpe)
      return error(StatusCode::unimplemented, "SentencePiece model type {}, want 2 (BPE)",
                   model_type_);
    if (has_chars_map_ || removes_whitespace_)
      model_.warnings.push_back(
          "its normalization of texts is left out: odd characters and runs of spaces may get "
          "other tokens");
    vocab.add_bos = vocab.bos.has_value();
    return std::move(model_);
  }

 private:
  Status add_piece(std::string_view message) {
    std::string piece;
    float score = 0;
    std::uint64_t type = 1;
    SYNFIRE_RETURN_IF_ERROR(for_fields(message, [&](const Field& field) -> Status {
      if (field.number == kPiece) piece = field.bytes;
      if (field.number == kScore)
        score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
      if (field.number == kType) type = field.value;
      return {};
    }));
    const std::size_t id = model_.vocab.pieces.size();
    if (type == 0 || type > static_cast<std::uint64_t>(TokenType::byte))
      return invalid_argument("piece {}: type {}, want 1 to 6", id, type);
    model_.vocab.pieces.push_back(std::move(piece));
    model_.vocab.scores.push_back(score);
    model_.vocab.types.push_back(static_cast<TokenType>(type));
    return {};
  }

  // Negative: there is none.
  static std::optional<std::int32_t> id_of(const Field& field) {
    const auto id = static_cast<std::int64_t>(field.value);
    if (id < 0 || id > std::numeric_limits<std::int32_t>::max()) return {};
    return static_cast<std::int32_t>(id);
  }

  Status read_trainer(std::string_view message) {
    return for_fields(message, [this](const Field& field) -> Status {
      switch (field.number) {
        case kModelType: model_type_ = field.value; break;
        case kUnkId: model_.vocab.unk = id_of(field); break;
        case kBosId: model_.vocab.bos = id_of(field); break;
        case kEosId: model_.vocab.eos = id_of(field); break;
        case kPadId: model_.vocab.pad = id_of(field); break;
        default: break;
      }
      return {};
    });
  }

  Status read_normalizer(std::string_view message) {
    removes_whitespace_ = true;  // where the message does not say
    return for_fields(message, [this](const Field& field) -> Status {
      if (field.number == kCharsMap) has_chars_map_ = !field.bytes.empty();
      if (field.number == kAddDummyPrefix) model_.vocab.add_space_prefix = field.value != 0;
      if (field.number == kRemoveExtraWhitespaces) removes_whitespace_ = field.value != 0;
      return {};
    });
  }

  SentencePieceModel model_;
  std::uint64_t model_type_ = 1;
  bool has_chars_map_ = false;
  bool removes_whitespace_ = false;
};

}  // namespace

Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes) {
  return Parser().parse(bytes);
}

}  // namespace synfire::convert
