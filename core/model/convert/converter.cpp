#include "core/model/convert/converter.hpp"

#include <algorithm>
#include <utility>

#include "core/model/convert/checkpoint.hpp"
#include "core/model/convert/families.hpp"
#include "core/model/convert/hf_tokenizer.hpp"
#include "core/model/convert/json_object.hpp"
#include "core/model/convert/model_plan.hpp"
#include "core/model/convert/tensor_rows.hpp"
#include "core/model/file_type.hpp"
#include "core/model/gguf_writer.hpp"
#include "core/model/tokenizer/write_vocab.hpp"

namespace synfire::convert {
namespace {

namespace fs = std::filesystem;

void make_neuron_major(ModelPlan& plan) {
  constexpr std::string_view kDown = "ffn_down.weight";
  for (PlannedTensor& tensor : plan.tensors()) {
    if (!tensor.name.ends_with(kDown)) continue;
    tensor.name.replace(tensor.name.size() - kDown.size(), kDown.size(), "ffn_down_t.weight");
    tensor.transposed = true;
  }
}

Status add_tokenizer(const fs::path& folder, std::uint32_t n_vocab, GgufHeader& header,
                     Report& report) {
  SYNFIRE_ASSIGN_OR_RETURN(HfTokenizer tokenizer, read_hf_tokenizer(folder, n_vocab));
  for (std::string& warning : tokenizer.warnings) report.warnings.push_back(std::move(warning));
  if (!tokenizer.vocab) return {};
  write_vocab(*tokenizer.vocab, header);
  if (!tokenizer.chat_template.empty())
    header.set("tokenizer.chat_template", tokenizer.chat_template);
  const bool is_llama = tokenizer.vocab->model == VocabModel::llama;
  report.tokenizer = is_llama ? "llama" : fmt::format("gpt2 ({})", tokenizer.vocab->pre);
  return {};
}

Status declare_tensors(ModelPlan& plan, const Options& options, Report& report) {
  for (const PlannedTensor& tensor : plan.tensors()) {
    const DType dtype = dtype_of(tensor, options.dtype);
    SYNFIRE_RETURN_IF_ERROR(plan.header.add_tensor(tensor.name, dtype, tensor.shape()));
    const GgufTensorSpec& spec = plan.header.tensors().back();
    std::uint64_t elements = 1;
    for (const std::uint64_t dim : spec.shape) elements *= dim;
    report.parameters += elements;
    report.bytes += spec.bytes;
    ++report.tensors;
  }
  return {};
}

Status write_tensors(const ModelPlan& plan, GgufWriter& writer, const Options& options,
                     std::uint64_t all) {
  std::uint64_t done = 0;
  for (const PlannedTensor& tensor : plan.tensors()) {
    const auto take = [&](std::span<const std::byte> part) {
      done += part.size();
      if (options.progress) options.progress(done, all);
      return writer.write(tensor.name, part);
    };
    SYNFIRE_RETURN_IF_ERROR(for_each_part(tensor, dtype_of(tensor, options.dtype), take));
    if (tensor.source != nullptr && tensor.source->file != nullptr)
      tensor.source->file->release(tensor.source->data, false);
  }
  return {};
}

Result<Report> convert_plan(const fs::path& folder, const fs::path& out, const JsonObject& config,
                            ModelPlan& plan, const Options& options) {
  SYNFIRE_RETURN_IF_ERROR(plan_model(config, options.ffn_activation, plan));
  if (options.neuron_major) make_neuron_major(plan);
  Report report;
  SYNFIRE_ASSIGN_OR_RETURN(report.architecture, config.text("model_type"));
  report.warnings = std::move(plan.warnings);
  // Every family has it.
  const PlannedTensor& embedding =
      *std::ranges::find(plan.tensors(), "token_embd.weight", &PlannedTensor::name);
  std::error_code failed;
  plan.header.set("general.name", fs::canonical(folder, failed).filename().string());
  plan.header.set("general.file_type", file_type_of(dtype_of(embedding, options.dtype)));
  const auto n_vocab = static_cast<std::uint32_t>(embedding.shape()[1]);
  SYNFIRE_RETURN_IF_ERROR(add_tokenizer(folder, n_vocab, plan.header, report));
  SYNFIRE_RETURN_IF_ERROR(declare_tensors(plan, options, report));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(out, plan.header));
  SYNFIRE_RETURN_IF_ERROR(write_tensors(plan, writer, options, report.bytes));
  SYNFIRE_RETURN_IF_ERROR(writer.finish());
  return report;
}

}  // namespace

Result<Report> convert_folder(const fs::path& folder, const fs::path& out, const Options& options) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    return error(StatusCode::not_found, "{}: no folder", folder.string());
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject config, JsonObject::open(folder / "config.json"));
  SYNFIRE_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::open(folder));
  ModelPlan plan(checkpoint);
  Result<Report> report = convert_plan(folder, out, config, plan, options);
  if (!report.ok() && !report.status().message().starts_with(folder.string()) &&
      !report.status().message().starts_with(out.string()))
    return report.status().with_context(folder.string());
  return report;
}

}  // namespace synfire::convert
