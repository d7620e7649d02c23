#include "tools/utf8_text.hpp"

#include "core/model/tokenizer/utf8.hpp"

namespace synfire::cli {

Result<std::size_t> whole_characters(std::string_view text, const std::string& name,
                                     std::uint64_t at) {
  std::size_t done = 0;
  while (done < text.size()) {
    if (static_cast<unsigned char>(text[done]) < 0x80) {
      ++done;
      continue;
    }
    const utf8::Step step = utf8::step(text.substr(done));
    if (step.kind == utf8::StepKind::incomplete) break;
    if (step.kind == utf8::StepKind::invalid)
      return invalid_argument("{}: byte {}: 0x{:02X} is not UTF-8", name, at + done,
                              static_cast<unsigned char>(text[done]));
    done += step.bytes;
  }
  return done;
}

Status ends_within_character(const std::string& name, std::uint64_t at) {
  return invalid_argument("{}: byte {}: the text ends within a character of UTF-8", name, at);
}

}  // namespace synfire::cli
