#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "plugins/abi/synfire_backend.h"
#include "plugins/abi/synfire_predictor.h"
#include "plugins/host/plugin_record.hpp"

namespace synfire::host {

// An initialized plugin. Everything made from it shares it; when the last of these goes, the plugin
// is shut down (its library stays in the process). Loading the same file again meanwhile shares the
// initialization.
//
// Immutable, any thread. The last owner must not be inside a call of the plugin.
class LoadedPlugin {
 public:
  // Opens record.path (absolute), checks its tables, initializes it, and writes what was learnt and
  // the outcome to `record`. Null when record.status is not ok. `admit` is asked with the plugin's
  // name before it is initialized; an error of it is the outcome.
  static std::shared_ptr<const LoadedPlugin> load(
      PluginRecord& record, const std::function<Status(std::string_view name)>& admit);

  // Of a table that was checked; initialized by the caller.
  LoadedPlugin(const sf_plugin& table, PluginKind kind);
  ~LoadedPlugin();
  LoadedPlugin(const LoadedPlugin&) = delete;
  LoadedPlugin& operator=(const LoadedPlugin&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  // "plugin cpu", for messages.
  [[nodiscard]] const std::string& context() const { return context_; }

  [[nodiscard]] std::uint32_t abi_minor() const { return table_.abi_minor; }

  // The plugin's functions; those that an older plugin lacks are null. Only that of its kind is
  // filled.
  [[nodiscard]] const sf_backend_api& backend() const { return backend_; }
  [[nodiscard]] const sf_predictor_api& predictor() const { return predictor_; }

 private:
  const sf_plugin& table_;
  std::string name_;
  std::string context_;
  sf_backend_api backend_{};
  sf_predictor_api predictor_{};
};

}  // namespace synfire::host
