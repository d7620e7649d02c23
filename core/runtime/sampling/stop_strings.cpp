#include "core/runtime/sampling/stop_strings.hpp"

#include <algorithm>
#include <utility>

namespace synfire {
namespace {

std::vector<std::size_t> borders(std::string_view text) {
  std::vector<std::size_t> border(text.size(), 0);
  std::size_t length = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    while (length > 0 && text[i] != text[length]) length = border[length - 1];
    if (text[i] == text[length]) ++length;
    border[i] = length;
  }
  return border;
}

}  // namespace

Result<StopStrings> StopStrings::make(std::span<const std::string> stops) {
  if (stops.size() > kMaxCount) {
    return invalid_argument("stop: {} texts, want {} at most", stops.size(), kMaxCount);
  }
  StopStrings made;
  for (std::size_t i = 0; i < stops.size(); ++i) {
    const std::string& text = stops[i];
    if (text.empty()) return invalid_argument("stop[{}]: empty, want a text", i);
    if (text.size() > kMaxBytes) {
      return invalid_argument("stop[{}]: {} bytes, want {} at most", i, text.size(), kMaxBytes);
    }
    made.patterns_.push_back({text, borders(text)});
  }
  return made;
}

std::string StopStrings::push(std::string_view text) {
  if (matched_) return {};
  for (const char byte : text) {
    held_ += byte;
    if (step(byte)) {
      held_.resize(held_.size() - patterns_[*matched_].text.size());
      return std::exchange(held_, {});
    }
  }
  const std::size_t free = held_.size() - held_length();
  std::string out = held_.substr(0, free);
  held_.erase(0, free);
  return out;
}

std::string StopStrings::finish() { return std::exchange(held_, {}); }

// Takes one byte into every pattern; true when one is complete, the longest then in matched_.
bool StopStrings::step(char byte) {
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    Pattern& pattern = patterns_[i];
    std::size_t& length = pattern.length;
    while (length > 0 && pattern.text[length] != byte) length = pattern.border[length - 1];
    if (pattern.text[length] == byte) ++length;
    if (length < pattern.text.size()) continue;
    const bool longer = !matched_ || pattern.text.size() > patterns_[*matched_].text.size();
    if (longer) matched_ = i;
  }
  return matched_.has_value();
}

std::size_t StopStrings::held_length() const {
  std::size_t longest = 0;
  for (const Pattern& pattern : patterns_) longest = std::max(longest, pattern.length);
  return longest;
}

}  // namespace synfire
