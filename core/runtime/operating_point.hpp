#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.hpp"
#include "core/sparsity/score_calibration.hpp"

namespace synfire {

// Makes a threshold the one that a predictor's sidecar file asks for, and what was measured there
// what it says of its layers. All else in the file stays; it changes whole or not at all.
Status store_operating_point(const std::filesystem::path& sidecar, const std::string& type,
                             double threshold, const std::vector<PredictionQuality>& layers);

}  // namespace synfire
