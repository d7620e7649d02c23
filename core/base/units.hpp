#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

// Numbers as users write them, independent of the locale. Each error says what was got and wanted.
namespace synfire {

[[nodiscard]] Result<bool> parse_bool(std::string_view text);  // true, false, 1, 0
[[nodiscard]] Result<std::int64_t> parse_int(std::string_view text);
[[nodiscard]] Result<std::uint64_t> parse_uint(std::string_view text);
[[nodiscard]] Result<double> parse_real(std::string_view text);  // finite

// "8GiB", "512MB", "4096B", "4096"; the unit is exact in case: B, KiB MiB GiB TiB, kB MB GB TB.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

// "500ms", "2s", "1.5m"; the unit is required.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);

// "0-3,8": in the order given, each at most once, 65536 numbers at most.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_number_ranges(std::string_view text);

}  // namespace synfire
