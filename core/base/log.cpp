#include "core/base/log.hpp"

#include <array>
#include <memory>
#include <utility>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace synfire::log {
namespace {

struct LevelName {
  std::string_view name;
  Level level;
  spdlog::level::level_enum value;
};
constexpr std::array<LevelName, 6> kLevels{{
    {"trace", Level::trace, spdlog::level::trace},
    {"debug", Level::debug, spdlog::level::debug},
    {"info", Level::info, spdlog::level::info},
    {"warning", Level::warning, spdlog::level::warn},
    {"error", Level::error, spdlog::level::err},
    {"off", Level::off, spdlog::level::off},
}};

spdlog::logger& logger() {
  // Never destroyed: a thread that hangs in a plugin may still log while the process exits.
  static spdlog::logger* const instance = [] {
    auto* made =
        new spdlog::logger("synfire", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%^%l%$: %v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  return kLevels[static_cast<std::size_t>(level)].value;
}

}  // namespace

Status set_level(std::string_view name) {
  for (const LevelName& entry : kLevels) {
    if (entry.name != name) continue;
    logger().set_level(entry.value);
    return {};
  }
  return invalid_argument("log level: '{}', want trace, debug, info, warning, error or off", name);
}

bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }

void write(Level level, std::string_view text) { logger().log(to_spdlog(level), text); }

}  // namespace synfire::log
