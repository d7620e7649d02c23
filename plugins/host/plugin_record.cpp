#include "plugins/host/plugin_record.hpp"

namespace synfire::host {

std::string_view to_string(PluginKind kind) {
  return kind == PluginKind::backend ? "backend" : "predictor";
}

}  // namespace synfire::host
