#include "core/runtime/carried_sidecars.hpp"

#include <algorithm>
#include <cstdint>
#include <system_error>

#include "core/model/fingerprint.hpp"
#include "core/model/gguf_copy.hpp"
#include "core/model/sidecar.hpp"
#include "core/runtime/profile_format.hpp"

namespace synfire {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFromKey = "synfire.carried.from";

// The key under which a sidecar of that name has its model's fingerprint.
std::string model_key(const std::string& name) {
  return name.starts_with("predictor-") ? "synfire.predictor.model"
                                        : profile_format::key_of("model");
}

// Names of predictors and profile in the folder beside a model; none where there is no folder.
Result<std::vector<std::string>> names_beside(const fs::path& model) {
  const fs::path folder = sidecar_path(model, "");
  std::vector<std::string> names;
  std::error_code failed;
  if (!fs::exists(folder, failed)) return names;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name == "profile.gguf" || (name.starts_with("predictor-") && name.ends_with(".gguf")))
      names.push_back(name);
  }
  if (failed)
    return error(StatusCode::failed_precondition, "{}: {}", folder.string(), failed.message());
  std::ranges::sort(names);
  return names;
}

class Carrier {
 public:
  Carrier(const GgufFile& model, const GgufFile& copy)
      : model_(model),
        copy_(copy),
        of_model_(model_fingerprint(model)),
        of_copy_(model_fingerprint(copy)) {}

  Result<CarriedSidecar> carry(const std::string& name) const {
    using enum CarriedSidecar::Outcome;
    CarriedSidecar made{sidecar_path(copy_.path(), name), carried, ""};
    const auto file = GgufFile::open(sidecar_path(model_.path(), name));
    const auto of =
        file.ok() ? file->get_or<std::uint32_t>(model_key(name), 0) : Result<std::uint32_t>(0U);
    made.why = why_not(file, of);
    if (!made.why.empty()) {
      made.outcome = left_out;
      return made;
    }
    SYNFIRE_ASSIGN_OR_RETURN(made.outcome, outcome_at(made.path, name));
    if (made.outcome == kept) return made;
    SYNFIRE_RETURN_IF_ERROR(make_sidecar_folder(made.path));
    SYNFIRE_RETURN_IF_ERROR(copy_gguf(*file, made.path, [&](GgufHeader& header) {
      if (*of != 0) header.set(model_key(name), of_copy_);
      if (file->find(kFromKey) == nullptr) header.set(kFromKey, of_model_);
    }));
    return made;
  }

 private:
  // A broken file is no reason to fail: the model is written.
  [[nodiscard]] std::string why_not(const Result<GgufFile>& file,
                                    const Result<std::uint32_t>& of) const {
    if (!file.ok()) return std::string(file.status().message());
    if (!of.ok()) return std::string(of.status().message());
    if (*of != 0 && *of != of_model_) return "it is of another model";
    const auto complete = file->get_or<bool>(profile_format::key_of("complete"), true);
    return complete.ok() && *complete ? "" : "it is not complete";
  }
  // What is broken is replaced, too.
  [[nodiscard]] Result<CarriedSidecar::Outcome> outcome_at(const fs::path& path,
                                                           const std::string& name) const {
    using enum CarriedSidecar::Outcome;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return carried;
    const auto there = GgufFile::open(path);
    if (!there.ok() || there->find(kFromKey) != nullptr) return replaced;
    SYNFIRE_ASSIGN_OR_RETURN(const auto of, there->get_or<std::uint32_t>(model_key(name), 0));
    return of == of_copy_ ? kept : replaced;
  }

  const GgufFile& model_;
  const GgufFile& copy_;
  const std::uint32_t of_model_, of_copy_;
};

}  // namespace

Result<std::vector<CarriedSidecar>> carry_sidecars(const GgufFile& model, const GgufFile& copy) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::string> names, names_beside(model.path()));
  std::vector<CarriedSidecar> all;
  const Carrier carrier(model, copy);
  for (const std::string& name : names) {
    SYNFIRE_ASSIGN_OR_RETURN(CarriedSidecar one, carrier.carry(name));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace synfire
