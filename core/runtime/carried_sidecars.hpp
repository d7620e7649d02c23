#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// What became of a file beside a model when the model was written anew in other dtypes.
struct CarriedSidecar {
  enum class Outcome {
    carried,   // there was none beside the new file
    replaced,  // there was one: of another file, or carried before
    kept,      // there is one that was made for the new file itself
    left_out,  // the old one does not belong to the model, is not complete, or is broken
  };
  std::filesystem::path path;  // beside the new file
  Outcome outcome;
  std::string why;  // of what is left out
};

// Copies what was fitted to a model or recorded of it, predictors and profile, to where `copy`, a
// file of the same model in other dtypes, has it: with the fingerprint of `copy`, and under
// synfire.carried.from that of the file that it was made for. Plans hold bytes, so they stay
// behind. In the order of the names.
[[nodiscard]] Result<std::vector<CarriedSidecar>> carry_sidecars(const GgufFile& model,
                                                                 const GgufFile& copy);

}  // namespace synfire
