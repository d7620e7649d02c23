#include "tools/profile_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

#include <boost/json.hpp>

#include "core/base/crc32c.hpp"
#include "tools/utf8_text.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 16;
// Of one prompt with all that its line says.
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 24;

class TextFile {
 public:
  static Result<TextFile> open(const std::string& name) {
    std::error_code failed;
    if (std::filesystem::is_directory(name, failed))
      return invalid_argument("{}: a folder, want a text", name);
    TextFile file(name, std::fopen(name.c_str(), "rb"));
    if (file.file_ == nullptr) {
      const int number = errno;
      return error(number == ENOENT ? StatusCode::not_found : StatusCode::unavailable, "{}: {}",
                   name, std::generic_category().message(number));
    }
    return file;
  }

  // As many bytes as there are, at most n.
  Result<std::string> read(std::size_t n) {
    std::string bytes(n, '\0');
    errno = 0;
    bytes.resize(std::fread(bytes.data(), 1, n, file_.get()));
    if (std::ferror(file_.get()) == 0) return bytes;
    return error(StatusCode::unavailable, "{}: {}", name_, std::generic_category().message(errno));
  }
  Status seek(std::uint64_t to) {
    if (fseeko(file_.get(), static_cast<off_t>(to), SEEK_SET) == 0) return {};
    return error(StatusCode::unavailable, "{}: {}: want a file that can be read again", name_,
                 std::generic_category().message(errno));
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  TextFile(std::string name, std::FILE* file) : name_(std::move(name)), file_(file) {}

  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
};

// How much of a file is read, and its checksum.
Result<ProfileInfo::Text> scan(const std::string& name, std::uint64_t max_bytes) {
  SYNFIRE_ASSIGN_OR_RETURN(TextFile file, TextFile::open(name));
  ProfileInfo::Text text{name, 0, 0};
  std::string block;  // begins with what the last one left
  while (text.bytes < max_bytes) {
    const std::uint64_t left = max_bytes - text.bytes - block.size();
    SYNFIRE_ASSIGN_OR_RETURN(const std::string more,
                             file.read(std::min<std::uint64_t>(left, std::size_t{1} << 20)));
    block += more;
    SYNFIRE_ASSIGN_OR_RETURN(const std::size_t whole, whole_characters(block, name, text.bytes));
    text.checksum = crc32c(std::as_bytes(std::span(block).first(whole)), text.checksum);
    text.bytes += whole;
    block.erase(0, whole);
    if (!more.empty()) continue;
    if (left != 0 && !block.empty()) return ends_within_character(name, text.bytes);
    return text;
  }
  return text;
}

bool has_prompts(const std::string& name) {
  return std::filesystem::path(name).extension() == ".jsonl";
}

// Where to cut a text that goes on: after its last line, or else word, or else character.
std::size_t cut_of(std::string_view text) {
  for (const char* const ends : {"\n", " \t"})
    if (const std::size_t at = text.find_last_of(ends); at != text.npos && at >= text.size() / 2)
      return at + 1;
  std::size_t at = text.size();
  while (at > 1 && (static_cast<unsigned char>(text[at - 1]) & 0xC0) == 0x80) --at;
  return static_cast<unsigned char>(text[at - 1]) >= 0xC0 ? at - 1 : text.size();
}

void add_texts(const boost::json::value& value, std::string& prompt) {
  if (const auto* const text = value.if_string()) {
    if (!prompt.empty() && !text->empty()) prompt += '\n';
    prompt.append(text->begin(), text->end());
  } else if (const auto* const list = value.if_array()) {
    for (const boost::json::value& item : *list) add_texts(item, prompt);
  }
}

// What somebody would say to a model, by the keys that prompt collections have for it.
Result<std::string> prompt_of(std::string_view line, const std::string& name, std::uint64_t at) {
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse(line, failed);
  const boost::json::object* const object = failed ? nullptr : value.if_object();
  if (object == nullptr)
    return invalid_argument("{}: byte {}: {}, want a line with a JSON object", name, at,
                            failed ? failed.message() : "no object");
  std::string prompt;
  for (const char* const key : {"prompt", "text", "instruction", "input", "turns"})
    if (const boost::json::value* const found = object->if_contains(key)) add_texts(*found, prompt);
  if (prompt.empty())
    return invalid_argument("{}: byte {}: no text, want a key prompt, text, instruction or turns",
                            name, at);
  return prompt;
}

// Whether a text ends before its file does.
bool is_cut(const ProfileInfo::Text& text) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(text.name, failed);
  return !failed && size > text.bytes;
}

// Whole lines; the rest is for the next piece, or for nobody where the text is cut there.
Result<ProfileText::Piece> prompts_in(std::string_view block, const ProfileInfo::Text& text,
                                      std::uint64_t first) {
  ProfileText::Piece piece;
  std::size_t at = 0;
  while (at < block.size()) {
    std::size_t end = block.find('\n', at);
    if (end == block.npos) {
      if (first + block.size() < text.bytes) break;
      end = block.size();
      if (is_cut(text)) at = end;
      if (at == end) break;
    }
    const std::string_view line = block.substr(at, end - at);
    if (line.find_first_not_of(" \t\r") != line.npos) {
      SYNFIRE_ASSIGN_OR_RETURN(std::string prompt, prompt_of(line, text.name, first + at));
      piece.parts.push_back(std::move(prompt));
    }
    at = std::min(end + 1, block.size());
  }
  piece.next = first + at;
  return piece;
}

}  // namespace

Result<ProfileText> ProfileText::open(const std::vector<std::string>& files,
                                      std::uint64_t max_bytes) {
  ProfileText all;
  for (const std::string& name : files) {
    SYNFIRE_ASSIGN_OR_RETURN(ProfileInfo::Text text, scan(name, max_bytes - all.bytes()));
    all.texts_.push_back(std::move(text));
  }
  return all;
}

std::uint64_t ProfileText::bytes() const {
  std::uint64_t sum = 0;
  for (const ProfileInfo::Text& text : texts_) sum += text.bytes;
  return sum;
}

Result<ProfileText::Piece> ProfileText::piece(std::size_t text, std::uint64_t first) const {
  const ProfileInfo::Text& from = texts_[text];
  SYNFIRE_ASSIGN_OR_RETURN(TextFile file, TextFile::open(from.name));
  for (std::size_t size = kPieceBytes;; size *= 2) {
    SYNFIRE_RETURN_IF_ERROR(file.seek(first));
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, from.bytes - first));
    SYNFIRE_ASSIGN_OR_RETURN(std::string block, file.read(wanted));
    if (block.size() != wanted)
      return error(StatusCode::data_loss, "{}: shorter than it was, {} bytes", from.name,
                   first + block.size());
    const bool last = first + block.size() == from.bytes;
    if (!has_prompts(from.name)) {
      if (!last) block.resize(cut_of(block));
      const std::uint64_t next = first + block.size();
      return Piece{{std::move(block)}, next};
    }
    SYNFIRE_ASSIGN_OR_RETURN(Piece piece, prompts_in(block, from, first));
    if (piece.next != first || last) return piece;
    if (size > kMaxLineBytes)
      return invalid_argument("{}: byte {}: a line longer than {} bytes", from.name, first,
                              kMaxLineBytes);
  }
}

}  // namespace synfire::cli
