#include "core/model/convert/model_plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/model/printable.hpp"

namespace synfire::convert {
namespace {

// Buffers that old checkpoints carry: tables and masks that follow from the configuration.
constexpr std::array<std::string_view, 4> kBuffers{".rotary_emb.inv_freq", ".attention.masked_bias",
                                                   ".attn.masked_bias", ".position_ids"};

bool is_buffer(std::string_view name) {
  return std::ranges::any_of(kBuffers, [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace

std::vector<std::uint64_t> PlannedTensor::shape() const {
  if (source == nullptr) return {values.size()};
  const std::vector<std::uint64_t>& from = source->shape;
  const std::uint64_t n_rows = rows.empty() ? from[0] : rows.size();
  if (from.size() == 1) return {n_rows};
  if (transposed) return {n_rows, from[1]};
  return {from[1], n_rows};
}

PlannedTensor& ModelPlan::add(const std::string& name, const std::string& source,
                              const std::vector<std::uint64_t>& shape) {
  PlannedTensor& tensor = tensors_.emplace_back();
  tensor.name = name;
  const Result<const SafeTensor*> found = checkpoint_.require(source, shape);
  if (found.ok()) {
    tensor.source = *found;
    used_.insert(tensor.source->name);
  } else if (error_.ok()) {
    error_ = found.status();
  }
  return tensor;
}

void ModelPlan::add_linear(const std::string& name, const std::string& source, std::uint64_t rows,
                           std::uint64_t cols, std::vector<std::uint32_t> order, Bias bias) {
  add(name + ".weight", source + ".weight", {rows, cols}).rows = order;
  if (bias == Bias::wanted || checkpoint_.find(source + ".bias") != nullptr)
    add(name + ".bias", source + ".bias", {rows}).rows = std::move(order);
}

void ModelPlan::add_values(const std::string& name, std::vector<float> values) {
  PlannedTensor& tensor = tensors_.emplace_back();
  tensor.name = name;
  tensor.values = std::move(values);
}

Status ModelPlan::finish() const {
  if (!error_.ok()) return error_;
  for (const auto& [name, tensor] : checkpoint_.tensors())
    if (!used_.contains(name) && !is_buffer(name))
      return error(StatusCode::unimplemented,
                   "tensor {}: not known in this family, so the model would be another",
                   printable(name));
  return {};
}

}  // namespace synfire::convert
