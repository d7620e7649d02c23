#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/status.hpp"

namespace synfire::host {

enum class PluginKind : std::uint8_t { backend, predictor };

// "backend", "predictor"
[[nodiscard]] std::string_view to_string(PluginKind kind);

// What became of one plugin file. What could not be learnt of a file that failed is empty.
struct PluginRecord {
  std::filesystem::path path;
  PluginKind kind = PluginKind::backend;  // by the file's name
  std::string name;  // as its table says; by the file's name until that was read
  std::string version;
  std::string description;
  std::uint32_t abi_major = 0, abi_minor = 0;
  Status status;  // not ok: why it was not loaded, with the dynamic loader's own words where it
                  // refused

  [[nodiscard]] bool loaded() const { return status.ok(); }
};

}  // namespace synfire::host
