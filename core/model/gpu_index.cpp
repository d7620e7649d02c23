#include "core/model/gpu_index.hpp"

#include <cstring>
#include <string>

#include <fmt/format.h>

namespace synfire {
namespace {

Result<std::vector<std::int32_t>> numbers(const GgufFile& file, const GgufTensor& tensor) {
  if (tensor.dtype != DType::i32)
    return invalid_argument("{}: tensor {}: dtype {}, want I32", file.path(), tensor.name,
                            dtype_info(tensor.dtype).name);
  std::vector<std::int32_t> values(tensor.data.size() / sizeof(std::int32_t));
  std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(std::int32_t));
  return values;
}

// Whether the list of hot neurons says the same as the flags.
Status check_bucket(const GgufFile& file, const GgufTensor& tensor, const std::vector<bool>& hot) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> listed, numbers(file, tensor));
  std::size_t n_hot = 0;
  for (const bool flag : hot) n_hot += flag ? 1 : 0;
  for (const std::int32_t neuron : listed)
    if (neuron < 0 || static_cast<std::size_t>(neuron) >= hot.size() || !hot[neuron])
      return invalid_argument("{}: tensor {}: neuron {}, want one that gpu_idx has on the GPU",
                              file.path(), tensor.name, neuron);
  if (listed.size() != n_hot)
    return invalid_argument("{}: tensor {}: {} neurons, gpu_idx has {} on the GPU", file.path(),
                            tensor.name, listed.size(), n_hot);
  return {};
}

Result<std::vector<bool>> layer_flags(const GgufFile& file, std::size_t layer,
                                      const GgufTensor& tensor) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::int32_t> flags, numbers(file, tensor));
  std::vector<bool> hot;
  for (const std::int32_t flag : flags) {
    if (flag != 0 && flag != 1)
      return invalid_argument("{}: tensor {}: value {}, want 0 or 1", file.path(), tensor.name,
                              flag);
    hot.push_back(flag == 1);
  }
  const GgufTensor* const bucket = file.tensor(fmt::format("blk.{}.gpu_bucket", layer));
  if (bucket != nullptr) SYNFIRE_RETURN_IF_ERROR(check_bucket(file, *bucket, hot));
  return hot;
}

}  // namespace

Result<GpuIndex> read_gpu_index(const GgufFile& file) {
  GpuIndex index;
  while (const GgufTensor* const tensor =
             file.tensor(fmt::format("blk.{}.gpu_idx", index.size()))) {
    SYNFIRE_ASSIGN_OR_RETURN(std::vector<bool> hot, layer_flags(file, index.size(), *tensor));
    index.push_back(std::move(hot));
  }
  if (index.empty())
    return invalid_argument("{}: no tensor blk.0.gpu_idx, want PowerInfer's GPU index",
                            file.path());
  return index;
}

}  // namespace synfire
