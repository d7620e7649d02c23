#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "core/model/tokenizer/vocab.hpp"

// The metadata of a GGUF file that is its tokenizer; llama.cpp's names.
namespace synfire::vocab_keys {

inline constexpr std::string_view kModel = "tokenizer.ggml.model";
inline constexpr std::string_view kPre = "tokenizer.ggml.pre";
inline constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
inline constexpr std::string_view kScores = "tokenizer.ggml.scores";
inline constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
inline constexpr std::string_view kMerges = "tokenizer.ggml.merges";
inline constexpr std::string_view kAddBos = "tokenizer.ggml.add_bos_token";
inline constexpr std::string_view kAddEos = "tokenizer.ggml.add_eos_token";
inline constexpr std::string_view kAddSpacePrefix = "tokenizer.ggml.add_space_prefix";

struct IdKey {
  std::string_view key;
  std::optional<std::int32_t> Vocab::*id;
};
inline constexpr std::array kIds{
    IdKey{"tokenizer.ggml.bos_token_id", &Vocab::bos},
    IdKey{"tokenizer.ggml.eos_token_id", &Vocab::eos},
    IdKey{"tokenizer.ggml.eot_token_id", &Vocab::eot},
    IdKey{"tokenizer.ggml.eom_token_id", &Vocab::eom},
    IdKey{"tokenizer.ggml.unknown_token_id", &Vocab::unk},
    IdKey{"tokenizer.ggml.padding_token_id", &Vocab::pad},
};

}  // namespace synfire::vocab_keys
