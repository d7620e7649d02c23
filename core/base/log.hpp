#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/base/status.hpp"

// The one log of the process, on stderr. Thread-safe. spdlog is seen by log.cpp alone.
namespace synfire::log {

enum class Level { trace, debug, info, warning, error, off };

// Takes "trace" ... "off"; anything else is INVALID_ARGUMENT and changes nothing.
Status set_level(std::string_view name);

[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view text);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning))
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace synfire::log
