#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/compile_options.hpp"
#include "core/runtime/predictor_program.hpp"
#include "core/runtime/stage_plan.hpp"
#include "core/sparsity/placement.hpp"

namespace synfire {

// Cuts a program into stages per device.
//
// A device's stage goes on until it needs a value that another device computes: then the next one
// begins, with an input port for it. So one device that holds everything has one stage; two that
// share FFNs have one fork and one join per layer. A value that leaves is copied to its port right
// after the op that writes it, while the stage goes on.
[[nodiscard]] Result<ExecutionPlan> compile_stages(const Program& program, const GgufFile& file,
                                                   const Placement& placement,
                                                   const PredictorProgram& predictor,
                                                   const CompileOptions& options);

}  // namespace synfire
