#pragma once

#include <cstdint>

namespace synfire::cli {

// Bytes per second that `threads` threads together read from host memory: the best of a few
// streaming passes over 256 MiB, far more than caches hold of it.
[[nodiscard]] double measure_read_bandwidth(std::uint32_t threads);

}  // namespace synfire::cli
