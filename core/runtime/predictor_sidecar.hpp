#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.hpp"
#include "core/model/gguf_header.hpp"
#include "core/model/gguf_writer.hpp"
#include "core/runtime/predictor_fit.hpp"

// The files that predictors have beside a model.
namespace synfire {

// What every one says of itself.
[[nodiscard]] GgufHeader sidecar_header(const std::string& type);

// Writes the layers' tensors behind a header; makes the folder. The file appears when the writer
// finishes.
[[nodiscard]] Result<GgufWriter> staged_sidecar(const std::filesystem::path& path,
                                                GgufHeader header,
                                                const std::vector<FittedLayer>& layers);
// The same at once: whole or not at all.
Status write_sidecar(const std::filesystem::path& path, GgufHeader header,
                     const std::vector<FittedLayer>& layers);

}  // namespace synfire
