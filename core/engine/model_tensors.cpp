#include "core/engine/model_tensors.hpp"

#include <optional>

namespace synfire {
namespace {

std::optional<double> as_number(const GgufValue& value) {
  if (const auto real = value.as<double>(); real.ok()) return *real;
  if (const auto whole = value.as<std::int64_t>(); whole.ok()) return static_cast<double>(*whole);
  return std::nullopt;
}

}  // namespace

void ModelTensors::add(const GgufFile& file) {
  files_.push_back(&file);
  for (const GgufTensor& tensor : file.tensors()) {
    const auto [entry, is_new] = tensors_.try_emplace(std::string(tensor.name));
    if (!is_new) continue;
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

std::int32_t ModelTensors::find_number(void* context, const char* key, double* value) {
  for (const GgufFile* file : static_cast<const ModelTensors*>(context)->files_) {
    const GgufValue* const found = file->find(key);
    if (found == nullptr) continue;
    const std::optional<double> number = as_number(*found);
    if (number) *value = *number;
    return number ? 1 : 0;
  }
  return 0;
}

}  // namespace synfire
