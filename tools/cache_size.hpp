#pragma once

#include <cstddef>

namespace synfire::cli {

// Bytes of all last-level caches of the machine, as the system tells; 0 where it does not.
[[nodiscard]] std::size_t last_level_cache_bytes();

}  // namespace synfire::cli
