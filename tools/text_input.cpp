#include "tools/text_input.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <vector>

#include "tools/utf8_text.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr std::size_t kPiece = std::size_t{1} << 16;

Status failed(const std::string& name, int number) {
  const StatusCode code = number == ENOENT ? StatusCode::not_found : StatusCode::unavailable;
  return error(code, "{}: {}", name, std::generic_category().message(number));
}

Result<std::string> read_all(std::FILE* file, const std::string& name) {
  std::string text;
  std::vector<char> piece(kPiece);
  while (true) {
    errno = 0;
    const std::size_t got = std::fread(piece.data(), 1, piece.size(), file);
    text.append(piece.data(), got);
    if (text.size() > kMaxBytes) return invalid_argument("{}: longer than 1 GiB", name);
    if (got == piece.size()) continue;
    if (std::ferror(file) != 0) return failed(name, errno);
    return text;
  }
}

}  // namespace

Result<std::string> read_text(const std::filesystem::path& path) {
  if (path == "-") return read_all(stdin, "stdin");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) return failed(path.string(), errno);
  return read_all(file.get(), path.string());
}

Result<std::string> read_utf8_text(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(std::string text, read_text(path));
  const std::string name = path == "-" ? "stdin" : path.string();
  SYNFIRE_ASSIGN_OR_RETURN(const std::size_t whole, whole_characters(text, name, 0));
  if (whole != text.size()) return ends_within_character(name, whole);
  return text;
}

}  // namespace synfire::cli
