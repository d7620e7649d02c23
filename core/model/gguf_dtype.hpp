#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "plugins/sdk/dtype.hpp"

// The numbers of element types in files. GGUF's are the dtype table's; PowerInfer left ggml when
// I8, I16 and I32 were 16, 17 and 18 and BF16, I64 and F64 did not exist.
namespace synfire::gguf {

// An error that names the dtype for one that the table lacks, or that is unknown.
Result<DType> dtype_from_code(std::uint32_t code, bool is_powerinfer);
// Nothing for a dtype that the format cannot hold.
std::optional<std::uint32_t> code_of_dtype(DType dtype, bool is_powerinfer);

}  // namespace synfire::gguf
