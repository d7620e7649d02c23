#include "core/runtime/plan_weights.hpp"

#include <utility>

#include "core/runtime/weight_slice.hpp"

namespace synfire {

DType neuron_major_dtype(const Program& program, DType file_dtype) {
  if (dtype_info(file_dtype).block_size == 1) return file_dtype;
  const bool fits = program.hparams.d_model % dtype_info(program.requantized_down).block_size == 0;
  return fits ? program.requantized_down : DType::f16;
}

PlanWeights::PlanWeights(ExecutionPlan& plan, const Program& program, const GgufFile& file,
                         const Placement& placement)
    : plan_(plan),
      program_(program),
      file_(file),
      placement_(placement),
      weights_(plan.devices.size()),
      kv_layers_(plan.devices.size()) {}

WeightUpload PlanWeights::tensor(WeightId id) const {
  const ProgramWeight& weight = program_.weights[id];
  const GgufTensor& tensor =
      *file_.tensor(weight.name);  // the builder has checked that it is there
  const WeightUpload whole{std::string(tensor.name), tensor.dtype, tensor.rows(), tensor.dims[0],
                           tensor.data.data()};
  return tensor.rows() == 1 ? slice_vector(whole, weight.first, weight.first + weight.cols)
                            : slice_rows(whole, weight.first, weight.first + weight.rows);
}

std::uint32_t PlanWeights::add(std::uint32_t device, WeightUpload upload, bool lookup) {
  std::map<Place, std::uint32_t>& known = weights_[device];
  const auto [entry, is_new] = known.try_emplace({upload.data, upload.rows, upload.cols},
                                                 static_cast<std::uint32_t>(known.size()));
  std::vector<WeightUpload>& weights = plan_.devices[device].weights;
  upload.lookup = lookup;
  if (is_new)
    weights.push_back(std::move(upload));
  else
    weights[entry->second].lookup &= lookup;  // a tied table is multiplied with, too
  return entry->second;
}

std::uint32_t PlanWeights::add(std::uint32_t device, WeightId id, bool lookup) {
  return id == kNone ? SF_NONE : add(device, tensor(id), lookup);
}

std::uint32_t PlanWeights::add_kv_layer(std::uint32_t device, std::uint32_t layer,
                                        std::uint32_t n_kv_heads) {
  std::map<std::uint32_t, std::uint32_t>& known = kv_layers_[device];
  const auto [entry, is_new] = known.try_emplace(layer, static_cast<std::uint32_t>(known.size()));
  if (is_new) plan_.devices[device].kv_layers.push_back(layer);
  plan_.devices[device].n_kv_heads = n_kv_heads;
  return entry->second;
}

std::uint32_t PlanWeights::add_neurons(std::uint32_t device, std::uint32_t layer) {
  const ProgramFfn& ffn = program_.layers[layer].ffn;
  const Hparams& h = program_.hparams;
  NeuronUpload upload;
  upload.layer = layer;
  upload.d_model = h.d_model;
  upload.d_ff = h.d_ff;
  upload.group_size = placement_.group_size;
  upload.up = tensor(ffn.up);
  upload.down = tensor(ffn.down);
  upload.down_is_neuron_major = ffn.down_is_neuron_major;
  upload.groups = placement_.layers[layer].groups[device];
  if (ffn.gate != kNone) upload.gate = tensor(ffn.gate);
  if (ffn.bias != kNone) upload.bias = tensor(ffn.bias);
  const DType file_dtype = upload.down.dtype;
  upload.down_dtype =
      ffn.down_is_neuron_major ? file_dtype : neuron_major_dtype(program_, file_dtype);
  if (upload.down_dtype != file_dtype)
    requantized_.insert(fmt::format("{} requantized to {}", dtype_info(file_dtype).name,
                                    dtype_info(upload.down_dtype).name));
  std::vector<NeuronUpload>& neurons = plan_.devices[device].neurons;
  neurons.push_back(std::move(upload));
  return static_cast<std::uint32_t>(neurons.size() - 1);
}

std::vector<std::string> PlanWeights::notes() const {
  std::vector<std::string> notes;
  for (const std::string& what : requantized_)
    notes.push_back("ffn_down: " + what + ", neuron by neuron (a dense run uses it as it is)");
  return notes;
}

}  // namespace synfire
