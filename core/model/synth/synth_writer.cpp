#include "core/model/synth/synth_writer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/model/gguf_writer.hpp"
#include "core/model/part_writer.hpp"
#include "core/model/synth/synth_header.hpp"
#include "core/model/synth/synth_model.hpp"

namespace synfire::synth {
namespace {

constexpr std::size_t kPartBytes = 1U << 20;  // what a thread makes at a time

std::vector<TensorPart> parts_of(const SynthModel& model) {
  std::vector<TensorPart> parts;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const Tensor& tensor = model.tensors()[i];
    const std::size_t bytes = tensor.row_bytes();
    append_parts(parts, i, tensor.rows(), bytes, std::max<std::uint64_t>(1, kPartBytes / bytes));
  }
  return parts;
}

void make_rows(const Tensor& tensor, const TensorPart& part, std::byte* out) {
  for (std::uint64_t r = 0; r < part.n_rows; ++r, out += tensor.row_bytes())
    tensor.source->write(part.first_row + r, out);
}

}  // namespace

Result<Report> write_model(const std::filesystem::path& path, const Request& wanted,
                           const WriteOptions& options) {
  SYNFIRE_ASSIGN_OR_RETURN(const Request request, checked(wanted));
  const SynthModel model(request);
  Report report{.bytes = 0, .parameters = 0, .activity = {}};
  if (!request.silu) report.activity = sample_activity(model);
  for (const Tensor& tensor : model.tensors()) {
    report.bytes += tensor.rows() * tensor.row_bytes();
    report.parameters += tensor.rows() * tensor.shape[0];
  }
  SYNFIRE_ASSIGN_OR_RETURN(GgufHeader header, header_of(model, report.activity));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  const std::vector<TensorPart> parts = parts_of(model);
  const auto make = [&](std::size_t i, std::byte* out) {
    make_rows(model.tensors()[parts[i].tensor], parts[i], out);
    return Status();
  };
  SYNFIRE_RETURN_IF_ERROR(write_parts(
      writer, parts, {.make = make, .progress = options.progress, .threads = options.threads}));
  SYNFIRE_RETURN_IF_ERROR(writer.finish());
  return report;
}

}  // namespace synfire::synth
