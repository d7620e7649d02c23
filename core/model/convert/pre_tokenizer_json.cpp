#include <array>
#include <utility>

#include "core/model/convert/tokenizer_json.hpp"
#include "core/model/printable.hpp"

namespace synfire::convert {
namespace {

namespace json = boost::json;

// GPT-4's scheme as model files write it; `number` is its part for digits.
#define SYNFIRE_CASELESS_WORDS(number)                                     \
  R"(split:(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" number \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+,bytes)"

// The steps of a JSON's pre-tokenizer, in one line, and what Synfire calls it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kKnown{{
    {"words", "gpt-2"},
    {"digit,words", "smollm"},
    {"punctuation,words,digits,split:[0-9][0-9][0-9]", "falcon"},
    {SYNFIRE_CASELESS_WORDS(R"(\p{N}{1,3})"), "llama-bpe"},
    {SYNFIRE_CASELESS_WORDS(R"(\p{N})"), "qwen2"},
    {"punctuation,words,digits,split:[0-9]{3}", "falcon"},
}};
#undef SYNFIRE_CASELESS_WORDS

std::string_view text_of(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : "";
}
bool flag_of(const json::object& object, std::string_view key, bool fallback) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_bool() ? value->get_bool() : fallback;
}

std::string split_step(const json::object& step) {
  const json::value* const pattern = step.if_contains("pattern");
  if (pattern == nullptr || !pattern->is_object() || flag_of(step, "invert", false)) return "?";
  if (text_of(step, "behavior") != "Isolated") return "?";
  return fmt::format("split:{}", text_of(pattern->get_object(), "Regex"));
}

// A word for each step that is understood, "?" for others.
std::string step_of(const json::object& step) {
  const std::string_view type = text_of(step, "type");
  if (type == "ByteLevel") {
    if (flag_of(step, "add_prefix_space", false)) return "?";
    return flag_of(step, "use_regex", true) ? "words" : "bytes";
  }
  if (type == "Digits") return flag_of(step, "individual_digits", false) ? "digit" : "digits";
  if (type == "Punctuation") return "punctuation";
  if (type == "Split") return split_step(step);
  return "?";
}

}  // namespace

Result<std::string> pre_tokenizer_name(const JsonObject& file) {
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject pre, file.object("pre_tokenizer"));
  std::string steps;
  if (text_of(pre.values(), "type") == "Sequence") {
    const json::value* const parts = pre.find("pretokenizers");
    if (parts == nullptr || !parts->is_array())
      return pre.bad("pretokenizers", parts == nullptr ? "missing" : shown(*parts), "an array");
    for (const json::value& part : parts->get_array()) {
      if (!steps.empty()) steps += ',';
      steps += part.is_object() ? step_of(part.get_object()) : "?";
    }
  } else {
    steps = step_of(pre.values());
  }
  for (const auto& [known, name] : kKnown)
    if (known == steps) return std::string(name);
  return error(StatusCode::unimplemented, "{}: pre_tokenizer '{}' is not known", file.name(),
               printable(json::serialize(pre.values())).substr(0, 200));
}

}  // namespace synfire::convert
