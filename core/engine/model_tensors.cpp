#include "core/engine/model_tensors.hpp"

namespace synfire {

ModelTensors::ModelTensors(const GgufFile& file) {
  for (const GgufTensor& tensor : file.tensors()) {
    const auto [entry, _] = tensors_.try_emplace(std::string(tensor.name));
    entry->second = {sizeof(sf_tensor_desc), static_cast<std::uint32_t>(tensor.dtype),
                     SF_TENSOR_BORROW,       0,
                     tensor.rows(),          tensor.dims[0],
                     entry->first.c_str(),   tensor.data.data()};
  }
}

const sf_tensor_desc* ModelTensors::find(void* context, const char* name) {
  const auto& tensors = static_cast<const ModelTensors*>(context)->tensors_;
  const auto entry = tensors.find(std::string_view(name));
  return entry == tensors.end() ? nullptr : &entry->second;
}

}  // namespace synfire
