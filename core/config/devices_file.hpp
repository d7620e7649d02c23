#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// Devices as a file describes them, to plan for a machine that is not there (`plan --devices`).
// configs/devices.yaml shows all keys, and says what each means.
struct DevicesFile {
  struct Device {
    std::string device;  // in canonical text
    std::uint64_t memory = 0;
    double bandwidth = 0, row_bandwidth = 0;  // bytes/s; row_bandwidth 0: not said
    double shared = 1;
    double multiply_adds = 0;
    double stage_us = 0, fork_join_us = 0;
    double step_us = 0, layer_us = 0;
  };
  std::vector<Device> devices;  // at least one, none twice
};

// Errors name file:line:column. At most 64 KiB.
[[nodiscard]] Result<DevicesFile> read_devices_file(const std::filesystem::path& path);
[[nodiscard]] Result<DevicesFile> parse_devices_file(std::string_view text,
                                                     std::string_view file_name);

}  // namespace synfire
