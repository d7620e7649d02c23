#include "core/runtime/operating_point.hpp"

#include <fmt/format.h>

#include "core/model/gguf_copy.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {
Status store_operating_point(const std::filesystem::path& sidecar, const std::string& type,
                             double threshold, const std::vector<PredictionQuality>& layers) {
  std::error_code ignored;
  if (!std::filesystem::exists(sidecar, ignored))
    return error(StatusCode::not_found,
                 "{}: missing, so there is nowhere to keep a threshold: the predictor is in the "
                 "model; say --predictor-threshold {:.6g} when you run it",
                 sidecar.string(), threshold);
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(sidecar));
  return copy_gguf(file, sidecar, [&](GgufHeader& header) {
    header.set(type + ".threshold", threshold);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const std::string prefix = fmt::format("{}.blk.{}.", type, i);
      header.set(prefix + "recall", layers[i].recall);
      header.set(prefix + "precision", layers[i].precision);
      header.set(prefix + "predicted", layers[i].predicted);
      header.set(prefix + "fired", layers[i].fired);
    }
  });
}

}  // namespace synfire
