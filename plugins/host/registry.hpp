#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "plugins/host/backend.hpp"
#include "plugins/host/plugin_record.hpp"
#include "plugins/host/predictor.hpp"

namespace synfire::host {

// The plugins of some directories: what was loaded, and what was not and why.
//
// Move-only; const calls from any thread. Plugins are shut down when the registry and everything
// made from them is gone; their libraries stay in the process.
class PluginRegistry {
 public:
  // Loads synfire_backend_*.so and synfire_predictor_*.so of each directory, in the order given and
  // by file name within. A file that cannot be loaded is recorded and the others go on; of two
  // plugins of one name the first stays. A directory that is relative or cannot be read is the
  // error.
  static Result<PluginRegistry> load(std::span<const std::filesystem::path> directories);

  // For what was asked for by name: the error says what the loader said about it.
  [[nodiscard]] Result<Backend> require_backend(std::string_view name) const;
  [[nodiscard]] Result<PredictorPlugin> require_predictor(std::string_view name) const;

  // For what would be nice to have: its absence is a warning in the log, with the loader's words.
  [[nodiscard]] std::optional<Backend> optional_backend(std::string_view name) const;
  [[nodiscard]] std::optional<PredictorPlugin> optional_predictor(std::string_view name) const;

  // All that were loaded, in order.
  [[nodiscard]] std::vector<Backend> backends() const;
  // Every file that was looked at, in order.
  [[nodiscard]] const std::vector<PluginRecord>& records() const { return records_; }

 private:
  using Plugin = std::shared_ptr<const LoadedPlugin>;

  PluginRegistry() = default;
  Status load_directory(const std::filesystem::path& directory);
  void load_file(const std::filesystem::path& path, PluginKind kind);
  [[nodiscard]] Result<Plugin> require(PluginKind kind, std::string_view name) const;

  std::vector<PluginRecord> records_;
  std::vector<Plugin> plugins_;  // parallel to records_; null where it was not loaded
};

// lib/synfire/plugins beside the folder of the running program (PREFIX/bin/synfire), in the build
// tree and when installed alike.
[[nodiscard]] Result<std::filesystem::path> default_plugin_dir();

}  // namespace synfire::host
