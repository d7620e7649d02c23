#include "core/base/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

namespace synfire {
namespace {

// All of `text` as a number; `want` is for the error.
template <typename T>
Result<T> parse_whole(std::string_view text, std::string_view want) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code == std::errc::result_out_of_range) {
    return invalid_argument("got '{}', which is out of range, want {}", text, want);
  }
  if (code != std::errc() || stop != end) return invalid_argument("got '{}', want {}", text, want);
  return value;
}

// "1.5ms" -> {"1.5", "ms"}.
std::pair<std::string_view, std::string_view> split_unit(std::string_view text) {
  std::size_t digits = text.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos) digits = text.size();
  return {text.substr(0, digits), text.substr(digits)};
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kByteUnits = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"KiB", 1ULL << 10},
    Unit{"MiB", 1ULL << 20},
    Unit{"GiB", 1ULL << 30},
    Unit{"TiB", 1ULL << 40},
    Unit{"kB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
};
constexpr std::array kTimeUnits = {
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
};

// A decimal number with one of `units`, in the smallest of them, rounded down.
template <std::size_t N>
Result<std::uint64_t> parse_scaled(std::string_view text, const std::array<Unit, N>& units,
                                   std::string_view want) {
  const auto [digits, unit_name] = split_unit(text);
  const Unit* unit = nullptr;
  for (const Unit& candidate : units) {
    if (candidate.name == unit_name) unit = &candidate;
  }
  const Result<double> value = parse_whole<double>(digits, want);
  if (unit == nullptr || !value.ok()) return invalid_argument("got '{}', want {}", text, want);
  // Whole numbers keep every digit.
  const Result<std::uint64_t> whole = parse_whole<std::uint64_t>(digits, want);
  std::uint64_t exact = 0;
  if (whole.ok() && !__builtin_mul_overflow(*whole, unit->factor, &exact)) return exact;
  const double scaled = *value * static_cast<double>(unit->factor);
  if (!(scaled < 9.2e18))
    return invalid_argument("got '{}', which is out of range, want {}", text, want);
  return static_cast<std::uint64_t>(scaled);
}

constexpr std::string_view kWantRanges = "numbers and ranges like 0-3,8";
constexpr std::size_t kMaxNumbers = 65536;

Status append_range(std::string_view item, std::vector<std::uint32_t>& numbers,
                    std::set<std::uint32_t>& seen) {
  const std::size_t dash = item.find('-');
  const std::string_view first_text = item.substr(0, dash);
  const std::string_view last_text = dash == std::string_view::npos ? item : item.substr(dash + 1);
  SYNFIRE_ASSIGN_OR_RETURN(const std::uint32_t first,
                           parse_whole<std::uint32_t>(first_text, kWantRanges));
  SYNFIRE_ASSIGN_OR_RETURN(const std::uint32_t last,
                           parse_whole<std::uint32_t>(last_text, kWantRanges));
  if (first > last)
    return invalid_argument("got '{}', want a range whose first is not past its last", item);
  if (last - first >= kMaxNumbers - numbers.size()) {
    return invalid_argument("got '{}', want {} numbers at most", item, kMaxNumbers);
  }
  for (std::uint32_t number = first;; ++number) {
    if (!seen.insert(number).second)
      return invalid_argument("got {} twice, want each once", number);
    numbers.push_back(number);
    if (number == last) return {};
  }
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return invalid_argument("got '{}', want true or false", text);
}

Result<std::int64_t> parse_int(std::string_view text) {
  return parse_whole<std::int64_t>(text, "a whole number");
}

Result<std::uint64_t> parse_uint(std::string_view text) {
  return parse_whole<std::uint64_t>(text, "a whole number of at least 0");
}

Result<double> parse_real(std::string_view text) {
  const Result<double> value = parse_whole<double>(text, "a number");
  if (value.ok() && !std::isfinite(*value)) {
    return invalid_argument("got '{}', want a finite number", text);
  }
  return value;
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_scaled(text, kByteUnits, "a size like 8GiB, 512MB or 4096");
}

Result<Duration> parse_duration(std::string_view text) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t nanoseconds,
                           parse_scaled(text, kTimeUnits, "a duration like 500ms, 2s or 1.5m"));
  return Duration(static_cast<Duration::rep>(nanoseconds));
}

Result<std::vector<std::uint32_t>> parse_number_ranges(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  std::set<std::uint32_t> seen;
  for (;;) {
    const std::size_t comma = text.find(',');
    SYNFIRE_RETURN_IF_ERROR(append_range(text.substr(0, comma), numbers, seen));
    if (comma == std::string_view::npos) return numbers;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace synfire
