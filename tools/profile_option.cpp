#include "tools/profile_option.hpp"

#include <filesystem>
#include <string>
#include <system_error>

#include "tools/output.hpp"

namespace synfire::cli {

Result<std::optional<ProfileFile>> open_profile(const OptionValues& values, const GgufFile& model,
                                                const Program& program) {
  const std::filesystem::path beside = profile_sidecar(model.path());
  std::error_code ignored;
  std::filesystem::path path;
  if (values.is_set("profile"))
    path = values.get<std::string>("profile");
  else if (!values.is_set("file") && std::filesystem::exists(beside, ignored))
    path = beside;
  else
    return std::optional<ProfileFile>();
  SYNFIRE_ASSIGN_OR_RETURN(ProfileFile profile, ProfileFile::open(path));
  SYNFIRE_RETURN_IF_ERROR(profile.check_model(model, program));
  const ProfileInfo& info = profile.info();
  note("profile: {}, {} tokens{}\n", profile.path(), info.tokens,
       info.complete ? "" : " so far, not yet complete");
  return std::optional(std::move(profile));
}

}  // namespace synfire::cli
