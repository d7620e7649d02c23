#include "core/runtime/powerinfer_export.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/gguf_writer.hpp"
#include "core/runtime/down_rows.hpp"
#include "core/runtime/plan_weights.hpp"

namespace synfire {
namespace {

// What PowerInfer takes an architecture's FFN to be.
struct Known {
  std::string_view architecture;
  std::uint32_t activation;
};
constexpr std::array<Known, 4> kKnown{{{"llama", SF_ACTIVATION_RELU},
                                       {"falcon", SF_ACTIVATION_RELU},
                                       {"opt", SF_ACTIVATION_RELU},
                                       {"bamboo", SF_ACTIVATION_DRELU}}};

Status check_known(const GgufFile& model, const Hparams& h) {
  const auto* const known = std::ranges::find(kKnown, h.architecture, &Known::architecture);
  if (known == kKnown.end())
    return error(StatusCode::unimplemented,
                 "{}: architecture '{}', want one of PowerInfer's: llama, falcon, opt, bamboo",
                 model.path(), h.architecture);
  if (known->activation != h.activation)
    return error(StatusCode::unimplemented,
                 "{}: FFN activation {}, want {}: PowerInfer runs {} with no other", model.path(),
                 activation_name(h.activation), activation_name(known->activation), h.architecture);
  return {};
}

// A tensor of the file to be written: `source` as it is, or down turned round.
struct Planned {
  std::string name;
  DType dtype;
  std::vector<std::uint64_t> shape;
  const GgufTensor* source;
  bool turned = false;
};

Planned as_it_is(const GgufTensor& tensor, std::string name) {
  return {std::move(name), tensor.dtype, {tensor.shape().begin(), tensor.shape().end()}, &tensor};
}

bool is_predictor(std::string_view name) {
  return name.ends_with(".fc1.weight") || name.ends_with(".fc2.weight");
}

std::vector<Planned> plan(const GgufFile& model, const Program& program,
                          const MlpPredictors& predictors) {
  constexpr std::string_view kDown = "ffn_down.weight";
  std::vector<Planned> all;
  for (const GgufTensor& tensor : model.tensors()) {
    if (is_predictor(tensor.name)) continue;
    Planned planned = as_it_is(tensor, std::string(tensor.name));
    if (tensor.name.ends_with(kDown)) {
      planned.turned = true;
      planned.name.insert(planned.name.size() - std::string_view(".weight").size(), "_t");
      planned.dtype = neuron_major_dtype(program, tensor.dtype);
      std::swap(planned.shape[0], planned.shape[1]);
    }
    all.push_back(std::move(planned));
  }
  if (model.tensor("output.weight") == nullptr)
    all.push_back(as_it_is(*model.tensor("token_embd.weight"), "output.weight"));
  for (std::size_t i = 0; i < predictors.layers.size(); ++i) {
    all.push_back(as_it_is(*predictors.layers[i].fc1, fmt::format("blk.{}.fc1.weight", i)));
    all.push_back(as_it_is(*predictors.layers[i].fc2, fmt::format("blk.{}.fc2.weight", i)));
  }
  return all;
}

// Neuron by neuron, so that no second copy of the matrix is made.
Status write_turned(const Planned& planned, GgufWriter& writer) {
  constexpr std::uint32_t kAtOnce = 256;
  const GgufTensor& source = *planned.source;
  NeuronUpload upload{};
  upload.d_model = static_cast<std::uint32_t>(planned.shape[0]);
  upload.d_ff = static_cast<std::uint32_t>(planned.shape[1]);
  upload.down = {planned.name,   source.dtype,       source.rows(),
                 source.dims[0], source.data.data(), false};
  upload.down_dtype = planned.dtype;
  upload.down_is_neuron_major = false;
  DownRows rows(upload);
  for (std::uint32_t first = 0; first < upload.d_ff; first += kAtOnce) {
    const std::uint32_t n = std::min(kAtOnce, upload.d_ff - first);
    SYNFIRE_RETURN_IF_ERROR(writer.write(
        planned.name, {rows.rows(first, n), n * row_bytes(planned.dtype, upload.d_model)}));
  }
  return {};
}

GgufHeader header_of(const GgufFile& model, const Program& program,
                     const MlpPredictors& predictors) {
  GgufHeader header(GgufHeader::Magic::powerinfer);
  header.set_all(model);
  header.set("synfire.ffn.activation", activation_name(program.hparams.activation));
  header.set("powerinfer.sparse_threshold", predictors.threshold);
  return header;
}

}  // namespace

Status export_powerinfer(const GgufFile& model, const Program& program,
                         const MlpPredictors& predictors, const std::filesystem::path& path,
                         const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  SYNFIRE_RETURN_IF_ERROR(check_known(model, program.hparams));
  GgufHeader header = header_of(model, program, predictors);
  const std::vector<Planned> tensors = plan(model, program, predictors);
  for (const Planned& planned : tensors) {
    const Status added = header.add_tensor(planned.name, planned.dtype, planned.shape);
    if (!added.ok()) return added.with_context(model.path());
  }
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  std::uint64_t done = 0;
  for (const Planned& planned : tensors) {
    SYNFIRE_RETURN_IF_ERROR(planned.turned ? write_turned(planned, writer)
                                           : writer.write(planned.name, planned.source->data));
    progress(++done, tensors.size());
  }
  return writer.finish();
}

}  // namespace synfire
