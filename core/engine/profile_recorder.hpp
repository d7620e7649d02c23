#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/runtime/profile_file.hpp"
#include "core/runtime/profile_info.hpp"
#include "core/sparsity/layer_recorder.hpp"

namespace synfire {

// Records what a model does with windows of tokens. Memory does not grow with their number. Made
// from a profile that was written before, it goes on as if it had never stopped. One thread at a
// time; layers are recorded on all cores.
class ProfileRecorder {
 public:
  // `info` names the texts and the model; nothing was seen yet.
  explicit ProfileRecorder(ProfileInfo info);
  [[nodiscard]] static Result<ProfileRecorder> resume(const ProfileFile& file);
  // Of host memory, for a model of that shape.
  [[nodiscard]] static std::uint64_t bytes(const ProfileInfo& info);

  // What the engine must be made with.
  static void configure(EngineConfig& config, bool has_activity);

  // Runs a window through the engine. Every fourth one is held out from fitting predictors.
  Status record(Engine& engine, std::span<const std::int32_t> window);

  // Where the text is, for the next one who resumes.
  [[nodiscard]] ProfileInfo& info() { return info_; }
  [[nodiscard]] const ProfileInfo& info() const { return info_; }
  // What was recorded, whole or not at all in a file.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

 private:
  class Sink;
  [[nodiscard]] Status check_finite() const;

  ProfileInfo info_;
  std::vector<LayerRecorder> layers_;
};

}  // namespace synfire
