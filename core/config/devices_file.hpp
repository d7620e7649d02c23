#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// Devices as a file describes them, to plan for a machine that is not there (`plan --devices`).
//
//   version: 1
//   devices:                        # the first one runs attention and keeps the KV cache
//     - device: cuda:0
//       memory: 24GB                # that the model may take
//       bandwidth: 900GB            # a second, of rows that follow each other
//       row_bandwidth: 600GB        # of rows apart; unless said, bandwidth / 1.3
//       shared: 1                   # what is left of both while the other devices read, too
//       multiply_adds: 2e13         # a second; unless said, memory is what holds it back
//       stage_us: 5                 # fixed cost of a stage, microseconds
//       fork_join_us: 20            # a layer's hand-off to it and back
//       step_us: 30                 # of a token, if it is the first: sampling, messages
//       layer_us: 10                # the same of each layer: norms, RoPE, attention's arithmetic
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
