#include "tools/cache_size.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <fmt/format.h>

namespace synfire::cli {
namespace {

std::string first_line(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

// "32768K"
std::size_t parse_size(const std::string& text) {
  std::size_t value = 0, end = 0;
  for (; end < text.size() && text[end] >= '0' && text[end] <= '9'; ++end)
    value = value * 10 + static_cast<std::size_t>(text[end] - '0');
  const char unit = end < text.size() ? text[end] : ' ';
  return value << (unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0);
}

}  // namespace

std::size_t last_level_cache_bytes() {
  const std::filesystem::path cpus = "/sys/devices/system/cpu";
  std::map<std::string, std::map<std::string, std::size_t>> levels;  // level -> who shares -> bytes
  for (int cpu = 0;; ++cpu) {
    const std::filesystem::path caches = cpus / fmt::format("cpu{}", cpu) / "cache";
    std::error_code none;
    if (!std::filesystem::exists(caches, none)) break;
    for (int index = 0;; ++index) {
      const std::filesystem::path cache = caches / fmt::format("index{}", index);
      const std::string level = first_line(cache / "level");
      if (level.empty()) break;
      levels[level][first_line(cache / "shared_cpu_list")] = parse_size(first_line(cache / "size"));
    }
  }
  std::size_t bytes = 0;
  if (!levels.empty())
    for (const auto& [sharers, size] : levels.rbegin()->second) bytes += size;
  return bytes;
}

}  // namespace synfire::cli
