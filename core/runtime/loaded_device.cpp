#include "core/runtime/loaded_device.hpp"

#include <algorithm>
#include <utility>

#include "core/runtime/down_rows.hpp"
#include "core/runtime/weight_slice.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

// `data` as `upload` describes it, its rows one after the other.
sf_tensor_desc tensor_desc(const WeightUpload& upload, const std::byte* data, std::uint32_t flags) {
  return {sizeof(sf_tensor_desc),
          static_cast<std::uint32_t>(upload.dtype),
          flags | (upload.lookup ? std::uint32_t{SF_TENSOR_LOOKUP} : 0U),
          0,
          upload.rows,
          upload.cols,
          upload.name.c_str(),
          data};
}

sf_neurons_desc neurons_desc(const NeuronUpload& upload, const float* bias) {
  const bool gated = upload.gate.data != nullptr;
  return {sizeof(sf_neurons_desc),
          upload.layer,
          upload.d_model,
          upload.d_ff,
          upload.group_size,
          static_cast<std::uint32_t>(upload.groups.size()),
          gated ? 1U : 0U,
          static_cast<std::uint32_t>(upload.gate.dtype),
          static_cast<std::uint32_t>(upload.up.dtype),
          static_cast<std::uint32_t>(upload.down_dtype),
          bias,
          upload.gate_weights.empty() ? nullptr : upload.gate_weights.data()};
}

constexpr std::uint32_t kNeuronsPerUpload = 1024;

// Rows of a tensor of the plan, or of one that is absent.
class Rows {
 public:
  explicit Rows(const WeightUpload& upload)
      : upload_(upload),
        bytes_(upload.data == nullptr ? 0 : row_bytes(upload.dtype, upload.cols)) {}

  [[nodiscard]] const std::byte* at(std::size_t row) const {
    return upload_.data == nullptr ? nullptr : upload_.data + row * bytes_;
  }
  [[nodiscard]] std::span<const std::byte> range(std::size_t first, std::size_t end) const {
    return {at(first), (end - first) * bytes_};
  }
  [[nodiscard]] std::span<const std::byte> all() const { return range(0, upload_.rows); }

 private:
  const WeightUpload& upload_;
  std::size_t bytes_;
};

void tell(const LoadHooks& hooks, std::span<const std::byte> bytes, bool for_good) {
  if (bytes.empty()) return;
  if (for_good && hooks.read_for_good) hooks.read_for_good(bytes);
  if (hooks.loaded) hooks.loaded(bytes.size());
}

template <typename Object>
auto raw_handles(const std::vector<Object>& objects) {
  std::vector<decltype(objects.front().get())> handles;
  for (const Object& object : objects) handles.push_back(object.get());
  return handles;
}

}  // namespace

Result<LoadedDevice> LoadedDevice::load(host::Device device, const DevicePlan& plan,
                                        const KvShape& kv, std::uint32_t max_tokens,
                                        const LoadHooks& hooks) {
  LoadedDevice loaded(std::move(device));
  SYNFIRE_RETURN_IF_ERROR(loaded.upload_weights(plan, hooks));
  for (const NeuronUpload& upload : plan.neurons)
    SYNFIRE_RETURN_IF_ERROR(loaded.upload_neurons(upload, hooks));
  SYNFIRE_RETURN_IF_ERROR(loaded.create_kv(plan, kv));
  for (const StageSpec& spec : plan.stages)
    SYNFIRE_RETURN_IF_ERROR(loaded.compile(spec, max_tokens));
  return loaded;
}

Status LoadedDevice::submit(std::uint32_t stage, const sf_submission& submission) {
  return device_.submit(stages_[stage], submission);
}

Status LoadedDevice::upload_weights(const DevicePlan& plan, const LoadHooks& hooks) {
  for (const WeightUpload& upload : plan.weights) {
    // The device copies columns of a matrix; what the file has as it is, it may borrow.
    const std::vector<std::byte> packed =
        upload.row_stride == 0 ? std::vector<std::byte>() : packed_rows(upload);
    Result<host::Weights> weights =
        device_.upload_weights(packed.empty() ? tensor_desc(upload, upload.data, SF_TENSOR_BORROW)
                                              : tensor_desc(upload, packed.data(), 0));
    if (!weights.ok()) return weights.status().with_context("tensor " + upload.name);
    weights_.push_back(*std::move(weights));
    // Between the columns of this device lie those of others, which may not have read them yet.
    tell(hooks, {upload.data, upload.bytes()}, !upload.lookup && upload.row_stride == 0);
  }
  return {};
}

// Groups go in runs, so that a device with several threads has work for all of them.
Status LoadedDevice::upload_neurons(const NeuronUpload& upload, const LoadHooks& hooks) {
  std::vector<float> bias(upload.bias.cols);
  if (upload.bias.data != nullptr)
    dequantize_row(upload.bias.dtype, upload.bias.data, bias.size(), bias.data());
  SYNFIRE_ASSIGN_OR_RETURN(
      host::Neurons neurons,
      device_.create_neurons(neurons_desc(upload, bias.empty() ? nullptr : bias.data())));
  DownRows down(upload);
  std::vector<sf_group_source> sources;
  for (std::size_t i = 0; i < upload.groups.size(); i += sources.size()) {
    sources.clear();
    const std::uint32_t first = upload.groups[i] * upload.group_size;
    std::uint32_t end = first;
    for (std::size_t g = i; g < upload.groups.size(); ++g) {
      if (upload.groups[g] * upload.group_size != end || end - first >= kNeuronsPerUpload) break;
      end = std::min(end + upload.group_size, upload.d_ff);
      sources.push_back({upload.groups[g], SF_TENSOR_BORROW, nullptr, nullptr, nullptr});
    }
    const Rows gate(upload.gate), up(upload.up);
    const std::byte* const down_rows = down.rows(first, end - first);
    const std::size_t down_bytes = row_bytes(upload.down_dtype, upload.d_model);
    for (sf_group_source& source : sources) {
      const std::uint32_t neuron = source.group * upload.group_size;
      source.gate = gate.at(neuron);
      source.up = up.at(neuron);
      source.down = down_rows + (neuron - first) * down_bytes;
    }
    SYNFIRE_RETURN_IF_ERROR(device_.upload_groups(neurons, sources));
    tell(hooks, gate.range(first, end), true);
    tell(hooks, up.range(first, end), true);
    // A `down` that runs along the neurons is read again for the next ones.
    if (upload.down_is_neuron_major) tell(hooks, Rows(upload.down).range(first, end), true);
  }
  if (!upload.down_is_neuron_major) tell(hooks, Rows(upload.down).all(), true);
  neurons_.push_back(std::move(neurons));
  return {};
}

Status LoadedDevice::create_kv(const DevicePlan& plan, const KvShape& kv) {
  if (plan.kv_layers.empty()) return {};
  const sf_kv_desc desc{sizeof(sf_kv_desc),
                        static_cast<std::uint32_t>(plan.kv_layers.size()),
                        kv.n_blocks,
                        kv.block_tokens,
                        plan.n_kv_heads,
                        kv.head_dim,
                        static_cast<std::uint32_t>(kv.dtype),
                        0};
  SYNFIRE_ASSIGN_OR_RETURN(kv_, device_.create_kv(desc));
  return {};
}

Status LoadedDevice::compile(const StageSpec& spec, std::uint32_t max_tokens) {
  std::vector<sf_op> ops;
  for (const StageOp& op : spec.ops) {
    const ParamBytes params = param_bytes(op.params);
    ops.push_back({sizeof(sf_op), op.id, static_cast<std::uint32_t>(op.inputs.size()),
                   static_cast<std::uint32_t>(op.outputs.size()),
                   static_cast<std::uint32_t>(op.weights.size()), op.neurons,
                   op.uses_kv ? 0 : SF_NONE, params.size, op.inputs.data(), op.outputs.data(),
                   op.weights.data(), params.data});
  }
  const std::vector<sf_weights*> weights = raw_handles(weights_);
  const std::vector<sf_neurons*> neurons = raw_handles(neurons_);
  sf_kv* const kv = kv_.get();
  const sf_stage_desc desc{sizeof(sf_stage_desc),
                           static_cast<std::uint32_t>(spec.values.size()),
                           static_cast<std::uint32_t>(ops.size()),
                           static_cast<std::uint32_t>(weights.size()),
                           static_cast<std::uint32_t>(neurons.size()),
                           kv == nullptr ? 0U : 1U,
                           static_cast<std::uint32_t>(spec.inputs.size()),
                           static_cast<std::uint32_t>(spec.outputs.size()),
                           max_tokens,
                           0,
                           spec.name.c_str(),
                           spec.values.data(),
                           ops.data(),
                           weights.data(),
                           neurons.data(),
                           &kv,
                           spec.inputs.data(),
                           spec.outputs.data()};
  Result<host::Stage> stage = device_.compile_stage(desc);
  if (!stage.ok()) return stage.status().with_context("stage " + spec.name);
  stages_.push_back(*std::move(stage));
  ports_.push_back({spec.inputs.size(), spec.outputs.size()});
  return {};
}

}  // namespace synfire
