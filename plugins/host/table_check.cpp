#include "plugins/host/table_check.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "plugins/abi/synfire_backend.h"
#include "plugins/abi/synfire_predictor.h"

namespace synfire::host {
namespace {

// A function of an API table: where it lies, and whether a plugin may leave it out. Version 1.0 of
// a table ends with its last entry here; a table that is shorter than that is broken. What came
// later may be absent or null: who calls it looks.
struct Member {
  const char* name;
  std::size_t offset;
  bool required = true;
};

#define SYNFIRE_MEMBER(type, member) \
  { #member, offsetof(type, member) }
#define SYNFIRE_OPTIONAL_MEMBER(type, member) \
  { #member, offsetof(type, member), false }

constexpr std::array kBackendMembers = std::to_array<Member>({
    SYNFIRE_MEMBER(sf_backend_api, device_count),
    SYNFIRE_MEMBER(sf_backend_api, describe_device),
    SYNFIRE_MEMBER(sf_backend_api, open_device),
    SYNFIRE_MEMBER(sf_backend_api, close_device),
    SYNFIRE_MEMBER(sf_backend_api, supports_op),
    SYNFIRE_MEMBER(sf_backend_api, score),
    SYNFIRE_MEMBER(sf_backend_api, alloc),
    SYNFIRE_MEMBER(sf_backend_api, free),
    SYNFIRE_OPTIONAL_MEMBER(sf_backend_api, register_host_memory),
    SYNFIRE_OPTIONAL_MEMBER(sf_backend_api, unregister_host_memory),
    SYNFIRE_MEMBER(sf_backend_api, copy),
    SYNFIRE_MEMBER(sf_backend_api, upload_weights),
    SYNFIRE_MEMBER(sf_backend_api, release_weights),
    SYNFIRE_MEMBER(sf_backend_api, create_neurons),
    SYNFIRE_MEMBER(sf_backend_api, upload_groups),
    SYNFIRE_MEMBER(sf_backend_api, evict_groups),
    SYNFIRE_MEMBER(sf_backend_api, release_neurons),
    SYNFIRE_MEMBER(sf_backend_api, create_kv),
    SYNFIRE_MEMBER(sf_backend_api, release_kv),
    SYNFIRE_MEMBER(sf_backend_api, compile_stage),
    SYNFIRE_MEMBER(sf_backend_api, release_stage),
    SYNFIRE_MEMBER(sf_backend_api, submit),
    SYNFIRE_MEMBER(sf_backend_api, abort),
    SYNFIRE_MEMBER(sf_backend_api, measure),
});

constexpr std::array kPredictorMembers = std::to_array<Member>({
    SYNFIRE_MEMBER(sf_predictor_api, open),
    SYNFIRE_MEMBER(sf_predictor_api, close),
    SYNFIRE_MEMBER(sf_predictor_api, describe_layer),
    SYNFIRE_OPTIONAL_MEMBER(sf_predictor_api, observe),
});

#undef SYNFIRE_MEMBER
#undef SYNFIRE_OPTIONAL_MEMBER

constexpr std::size_t kPlugin10 = offsetof(sf_plugin, api) + sizeof(const void*);

template <typename... Args>
Status broken(fmt::format_string<Args...> format, Args&&... args) {
  return error(StatusCode::failed_precondition, format, std::forward<Args>(args)...);
}

bool is_null(const void* table, std::size_t offset) {
  const void* value = nullptr;
  std::memcpy(&value, static_cast<const char*>(table) + offset, sizeof value);
  return value == nullptr;
}

Status check_api(const void* api, std::span<const Member> members) {
  std::uint32_t size = 0;
  std::memcpy(&size, api, sizeof size);
  const std::size_t want = members.back().offset + sizeof(void*);
  if (size < want) return broken("api: table of {} bytes, want at least {}", size, want);
  for (const Member& member : members)
    if (member.required && is_null(api, member.offset))
      return broken("api: {} is null, want a function", member.name);
  return {};
}

// One of the two alone could not be undone, or would undo what never was.
Status check_pairs(const sf_backend_api& api) {
  if ((api.register_host_memory == nullptr) != (api.unregister_host_memory == nullptr))
    return broken(
        "api: one of register_host_memory and unregister_host_memory is null, want both or none");
  return {};
}

Status check_kind(std::uint32_t kind, PluginKind want) {
  const std::uint32_t number =
      want == PluginKind::backend ? SF_PLUGIN_BACKEND : SF_PLUGIN_PREDICTOR;
  if (kind == number) return {};
  return broken("kind {}, want {} ({}), as the file is named", kind, number, to_string(want));
}

Status check_texts(const sf_plugin& table, PluginRecord& record) {
  if (table.name == nullptr || *table.name == '\0') return broken("it has no name");
  record.name = table.name;
  if (table.version == nullptr || *table.version == '\0') return broken("it has no version");
  record.version = table.version;
  if (table.description != nullptr) record.description = table.description;
  return {};
}

}  // namespace

Status check_table(const sf_plugin* table, PluginRecord& record) {
  if (table == nullptr) return broken("{} gave no table", SYNFIRE_PLUGIN_QUERY_SYMBOL);
  if (table->struct_size < offsetof(sf_plugin, kind))
    return broken("table of {} bytes, want at least {}", table->struct_size, kPlugin10);
  record.abi_major = table->abi_major;
  record.abi_minor = table->abi_minor;
  // The major version first: with another one nothing behind it means what it means here.
  if (table->abi_major != SYNFIRE_ABI_MAJOR)
    return broken("built for ABI {}.{}, want {}.x", table->abi_major, table->abi_minor,
                  SYNFIRE_ABI_MAJOR);
  if (table->struct_size < kPlugin10)
    return broken("table of {} bytes, want at least {}", table->struct_size, kPlugin10);
  SYNFIRE_RETURN_IF_ERROR(check_texts(*table, record));
  SYNFIRE_RETURN_IF_ERROR(check_kind(table->kind, record.kind));
  if (table->initialize == nullptr) return broken("initialize is null, want a function");
  if (table->api == nullptr) return broken("api is null, want a table");
  if (record.kind == PluginKind::predictor) return check_api(table->api, kPredictorMembers);
  SYNFIRE_RETURN_IF_ERROR(check_api(table->api, kBackendMembers));
  return check_pairs(*static_cast<const sf_backend_api*>(table->api));
}

}  // namespace synfire::host
