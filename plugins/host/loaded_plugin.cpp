#include "plugins/host/loaded_plugin.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "plugins/host/host_table.hpp"
#include "plugins/host/table_check.hpp"

namespace synfire::host {
namespace {

// What the process did to a plugin: libraries are never unloaded, so this outlives every registry.
struct Initialization {
  unsigned users = 0;  // LoadedPlugins of this table; initialized while there are any
  Status failure;      // of initialize: nothing of the plugin is called again
};

// Guards loading, initializing and shutting down. Never destroyed: plugins may be released very
// late.
struct Initializations {
  std::mutex mutex;
  std::map<const sf_plugin*, Initialization> of;
};

Initializations& initializations() {
  static Initializations& instance = *new Initializations;
  return instance;
}

Status initialize(const sf_plugin& table) {
  Initializations& all = initializations();
  const std::lock_guard lock(all.mutex);
  Initialization& mine = all.of[&table];
  if (mine.users == 0 && mine.failure.ok())
    mine.failure = take_error(table.initialize(&host_table()), "initialize");
  if (mine.failure.ok()) ++mine.users;
  return mine.failure;
}

void shut_down(const sf_plugin& table) {
  Initializations& all = initializations();
  const std::lock_guard lock(all.mutex);
  if (--all.of[&table].users == 0 && table.shutdown != nullptr) table.shutdown();
}

Status dynamic_loader_error() {
  const char* const words = dlerror();
  return Status(StatusCode::failed_precondition,
                words == nullptr ? "the dynamic loader gives no reason" : words);
}

// The library's table, or the dynamic loader's words. There is no dlclose, ever.
Result<const sf_plugin*> open_table(const std::filesystem::path& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return dynamic_loader_error();
  void* const symbol = dlsym(library, SYNFIRE_PLUGIN_QUERY_SYMBOL);
  if (symbol == nullptr) return dynamic_loader_error();
  return reinterpret_cast<const sf_plugin* (*)()>(symbol)();
}

Result<const sf_plugin*> open_checked(PluginRecord& record,
                                      const std::function<Status(std::string_view)>& admit) {
  SYNFIRE_ASSIGN_OR_RETURN(const sf_plugin* table, open_table(record.path));
  SYNFIRE_RETURN_IF_ERROR(check_table(table, record));
  SYNFIRE_RETURN_IF_ERROR(admit(record.name));
  SYNFIRE_RETURN_IF_ERROR(initialize(*table));
  return table;
}

// A table that may be shorter or longer than ours: what it lacks is null, what is beyond ours is
// dropped.
template <typename Api>
void copy_table(const void* from, Api& to) {
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  std::memcpy(&to, from, std::min<std::size_t>(size, sizeof to));
}

}  // namespace

std::shared_ptr<const LoadedPlugin> LoadedPlugin::load(
    PluginRecord& record, const std::function<Status(std::string_view)>& admit) {
  const Result<const sf_plugin*> table = open_checked(record, admit);
  record.status = table.status();
  if (!table.ok()) return nullptr;
  return std::make_shared<const LoadedPlugin>(**table, record.kind);
}

LoadedPlugin::LoadedPlugin(const sf_plugin& table, PluginKind kind)
    : table_(table), name_(table.name), context_("plugin " + name_) {
  if (kind == PluginKind::backend)
    copy_table(table.api, backend_);
  else
    copy_table(table.api, predictor_);
}

LoadedPlugin::~LoadedPlugin() { shut_down(table_); }

}  // namespace synfire::host
