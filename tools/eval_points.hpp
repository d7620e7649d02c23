#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"
#include "tools/pictures/loss_picture.hpp"

namespace synfire::cli {

// The operating points in files that `predictor eval --json` wrote, by predictor in the order of
// their first mention. An error for a file of another shape, of another model, or measured on
// another text than the first.
[[nodiscard]] Result<std::vector<LossSeries>> read_eval_points(
    const std::vector<std::string>& paths, const GgufFile& model);

}  // namespace synfire::cli
