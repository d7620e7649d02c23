#include "plugins/host/registry.hpp"

#include <algorithm>
#include <string>
#include <system_error>

#include "core/base/log.hpp"

namespace synfire::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".so";

std::string_view prefix_of(PluginKind kind) {
  return kind == PluginKind::backend ? "synfire_backend_" : "synfire_predictor_";
}

// The kind that a file's name says, or nothing for a file that is none of ours.
std::optional<PluginKind> kind_of(std::string_view file) {
  for (const PluginKind kind : {PluginKind::backend, PluginKind::predictor}) {
    const std::string_view prefix = prefix_of(kind);
    if (file.starts_with(prefix) && file.ends_with(kSuffix) &&
        file.size() > prefix.size() + kSuffix.size())
      return kind;
  }
  return std::nullopt;
}

// "cpu" of synfire_backend_cpu.so.
std::string name_of(const fs::path& path, PluginKind kind) {
  const std::string file = path.filename().string();
  const std::size_t prefix = prefix_of(kind).size();
  return file.substr(prefix, file.size() - prefix - kSuffix.size());
}

Result<std::vector<fs::path>> plugin_files(const fs::path& directory) {
  if (!directory.is_absolute())
    return invalid_argument("plugin directory '{}' is relative, want an absolute path",
                            directory.string());
  std::error_code code;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(directory, code), end; !code && it != end; it.increment(code))
    if (kind_of(it->path().filename().string())) files.push_back(it->path());
  if (code)
    return error(StatusCode::not_found, "plugin directory {}: {}", directory.string(),
                 code.message());
  std::sort(files.begin(), files.end());
  return files;
}

// The registry's answer as an optional, with the reason of its absence in the log.
template <typename Plugin>
std::optional<Plugin> or_warning(Result<Plugin> plugin) {
  if (plugin.ok()) return *std::move(plugin);
  log::warning("{}", plugin.status().message());
  return std::nullopt;
}

}  // namespace

Result<PluginRegistry> PluginRegistry::load(std::span<const fs::path> directories) {
  PluginRegistry registry;
  for (const fs::path& directory : directories)
    SYNFIRE_RETURN_IF_ERROR(registry.load_directory(directory));
  return registry;
}

Status PluginRegistry::load_directory(const fs::path& directory) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<fs::path> files, plugin_files(directory));
  for (const fs::path& file : files) load_file(file, *kind_of(file.filename().string()));
  return {};
}

void PluginRegistry::load_file(const fs::path& path, PluginKind kind) {
  PluginRecord record;
  record.path = path;
  record.kind = kind;
  record.name = name_of(path, kind);
  const auto admit = [&](std::string_view name) -> Status {
    for (const PluginRecord& other : records_)
      if (other.loaded() && other.kind == kind && other.name == name)
        return error(StatusCode::already_exists, "{} '{}' was already loaded from {}",
                     to_string(kind), name, other.path.string());
    return {};
  };
  plugins_.push_back(LoadedPlugin::load(record, admit));
  if (record.loaded())
    log::debug("{} '{}' {} loaded from {}", to_string(kind), record.name, record.version,
               path.string());
  else
    log::debug("{} not loaded: {}", path.string(), record.status.message());
  records_.push_back(std::move(record));
}

Result<PluginRegistry::Plugin> PluginRegistry::require(PluginKind kind,
                                                       std::string_view name) const {
  const auto named = [&](const PluginRecord& record) {
    return record.kind == kind && record.name == name;
  };
  std::string loaded;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (records_[i].kind != kind || !records_[i].loaded()) continue;
    if (named(records_[i])) return plugins_[i];
    loaded += (loaded.empty() ? "" : ", ") + records_[i].name;
  }
  // Not loaded: a file of that name says why, or there is none.
  const auto refused = std::find_if(records_.begin(), records_.end(), named);
  if (refused != records_.end())
    return error(refused->status.code(), "{} '{}' was not loaded from {}: {}", to_string(kind),
                 name, refused->path.string(), refused->status.message());
  return error(StatusCode::not_found, "{} '{}' is not installed; there is: {}", to_string(kind),
               name, loaded.empty() ? "none" : loaded);
}

Result<Backend> PluginRegistry::require_backend(std::string_view name) const {
  SYNFIRE_ASSIGN_OR_RETURN(Plugin plugin, require(PluginKind::backend, name));
  return Backend(std::move(plugin));
}

Result<PredictorPlugin> PluginRegistry::require_predictor(std::string_view name) const {
  SYNFIRE_ASSIGN_OR_RETURN(Plugin plugin, require(PluginKind::predictor, name));
  return PredictorPlugin(std::move(plugin));
}

std::optional<Backend> PluginRegistry::optional_backend(std::string_view name) const {
  return or_warning(require_backend(name));
}

std::optional<PredictorPlugin> PluginRegistry::optional_predictor(std::string_view name) const {
  return or_warning(require_predictor(name));
}

std::vector<Backend> PluginRegistry::backends() const {
  std::vector<Backend> all;
  for (std::size_t i = 0; i < records_.size(); ++i)
    if (records_[i].loaded() && records_[i].kind == PluginKind::backend)
      all.emplace_back(plugins_[i]);
  return all;
}

Result<fs::path> default_plugin_dir() {
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  if (code) return error(StatusCode::unavailable, "/proc/self/exe: {}", code.message());
  return program.parent_path().parent_path() / "lib/synfire/plugins";
}

}  // namespace synfire::host
