#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/mapped_file.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire::convert {

// A tensor of a safetensors file; its data is a view of the file.
struct SafeTensor {
  std::string name;
  std::string dtype_name;                  // as in the file: "BF16"
  std::optional<DType> dtype;              // absent for one that no weight of ours has
  std::vector<std::uint64_t> shape;        // the last one is contiguous
  std::span<const std::byte> data;         // at any alignment
  std::shared_ptr<const MappedFile> file;  // null in tests of bytes

  [[nodiscard]] std::uint64_t elements() const;
};

// Reads https://github.com/huggingface/safetensors: eight bytes with the length of a JSON header,
// the header, the data. Every count and offset is checked; the data is whole and without holes.
[[nodiscard]] Result<std::vector<SafeTensor>> open_safetensors(const std::filesystem::path& path);
// `name` is for messages; the bytes outlive the tensors.
[[nodiscard]] Result<std::vector<SafeTensor>> parse_safetensors(std::span<const std::byte> bytes,
                                                                const std::string& name);

// "[32, 4096]", as HF writes them: the last one contiguous.
[[nodiscard]] std::string shape_text(std::span<const std::uint64_t> shape);

}  // namespace synfire::convert
