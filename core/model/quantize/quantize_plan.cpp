#include "core/model/quantize/quantize_plan.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

#include "core/model/gguf_dtype.hpp"
#include "core/model/printable.hpp"

namespace synfire::quantize {
namespace {

constexpr std::array kDTypes{DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k, DType::bf16};

// Small and read by other means than a product, or such that a wrong expert would be asked.
constexpr std::array<std::string_view, 3> kKept{"position_embd.weight", "token_types.weight",
                                                "ffn_gate_inp.weight"};
constexpr std::string_view kDown = "ffn_down.weight", kNeuronMajorDown = "ffn_down_t.weight";

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}
bool ends_with(const GgufTensor& tensor, std::string_view end) {
  return tensor.name.ends_with(end);
}

// Turns one file's tensors into a plan.
class Planner {
 public:
  Planner(const GgufFile& file, const Options& options) : file_(file), options_(options) {}

  Result<QuantizePlan> run() {
    SYNFIRE_RETURN_IF_ERROR(check());
    for (const GgufTensor& tensor : file_.tensors()) SYNFIRE_RETURN_IF_ERROR(add(tensor));
    for (const auto& [what, n] : misfits_) {
      const auto& [wanted, got, width] = what;
      plan_.notes.push_back(fmt::format(
          "{} of {} tensors in {}: their rows of {} values are no whole blocks of {}", n,
          plan_.tensors.size(), dtype_info(got).name, width, dtype_info(wanted).name));
    }
    return std::move(plan_);
  }

 private:
  [[nodiscard]] Status check() const {
    if (std::ranges::find(kDTypes, options_.dtype) == kDTypes.end())
      return invalid_argument("dtype {}, want Q8_0, Q4_0, Q4_K, Q6_K or BF16",
                              dtype_info(options_.dtype).name);
    if (!gguf::code_of_dtype(options_.dtype, file_.is_powerinfer()))
      return invalid_argument("dtype {}, which PowerInfer's files cannot hold",
                              dtype_info(options_.dtype).name);
    if (file_.is_powerinfer() && options_.layout == DownLayout::dense)
      return invalid_argument("layout dense, want neuron: PowerInfer's files have it");
    if (file_.tensors().empty()) return invalid_argument("no tensors, want those of a model");
    return {};
  }

  Status add(const GgufTensor& tensor) {
    PlannedTensor planned{std::string(tensor.name),
                          &tensor,
                          tensor.dtype,
                          {tensor.shape().begin(), tensor.shape().end()}};
    turn(planned);
    if (is_float(tensor.dtype) && tensor.n_dims == 1)
      planned.dtype = DType::f32;
    else if (is_matrix(tensor))
      SYNFIRE_RETURN_IF_ERROR(choose(planned));
    plan_.tensors.push_back(std::move(planned));
    return {};
  }
  [[nodiscard]] static bool is_matrix(const GgufTensor& tensor) {
    const auto is_named = [&](std::string_view name) { return ends_with(tensor, name); };
    return tensor.n_dims > 1 && dtype_info(tensor.dtype).is_weight && is_named(".weight") &&
           std::ranges::none_of(kKept, is_named);
  }
  // ffn_down as the layout wants it.
  void turn(PlannedTensor& planned) const {
    if (!options_.layout || planned.source->n_dims != 2) return;
    const bool neuron = *options_.layout == DownLayout::neuron;
    const std::string_view from = neuron ? kDown : kNeuronMajorDown;
    const std::string_view to = neuron ? kNeuronMajorDown : kDown;
    if (!planned.name.ends_with(from)) return;
    planned.name.replace(planned.name.size() - from.size(), from.size(), to);
    std::swap(planned.shape[0], planned.shape[1]);
    planned.transposed = true;
  }

  Status choose(PlannedTensor& planned) {
    const GgufTensor& source = *planned.source;
    const bool is_predictor = file_.is_powerinfer() && (ends_with(source, ".fc1.weight") ||
                                                        ends_with(source, ".fc2.weight"));
    if (!is_float(source.dtype)) {
      if (is_predictor) return {};
      return invalid_argument("tensor {}: {} already, want F32, F16 or BF16 weights",
                              printable(source.name), dtype_info(source.dtype).name);
    }
    DType wanted = options_.dtype;
    if (!options_.pure && is_predictor) wanted = DType::q8_0;
    if (!options_.pure && is_output(source)) wanted = output_dtype();
    planned.dtype = fitting(wanted, planned);
    if (planned.dtype != wanted) ++misfits_[{wanted, planned.dtype, planned.width()}];
    return {};
  }
  [[nodiscard]] bool is_output(const GgufTensor& tensor) const {
    if (file_.tensor("output.weight") != nullptr) return tensor.name == "output.weight";
    return tensor.name == "token_embd.weight";
  }
  [[nodiscard]] DType output_dtype() const {
    const bool is_rough = options_.dtype == DType::q4_0 || options_.dtype == DType::q4_k;
    return is_rough ? DType::q6_k : options_.dtype;
  }
  // `wanted` where rows are whole blocks of it, else the next that keeps at least as much.
  [[nodiscard]] static DType fitting(DType wanted, const PlannedTensor& planned) {
    for (const DType dtype : {wanted, DType::q8_0})
      if (planned.width() % dtype_info(dtype).block_size == 0) return dtype;
    return planned.source->dtype == DType::bf16 ? DType::bf16 : DType::f16;
  }

  const GgufFile& file_;
  const Options& options_;
  QuantizePlan plan_;
  std::map<std::tuple<DType, DType, std::uint64_t>, std::size_t> misfits_;  // wanted, got, width
};

}  // namespace

Result<QuantizePlan> plan_quantization(const GgufFile& file, const Options& options) {
  Result<QuantizePlan> plan = Planner(file, options).run();
  if (!plan.ok()) return plan.status().with_context(file.path());
  return plan;
}

}  // namespace synfire::quantize
