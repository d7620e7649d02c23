#pragma once

#include <cstddef>
#include <span>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire::gguf {

// Reads and checks a whole header: every count, length, type, shape, offset and the placement of
// tensor data. Duplicate names are the caller's to find. `bytes` start at a multiple of 8 and
// outlive the result.
Result<GgufContents> parse_contents(std::span<const std::byte> bytes);

}  // namespace synfire::gguf
