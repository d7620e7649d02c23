#pragma once

#include <filesystem>
#include <string_view>

namespace synfire {

// MODEL.synfire/NAME: where what was made of a model (profile, predictors, plan) lies beside it.
[[nodiscard]] inline std::filesystem::path sidecar_path(const std::filesystem::path& model,
                                                        std::string_view name) {
  std::filesystem::path folder = model;
  folder += ".synfire";
  return folder / name;
}

}  // namespace synfire
