#include "core/model/tokenizer/utf8.hpp"

namespace synfire::utf8 {
namespace {

// What may follow a lead byte: the range of the second byte differs, the others are 80..BF.
struct Lead {
  std::size_t bytes;  // of the character; 0 when no character starts so
  std::uint8_t second_min;
  std::uint8_t second_max;
};

Lead classify(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Step step(std::string_view text) {
  const Lead lead = classify(static_cast<std::uint8_t>(text.front()));
  if (lead.bytes == 0) return {StepKind::invalid, 1};
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    if (i == text.size()) return {StepKind::incomplete, i};
    const auto byte = static_cast<std::uint8_t>(text[i]);
    const std::uint8_t min = i == 1 ? lead.second_min : 0x80;
    const std::uint8_t max = i == 1 ? lead.second_max : 0xBF;
    if (byte < min || byte > max) return {StepKind::invalid, i};
  }
  return {StepKind::character, lead.bytes};
}

bool is_valid(std::string_view text) {
  while (!text.empty()) {
    const Step next = step(text);
    if (next.kind != StepKind::character) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

std::string replace_invalid(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Step next = step(text);
    result += next.kind == StepKind::character ? text.substr(0, next.bytes) : kReplacement;
    text.remove_prefix(next.bytes);
  }
  return result;
}

}  // namespace synfire::utf8
