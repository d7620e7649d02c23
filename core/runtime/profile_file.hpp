#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/profile_info.hpp"
#include "core/sparsity/activation_profile.hpp"
#include "core/sparsity/layer_profile.hpp"

namespace synfire {

// A profile of a model: what `synfire profile` counted, layer by layer, in a GGUF file. The header
// is checked when it is opened, the numbers of a layer when they are asked for. Errors name the
// file, the tensor, what was got and what was wanted.
//
// Immutable; any thread may read.
class ProfileFile {
 public:
  [[nodiscard]] static Result<ProfileFile> open(const std::filesystem::path& path);

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] const ProfileInfo& info() const { return info_; }
  // An error unless it is of this model, and of the activation that `program` has.
  [[nodiscard]] Status check_model(const GgufFile& model, const Program& program) const;

  [[nodiscard]] Result<ActivityStats> stats(std::uint32_t layer) const;
  [[nodiscard]] Result<TraceSample> traces(std::uint32_t layer) const;
  [[nodiscard]] Result<FfnInputs> inputs(std::uint32_t layer, bool with_moments = true) const;
  [[nodiscard]] Result<LayerProfile> layer(std::uint32_t layer) const;

 private:
  ProfileFile(GgufFile file, ProfileInfo info) : file_(std::move(file)), info_(std::move(info)) {}

  GgufFile file_;
  ProfileInfo info_;
};

// MODEL.synfire/profile.gguf
[[nodiscard]] std::filesystem::path profile_sidecar(const std::filesystem::path& model);

// What neurons did in the traced tokens, at most `max_tokens`; where none can be silent, all fire.
[[nodiscard]] Result<ActivationProfile> traced_activity(const ProfileFile& profile,
                                                        std::uint32_t max_tokens = UINT32_MAX);

}  // namespace synfire
