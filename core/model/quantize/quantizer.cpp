#include "core/model/quantize/quantizer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/model/file_type.hpp"
#include "core/model/finite.hpp"
#include "core/model/gguf_writer.hpp"
#include "core/model/part_writer.hpp"
#include "core/model/quantize/quantize_plan.hpp"
#include "core/model/quantize/row_quantizer.hpp"
#include "core/model/quantize/source_rows.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::quantize {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPartElements = 1U << 18;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
constexpr std::uint32_t kQuantizationVersion = 2;  // of ggml's block layouts

// Sums over values, so that those of parts add up.
struct Errors {
  double square = 0;   // of the values
  double missing = 0;  // of the differences
};

Errors errors_of(std::span<const float> values, std::span<const float> decoded) {
  Errors errors;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = static_cast<double>(values[i]);
    const double miss = value - static_cast<double>(decoded[i]);
    errors.square += value * value;
    errors.missing += miss * miss;
  }
  return errors;
}

// Makes the parts of the planned tensors. make() on any thread, for different parts.
class PartMaker {
 public:
  explicit PartMaker(const QuantizePlan& plan) : plan_(plan) {
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const PlannedTensor& tensor = plan.tensors[i];
      append_parts(parts_, i, tensor.rows(), row_bytes(tensor.dtype, tensor.width()),
                   std::max<std::uint64_t>(1, kPartElements / tensor.width()));
    }
    errors_.resize(parts_.size());
  }

  [[nodiscard]] std::span<const TensorPart> parts() const { return parts_; }
  [[nodiscard]] const PlannedTensor& tensor(std::size_t part) const {
    return plan_.tensors[parts_[part].tensor];
  }
  // The source's bytes that no part after this one reads.
  [[nodiscard]] std::span<const std::byte> read_by(std::size_t part) const {
    const auto [first, end] = rows_of(part);
    if (tensor(part).transposed && end < tensor(part).rows()) return {};
    return source_bytes(tensor(part), first, end);
  }

  Status make(std::size_t part, std::byte* out) {
    const auto [first, end] = rows_of(part);
    const PlannedTensor& planned = tensor(part);
    if (planned.is_copy()) {
      const auto bytes = source_bytes(planned, first, end);
      std::memcpy(out, bytes.data(), bytes.size());
    }
    if (!dtype_info(planned.dtype).is_weight) return {};
    std::vector<float> values((end - first) * planned.width());
    read_rows(planned, first, end, values.data());
    const std::string_view name = planned.source->name;
    SYNFIRE_RETURN_IF_ERROR(check_finite({name, first, planned.width(), values}, "in the file"));
    if (planned.is_copy()) return {};
    quantize_row_closely(planned.dtype, values.data(), values.size(), out);
    std::vector<float> decoded(values.size());
    dequantize_row(planned.dtype, out, decoded.size(), decoded.data());
    errors_[part] = errors_of(values, decoded);
    return check_finite({name, first, planned.width(), decoded},
                        fmt::format("in {}", dtype_info(planned.dtype).name));
  }

  // By tensor, once all parts are made.
  [[nodiscard]] std::vector<Errors> errors() const {
    std::vector<Errors> sums(plan_.tensors.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      sums[parts_[i].tensor].square += errors_[i].square;
      sums[parts_[i].tensor].missing += errors_[i].missing;
    }
    return sums;
  }

 private:
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> rows_of(std::size_t part) const {
    return {parts_[part].first_row, parts_[part].first_row + parts_[part].n_rows};
  }

  const QuantizePlan& plan_;
  std::vector<TensorPart> parts_;
  std::vector<Errors> errors_;  // by part
};

Result<GgufHeader> header_of(const GgufFile& file, const QuantizePlan& plan, DType dtype) {
  using enum GgufHeader::Magic;
  GgufHeader header(file.is_powerinfer() ? powerinfer : gguf, file.version());
  header.set_all(file);
  header.set("general.file_type", file_type_of(dtype));
  if (dtype_info(dtype).block_size > 1)
    header.set("general.quantization_version", kQuantizationVersion);
  for (const PlannedTensor& tensor : plan.tensors)
    SYNFIRE_RETURN_IF_ERROR(header.add_tensor(tensor.name, tensor.dtype, tensor.shape));
  return header;
}

void add_tensors(const QuantizePlan& plan, const std::vector<Errors>& errors, Report& report) {
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    const std::uint64_t elements = tensor.source->elements();
    const auto n = static_cast<double>(elements);
    report.tensors.push_back({tensor.name, tensor.source->dtype, tensor.dtype, elements,
                              errors[i].square / n, errors[i].missing / n});
    report.parameters += elements;
    report.bytes_before += tensor.source->data.size();
    report.bytes += tensor.rows() * row_bytes(tensor.dtype, tensor.width());
  }
}

Result<Report> quantize(const GgufFile& file, const fs::path& out, const Options& options) {
  Report report;
  SYNFIRE_ASSIGN_OR_RETURN(report.architecture, file.get<std::string>("general.architecture"));
  SYNFIRE_ASSIGN_OR_RETURN(QuantizePlan plan, plan_quantization(file, options));
  SYNFIRE_ASSIGN_OR_RETURN(GgufHeader header, header_of(file, plan, options.dtype));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(out, std::move(header)));
  PartMaker maker(plan);
  const auto make = [&](std::size_t i, std::byte* part) {
    return maker.make(i, part).with_context(file.path());
  };
  const auto written = [&](std::size_t i) { file.release(maker.read_by(i), false); };
  SYNFIRE_RETURN_IF_ERROR(write_parts(writer, maker.parts(),
                                      {.make = make,
                                       .written = written,
                                       .progress = options.progress,
                                       .threads = options.threads,
                                       .batch_bytes = kBatchBytes}));
  SYNFIRE_RETURN_IF_ERROR(writer.finish());
  add_tensors(plan, maker.errors(), report);
  report.notes = std::move(plan.notes);
  return report;
}

}  // namespace

Result<Report> quantize_file(const fs::path& in, const fs::path& out, const Options& options) {
  std::error_code ignored;
  if (fs::equivalent(in, out, ignored))
    return invalid_argument("{}: the model itself, want another file to write", out.string());
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(in));
  return quantize(file, out, options);
}

}  // namespace synfire::quantize
