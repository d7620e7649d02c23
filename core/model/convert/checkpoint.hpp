#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/convert/safetensors_file.hpp"

namespace synfire::convert {

// The tensors of a Hugging Face folder: model.safetensors, or the shards that
// model.safetensors.index.json names.
//
// Immutable; any thread may read. Views live as long as the checkpoint.
class Checkpoint {
 public:
  [[nodiscard]] static Result<Checkpoint> open(const std::filesystem::path& folder);

  // Null where it is absent. A model saved without its head has names without their first part:
  // "layers.0..." is found as "model.layers.0..." too.
  [[nodiscard]] const SafeTensor* find(std::string_view name) const;
  // An error unless it is there, of that shape, in a dtype of weights.
  [[nodiscard]] Result<const SafeTensor*> require(std::string_view name,
                                                  std::span<const std::uint64_t> shape) const;

  // In the order of their names.
  [[nodiscard]] const std::map<std::string, SafeTensor, std::less<>>& tensors() const {
    return tensors_;
  }

 private:
  explicit Checkpoint(std::string folder) : folder_(std::move(folder)) {}
  Status add(const std::filesystem::path& file);

  std::string folder_;
  std::map<std::string, SafeTensor, std::less<>> tensors_;
};

}  // namespace synfire::convert
