#include "backends/cpu/cpu_options.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "plugins/sdk/error.hpp"

namespace synfire::cpu {
namespace {

[[noreturn]] void refuse(std::string_view key, std::string_view value, const std::string& want) {
  throw sdk::Error(sdk::kInvalidArgument,
                   "cpu: option " + std::string(key) + "=" + std::string(value) + ", want " + want);
}

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string ranges(const std::vector<unsigned>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(numbers[i]);
    if (last != i) text += '-' + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

std::size_t parse_threads(std::string_view text) {
  const std::optional<unsigned> threads = parse_number(text);
  if (!threads || *threads < 1 || *threads > CpuOptions::kMaxThreads)
    refuse("threads", text, "1 to " + std::to_string(CpuOptions::kMaxThreads));
  return *threads;
}

double parse_throttle(std::string_view text) {
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !(share >= CpuOptions::kLeastThrottle && share <= 1))
    refuse("throttle", text, "a share of its speed, 0.01 to 1");
  return share;
}

std::vector<unsigned> usable_cores(std::string_view text, const NumaNode& node) {
  std::vector<unsigned> cores = parse_core_list(text);
  const std::vector<unsigned>& usable = node.processing_units;
  for (const unsigned core : cores)
    if (!std::binary_search(usable.begin(), usable.end(), core))
      refuse("cores", text, "some of the device's processors " + ranges(usable));
  return cores;
}

void add_range(std::string_view text, std::string_view part, std::vector<unsigned>& cores) {
  constexpr unsigned kMaxCore = 65535;
  const std::size_t dash = part.find('-');
  const std::optional<unsigned> first = parse_number(part.substr(0, dash));
  const std::optional<unsigned> last =
      dash == std::string_view::npos ? first : parse_number(part.substr(dash + 1));
  if (!first || !last || *first > *last || *last > kMaxCore)
    refuse("cores", text, "a list like 0-3,7");
  for (unsigned core = *first; core <= *last; ++core) {
    if (std::find(cores.begin(), cores.end(), core) != cores.end())
      refuse("cores", text, "each core once, but " + std::to_string(core) + " is there twice");
    cores.push_back(core);
  }
}

}  // namespace

std::vector<unsigned> parse_core_list(std::string_view text) {
  std::vector<unsigned> cores;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    add_range(text, rest.substr(0, comma), cores);
    if (comma == std::string_view::npos) return cores;
    rest.remove_prefix(comma + 1);
  }
}

CpuOptions CpuOptions::parse(const sf_options& options, const Topology& topology, std::size_t node,
                             const CpuFeatures& features, const char* simd_environment) {
  const NumaNode& home = topology.nodes[node];
  CpuOptions parsed;
  parsed.node = home.os_index;
  std::size_t own = home.physical_cores.size();
  std::optional<std::size_t> threads;
  std::string_view simd = simd_environment == nullptr ? "" : simd_environment;
  std::string_view simd_source = "SYNFIRE_SIMD";
  for (std::uint32_t i = 0; i < options.count; ++i) {
    const std::string_view key = options.keys[i];
    const std::string_view value = options.values[i];
    if (key == "threads") {
      threads = parse_threads(value);
    } else if (key == "cores") {
      parsed.homes = {usable_cores(value, home), true};
      parsed.homes_if_shared = parsed.homes;
      own = parsed.homes.processors.size();
    } else if (key == "simd") {
      if (!parse_level(value)) refuse(key, value, "avx2, avx512 or amx");
      simd = value;
      simd_source = "option simd";
    } else if (key == "throttle") {
      parsed.throttle = parse_throttle(value);
    } else {
      throw sdk::Error(
          sdk::kInvalidArgument,
          "cpu: option " + std::string(key) + " is unknown, want threads, cores, simd or throttle");
    }
  }
  parsed.level = choose_level(features, simd, simd_source);
  parsed.threads = threads.value_or(std::min(own, kMaxThreads));
  if (!parsed.homes.processors.empty()) return parsed;  // as asked for
  if (topology.nodes.size() > 1) parsed.homes_if_shared = {home.processing_units, false};
  // A thread for every core has nowhere better to go. Fewer move out of the way of whoever is busy.
  const bool one_each = parsed.threads == home.physical_cores.size();
  parsed.homes = one_each ? ThreadHomes{home.physical_cores, true} : parsed.homes_if_shared;
  return parsed;
}

}  // namespace synfire::cpu
