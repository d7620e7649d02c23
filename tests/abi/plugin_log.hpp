#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "plugins/host/host_table.hpp"

namespace synfire::test {

// What plugins write to the host's log while this lives: "good: initialize".
class PluginLog {
 public:
  PluginLog() {
    host::set_log_sink([this](log::Level, std::string_view plugin, std::string_view message) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::string(plugin) + ": " + std::string(message));
    });
  }
  ~PluginLog() { host::set_log_sink({}); }
  PluginLog(const PluginLog&) = delete;
  PluginLog& operator=(const PluginLog&) = delete;

  // The lines since the last call.
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace synfire::test
