#pragma once

#include <filesystem>
#include <span>

#include "core/base/result.hpp"
#include "core/runtime/profile_info.hpp"
#include "core/sparsity/layer_profile.hpp"

namespace synfire {

// Makes the folder; the file appears whole or not at all. All layers saw the same tokens.
[[nodiscard]] Status write_profile(const std::filesystem::path& path, const ProfileInfo& info,
                                   std::span<const LayerProfile* const> layers);

}  // namespace synfire
