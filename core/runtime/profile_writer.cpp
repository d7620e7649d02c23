#include "core/runtime/profile_writer.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/model/gguf_writer.hpp"
#include "core/runtime/profile_format.hpp"
#include "plugins/sdk/half.hpp"

namespace synfire {
namespace {

using namespace profile_format;

constexpr float kLargestHalf = 65504;

std::span<const std::int64_t> as_signed(std::span<const std::uint64_t> values) {
  return {reinterpret_cast<const std::int64_t*>(values.data()), values.size()};
}

std::vector<std::uint64_t> movement_of(const ActivityStats& stats) {
  std::vector<std::uint64_t> values{stats.runs, stats.fired_in_run, stats.once_in_run};
  for (const ActivityStats::Overlap& overlap : stats.overlaps) {
    values.push_back(overlap.fired);
    values.push_back(overlap.again);
  }
  return values;
}
GgufHeader header_of(const ProfileInfo& info, const LayerProfile& first) {
  GgufHeader header;
  header.set("general.architecture", kArchitecture);
  header.set(key_of("version"), kVersion);
  header.set(key_of("model"), info.model);
  header.set(key_of("activation"), info.activation);
  header.set(key_of("layers"), info.n_layers);
  header.set(key_of("d_model"), info.d_model);
  header.set(key_of("d_ff"), info.d_ff);
  std::vector<std::string> names;
  std::vector<std::uint64_t> bytes;
  std::vector<std::uint32_t> checksums;
  for (const ProfileInfo::Text& text : info.texts) {
    names.push_back(text.name);
    bytes.push_back(text.bytes);
    checksums.push_back(text.checksum);
  }
  header.set(key_of("text.names"), names);
  header.set(key_of("text.bytes"), bytes);
  header.set(key_of("text.checksums"), checksums);
  header.set(key_of("window_tokens"), info.window_tokens);
  header.set(key_of("next"), std::vector{info.text, info.piece, info.window});
  header.set(key_of("complete"), info.complete);
  header.set(key_of("windows"), info.windows);
  header.set(key_of("tokens"), info.tokens);
  header.set(key_of("run_tokens"), first.traces.lengths());
  header.set(key_of("runs"), first.traces.seen());
  header.set(key_of("calibration_seen"), first.inputs.calibration.seen());
  header.set(key_of("held_out_seen"), first.inputs.held_out.seen());
  return header;
}

Status add_tensor(GgufHeader& header, const std::string& name, DType dtype,
                  std::initializer_list<std::uint64_t> shape) {
  if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return {};  // no such tensor
  return header.add_tensor(name, dtype, std::span(shape.begin(), shape.size()));
}

Status declare_layer(GgufHeader& header, const ProfileInfo& info, std::uint32_t i,
                     const LayerProfile& layer) {
  const std::uint64_t d_ff = info.d_ff, d_model = info.d_model;
  if (info.has_activity()) {
    SYNFIRE_RETURN_IF_ERROR(add_tensor(header, tensor_of(i, "counts"), DType::i64, {d_ff}));
    SYNFIRE_RETURN_IF_ERROR(add_tensor(header, tensor_of(i, "movement"), DType::i64, {kMovement}));
    SYNFIRE_RETURN_IF_ERROR(add_tensor(header, tensor_of(i, "traces"), DType::i64,
                                       {d_ff, layer.traces.lengths().size()}));
  }
  SYNFIRE_RETURN_IF_ERROR(
      add_tensor(header, tensor_of(i, "moments"), DType::f32, {triangle(d_model)}));
  SYNFIRE_RETURN_IF_ERROR(
      add_tensor(header, tensor_of(i, "sums"), DType::f64, {layer.inputs.sums.size()}));
  SYNFIRE_RETURN_IF_ERROR(add_tensor(header, tensor_of(i, "calibration"), DType::f16,
                                     {d_model, layer.inputs.calibration.n_rows()}));
  return add_tensor(header, tensor_of(i, "held_out"), DType::f16,
                    {d_model, layer.inputs.held_out.n_rows()});
}

// The lower triangle, row after row.
Status write_moments(GgufWriter& writer, const std::string& name, std::span<const float> moments,
                     std::size_t n) {
  for (std::size_t r = 0; r < n; ++r)
    SYNFIRE_RETURN_IF_ERROR(writer.write_values(name, moments.subspan(r * n, r + 1)));
  return {};
}

// What is too large for half precision becomes the largest that is not; NaN stays.
std::uint16_t nearest_half(float value) {
  return f32_to_f16(std::isnan(value) ? value : std::clamp(value, -kLargestHalf, kLargestHalf));
}

Status write_rows(GgufWriter& writer, const std::string& name, const RowSample& sample) {
  if (sample.n_rows() == 0) return {};
  std::vector<std::uint16_t> halves(sample.rows().size());
  std::transform(sample.rows().begin(), sample.rows().end(), halves.begin(), nearest_half);
  return writer.write(name, std::as_bytes(std::span(halves)));
}

Status write_layer(GgufWriter& writer, const ProfileInfo& info, std::uint32_t i,
                   const LayerProfile& layer) {
  if (info.has_activity()) {
    SYNFIRE_RETURN_IF_ERROR(
        writer.write_values(tensor_of(i, "counts"), as_signed(layer.stats.counts)));
    SYNFIRE_RETURN_IF_ERROR(
        writer.write_values(tensor_of(i, "movement"), as_signed(movement_of(layer.stats))));
    if (!layer.traces.bits().empty())
      SYNFIRE_RETURN_IF_ERROR(
          writer.write_values(tensor_of(i, "traces"), as_signed(layer.traces.bits())));
  }
  SYNFIRE_RETURN_IF_ERROR(
      write_moments(writer, tensor_of(i, "moments"), layer.inputs.moments, info.d_model));
  if (!layer.inputs.sums.empty())
    SYNFIRE_RETURN_IF_ERROR(
        writer.write_values(tensor_of(i, "sums"), std::span<const double>(layer.inputs.sums)));
  SYNFIRE_RETURN_IF_ERROR(
      write_rows(writer, tensor_of(i, "calibration"), layer.inputs.calibration));
  return write_rows(writer, tensor_of(i, "held_out"), layer.inputs.held_out);
}

}  // namespace

Status write_profile(const std::filesystem::path& path, const ProfileInfo& info,
                     std::span<const LayerProfile* const> layers) {
  if (layers.size() != info.n_layers || layers.empty())
    return invalid_argument("profile: {} layers, want {} and at least 1", layers.size(),
                            info.n_layers);
  GgufHeader header = header_of(info, *layers.front());
  for (std::uint32_t i = 0; i < info.n_layers; ++i)
    SYNFIRE_RETURN_IF_ERROR(declare_layer(header, info, i, *layers[i]));
  std::error_code ignored;  // create() says what is wrong with the folder
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  for (std::uint32_t i = 0; i < info.n_layers; ++i)
    SYNFIRE_RETURN_IF_ERROR(write_layer(writer, info, i, *layers[i]));
  return writer.finish();
}

}  // namespace synfire
