#pragma once

#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/base/status.hpp"

namespace synfire {

// MODEL.synfire/NAME: where what was made of a model (profile, predictors, plan) lies beside it.
[[nodiscard]] inline std::filesystem::path sidecar_path(const std::filesystem::path& model,
                                                        std::string_view name) {
  std::filesystem::path folder = model;
  folder += ".synfire";
  return folder / name;
}

// Makes the folder that a sidecar is to lie in, where there is none.
inline Status make_sidecar_folder(const std::filesystem::path& sidecar) {
  const std::filesystem::path folder = sidecar.parent_path();
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (!failed) return {};
  return error(StatusCode::failed_precondition, "{}: {}", folder.string(), failed.message());
}

}  // namespace synfire
