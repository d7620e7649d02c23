#pragma once

#include <filesystem>
#include <functional>

#include "core/base/status.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/gguf_header.hpp"

namespace synfire {

// Writes a file with all keys and tensors of another, its keys changed by `edit`. The path may be
// that of `file` itself: it changes whole or not at all.
Status copy_gguf(const GgufFile& file, const std::filesystem::path& path,
                 const std::function<void(GgufHeader&)>& edit);

}  // namespace synfire
