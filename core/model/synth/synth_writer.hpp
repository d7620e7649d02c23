#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/base/result.hpp"
#include "core/model/synth/activity.hpp"
#include "core/model/synth/synth_request.hpp"

namespace synfire::synth {

struct WriteOptions {
  std::uint32_t threads = 1;  // that make rows; the bytes do not depend on it
  // Called on the caller's thread, now and then.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

struct Report {
  std::uint64_t bytes;  // of tensor data
  std::uint64_t parameters;
  Activity activity;
};

// Writes a synthetic model; the file appears when it is whole. Holds some 100 MiB, whatever the
// size of the model.
[[nodiscard]] Result<Report> write_model(const std::filesystem::path& path, const Request& request,
                                         const WriteOptions& options);

}  // namespace synfire::synth
