#include "core/base/spec_reader.hpp"

#include <algorithm>

namespace synfire {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_char);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view SpecReader::take_name() {
  std::size_t length = 0;
  while (length < rest_.size() && is_name_char(rest_[length])) ++length;
  const std::string_view name = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return name;
}

bool SpecReader::take(char c) {
  if (rest_.empty() || rest_.front() != c) return false;
  rest_.remove_prefix(1);
  return true;
}

void SpecReader::skip_spaces() {
  while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
}

Status SpecReader::take_options(std::map<std::string, std::string>& options) {
  if (!take('[')) return {};
  const std::size_t close = rest_.find(']');
  if (close == std::string_view::npos) return fail("a ']'");
  std::string_view inside = rest_.substr(0, close);
  rest_.remove_prefix(close + 1);
  std::string* value = nullptr;
  for (;;) {
    const std::size_t comma_at = inside.find(',');
    SYNFIRE_RETURN_IF_ERROR(option(trimmed(inside.substr(0, comma_at)), options, value));
    if (comma_at == std::string_view::npos) return {};
    inside.remove_prefix(comma_at + 1);
  }
}

Status SpecReader::option(std::string_view item, std::map<std::string, std::string>& options,
                          std::string*& value) const {
  const std::size_t equals = item.find('=');
  if (equals == std::string_view::npos && value != nullptr && !item.empty()) {
    value->append(",").append(item);
    return {};
  }
  const std::string_view key = item.substr(0, equals);
  if (equals == std::string_view::npos || !is_name(key) || equals + 1 == item.size()) {
    return invalid_argument("{} '{}': option '{}', want key=value", kind_, all_, item);
  }
  const auto [at, fresh] = options.emplace(std::string(key), std::string(item.substr(equals + 1)));
  if (!fresh) return invalid_argument("{} '{}': option '{}' twice, want it once", kind_, all_, key);
  value = &at->second;
  return {};
}

Status SpecReader::fail(std::string_view want) const {
  const std::string at = rest_.empty() ? "the end" : fmt::format("'{}'", rest_);
  return invalid_argument("{} '{}': got {}, want {} ({})", kind_, all_, at, want, example_);
}

std::string bracketed(const std::map<std::string, std::string>& options) {
  std::string text;
  for (const auto& [key, value] : options)
    text += fmt::format("{}{}={}", text.empty() ? '[' : ',', key, value);
  return text.empty() ? text : text + ']';
}

}  // namespace synfire
