#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// One builder per family; a new one is a file, a line here and a row in families.cpp.
Result<Program> build_llama(const GgufFile& file, const Hparams& hparams);
Result<Program> build_arcee(const GgufFile& file, const Hparams& hparams);
Result<Program> build_qwen2(const GgufFile& file, const Hparams& hparams);
Result<Program> build_nemotron(const GgufFile& file, const Hparams& hparams);
Result<Program> build_opt(const GgufFile& file, const Hparams& hparams);
Result<Program> build_falcon(const GgufFile& file, const Hparams& hparams);

// The program of a model file, by its general.architecture; UNIMPLEMENTED for a family that is not
// here. `ffn_activation` overrides the file's ("" = no).
[[nodiscard]] Result<Program> build_program(const GgufFile& file,
                                            const std::string& ffn_activation = "");

}  // namespace synfire
