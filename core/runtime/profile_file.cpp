#include "core/runtime/profile_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "core/model/sidecar.hpp"
#include "core/runtime/profile_format.hpp"
#include "plugins/sdk/half.hpp"

namespace synfire {
namespace {

using namespace profile_format;

constexpr std::uint32_t kMostWidth = 1U << 24;  // of d_model and d_ff

Status in_file(const GgufFile& file, const Status& status) {
  return error(status.code(), "{}: {}", file.path(), status.message());
}

template <typename T>
Result<std::vector<T>> numbers(const GgufFile& file, std::string_view name) {
  const std::string key = key_of(name);
  const GgufValue* const value = file.find(key);
  if (value == nullptr || value->array() == nullptr)
    return invalid_argument("{}: key {}: absent, want an array of numbers", file.path(), key);
  Result<std::vector<T>> read = value->array()->template numbers<T>();
  if (!read.ok())
    return invalid_argument("{}: key {}: {}", file.path(), key, read.status().message());
  return read;
}

Status read_texts(const GgufFile& file, ProfileInfo& info) {
  const GgufValue* const names = file.find(key_of("text.names"));
  SYNFIRE_ASSIGN_OR_RETURN(const auto bytes, numbers<std::uint64_t>(file, "text.bytes"));
  SYNFIRE_ASSIGN_OR_RETURN(const auto checksums, numbers<std::uint32_t>(file, "text.checksums"));
  const std::size_t n =
      names == nullptr || names->array() == nullptr ? 0 : names->array()->strings().size();
  if (bytes.size() != n || checksums.size() != n)
    return invalid_argument(
        "{}: texts: {} names, {} lengths and {} checksums, want as many of each", file.path(), n,
        bytes.size(), checksums.size());
  for (std::size_t i = 0; i < n; ++i)
    info.texts.push_back({std::string(names->array()->strings()[i]), bytes[i], checksums[i]});
  return {};
}

Status check_version(const GgufFile& file) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string architecture,
                           file.get_or<std::string>("general.architecture", ""));
  if (architecture != kArchitecture)
    return invalid_argument("{}: general.architecture '{}', want '{}'", file.path(), architecture,
                            kArchitecture);
  SYNFIRE_ASSIGN_OR_RETURN(const auto version, file.get<std::uint32_t>(key_of("version")));
  if (version != kVersion)
    return invalid_argument("{}: version {} of profiles, want {}", file.path(), version, kVersion);
  return {};
}

Status read_progress(const GgufFile& file, ProfileInfo& info) {
  SYNFIRE_ASSIGN_OR_RETURN(info.window_tokens, file.get<std::uint32_t>(key_of("window_tokens")));
  SYNFIRE_ASSIGN_OR_RETURN(info.complete, file.get<bool>(key_of("complete")));
  SYNFIRE_ASSIGN_OR_RETURN(info.windows, file.get<std::uint64_t>(key_of("windows")));
  SYNFIRE_ASSIGN_OR_RETURN(info.tokens, file.get<std::uint64_t>(key_of("tokens")));
  SYNFIRE_ASSIGN_OR_RETURN(const auto next, numbers<std::uint64_t>(file, "next"));
  if (next.size() != 3)
    return invalid_argument("{}: key {}: {} numbers, want 3", file.path(), key_of("next"),
                            next.size());
  info.text = next[0];
  info.piece = next[1];
  info.window = next[2];
  return {};
}

Result<ProfileInfo> read_info(const GgufFile& file) {
  SYNFIRE_RETURN_IF_ERROR(check_version(file));
  ProfileInfo info;
  SYNFIRE_ASSIGN_OR_RETURN(info.model, file.get<std::uint32_t>(key_of("model")));
  SYNFIRE_ASSIGN_OR_RETURN(info.activation, file.get<std::string>(key_of("activation")));
  if (const auto known = parse_activation(info.activation); !known.ok())
    return in_file(file, known.status());
  SYNFIRE_ASSIGN_OR_RETURN(info.n_layers, file.get<std::uint32_t>(key_of("layers")));
  SYNFIRE_ASSIGN_OR_RETURN(info.d_model, file.get<std::uint32_t>(key_of("d_model")));
  SYNFIRE_ASSIGN_OR_RETURN(info.d_ff, file.get<std::uint32_t>(key_of("d_ff")));
  SYNFIRE_RETURN_IF_ERROR(read_texts(file, info));
  SYNFIRE_RETURN_IF_ERROR(read_progress(file, info));
  return info;
}

// A layer's tensor of that dtype and shape; null where a dimension is 0.
Result<const GgufTensor*> tensor_in(const GgufFile& file, std::uint32_t layer,
                                    std::string_view name, DType dtype,
                                    std::initializer_list<std::uint64_t> shape) {
  if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return nullptr;
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor,
                           file.require_tensor(tensor_of(layer, name)));
  if (Status status = tensor->check_dtype(dtype); !status.ok()) return in_file(file, status);
  if (Status status = tensor->check_shape(std::span(shape.begin(), shape.size())); !status.ok())
    return in_file(file, status);
  return tensor;
}

std::vector<std::uint64_t> words_of(const GgufTensor* tensor) {
  std::vector<std::uint64_t> words(tensor == nullptr ? 0 : tensor->elements());
  if (!words.empty()) std::memcpy(words.data(), tensor->data.data(), tensor->data.size());
  return words;
}

template <typename T>
Status check_finite(const GgufFile& file, const GgufTensor& tensor, std::span<const T> values) {
  const auto bad =
      std::find_if(values.begin(), values.end(), [](T value) { return !std::isfinite(value); });
  if (bad == values.end()) return {};
  return invalid_argument("{}: tensor {}: element {} is {}, want a finite number", file.path(),
                          tensor.name, bad - values.begin(), *bad);
}

Status check_at_most(const GgufFile& file, const GgufTensor& tensor,
                     std::span<const std::uint64_t> values, std::uint64_t most) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] > most)
      return invalid_argument("{}: tensor {}: element {} is {}, want at most {}", file.path(),
                              tensor.name, i, static_cast<std::int64_t>(values[i]), most);
  return {};
}

// The rows that a sample kept of `seen`.
Result<RowSample> rows_in(const GgufFile& file, const ProfileInfo& info, std::uint32_t layer,
                          std::string_view name, std::size_t max_rows) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto seen,
                           file.get<std::uint64_t>(key_of(fmt::format("{}_seen", name))));
  const std::uint64_t n_rows = std::min<std::uint64_t>(seen, max_rows);
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor,
                           tensor_in(file, layer, name, DType::f16, {info.d_model, n_rows}));
  std::vector<float> rows(n_rows * info.d_model);
  if (tensor == nullptr) return RowSample(info.d_model, max_rows, std::move(rows), seen);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::uint16_t half;
    std::memcpy(&half, tensor->data.data() + i * sizeof half, sizeof half);
    rows[i] = f16_to_f32(half);
  }
  SYNFIRE_RETURN_IF_ERROR(check_finite(file, *tensor, std::span<const float>(rows)));
  return RowSample(info.d_model, max_rows, std::move(rows), seen);
}

Result<std::vector<float>> moments_in(const GgufFile& file, const ProfileInfo& info,
                                      std::uint32_t layer) {
  const std::size_t n = info.d_model;
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor,
                           tensor_in(file, layer, "moments", DType::f32, {triangle(n)}));
  SYNFIRE_ASSIGN_OR_RETURN(const std::span<const float> packed, tensor->as<float>());
  SYNFIRE_RETURN_IF_ERROR(check_finite(file, *tensor, packed));
  std::vector<float> moments(n * n);
  for (std::size_t r = 0; r < n; ++r)
    std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(triangle(r)), r + 1,
                moments.begin() + static_cast<std::ptrdiff_t>(r * n));
  return moments;
}

// Files of before there were any have none: the mean is not known then.
Result<std::vector<double>> sums_in(const GgufFile& file, const ProfileInfo& info,
                                    std::uint32_t layer) {
  if (file.tensor(tensor_of(layer, "sums")) == nullptr) return std::vector<double>();
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor,
                           tensor_in(file, layer, "sums", DType::f64, {info.d_model}));
  SYNFIRE_ASSIGN_OR_RETURN(const std::span<const double> sums, tensor->as<double>());
  SYNFIRE_RETURN_IF_ERROR(check_finite(file, *tensor, sums));
  return std::vector<double>(sums.begin(), sums.end());
}

Status check_layer(const ProfileFile& profile, std::uint32_t layer) {
  if (layer < profile.info().n_layers) return {};
  return invalid_argument("{}: layer {}, want under {}", profile.path(), layer,
                          profile.info().n_layers);
}

}  // namespace

Result<ProfileFile> ProfileFile::open(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile file, GgufFile::open(path));
  SYNFIRE_ASSIGN_OR_RETURN(ProfileInfo info, read_info(file));
  if (info.n_layers == 0 || info.d_model == 0 || info.d_ff == 0 ||
      std::max({info.n_layers, info.d_model, info.d_ff}) > kMostWidth)
    return invalid_argument("{}: {} layers, d_model {}, d_ff {}, want 1 to {} of each", file.path(),
                            info.n_layers, info.d_model, info.d_ff, kMostWidth);
  return ProfileFile(std::move(file), std::move(info));
}

Status ProfileFile::check_model(const GgufFile& model, const Program& program) const {
  const ProfileInfo wanted = ProfileInfo::of(model, program);
  if (info_.model != wanted.model)
    return error(StatusCode::failed_precondition,
                 "{}: a profile of another model: fingerprint {:08x}, want {:08x} of {}", path(),
                 info_.model, wanted.model, model.path());
  if (info_.activation != wanted.activation)
    return error(StatusCode::failed_precondition,
                 "{}: profiled with the activation {}, the model has {}", path(), info_.activation,
                 wanted.activation);
  if (info_.n_layers != wanted.n_layers || info_.d_model != wanted.d_model ||
      info_.d_ff != wanted.d_ff)
    return error(StatusCode::failed_precondition,
                 "{}: {} layers, d_model {}, d_ff {}, want {}, {} and {}", path(), info_.n_layers,
                 info_.d_model, info_.d_ff, wanted.n_layers, wanted.d_model, wanted.d_ff);
  return {};
}

Result<ActivityStats> ProfileFile::stats(std::uint32_t layer) const {
  SYNFIRE_RETURN_IF_ERROR(check_layer(*this, layer));
  ActivityStats stats(info_.d_ff);
  if (!info_.has_activity()) return stats;
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const counts,
                           tensor_in(file_, layer, "counts", DType::i64, {info_.d_ff}));
  stats.counts = words_of(counts);
  SYNFIRE_RETURN_IF_ERROR(check_at_most(file_, *counts, stats.counts, info_.tokens));
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const movement,
                           tensor_in(file_, layer, "movement", DType::i64, {kMovement}));
  const std::vector<std::uint64_t> values = words_of(movement);
  SYNFIRE_RETURN_IF_ERROR(
      check_at_most(file_, *movement, values,
                    std::accumulate(stats.counts.begin(), stats.counts.end(), info_.tokens)));
  stats.runs = values[0];
  stats.fired_in_run = values[1];
  stats.once_in_run = values[2];
  for (std::size_t i = 0; i < stats.overlaps.size(); ++i)
    stats.overlaps[i] = {values[3 + 2 * i], values[4 + 2 * i]};
  return stats;
}

Result<TraceSample> ProfileFile::traces(std::uint32_t layer) const {
  SYNFIRE_RETURN_IF_ERROR(check_layer(*this, layer));
  if (!info_.has_activity()) return TraceSample(info_.d_ff);
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<std::uint32_t> lengths,
                           numbers<std::uint32_t>(file_, "run_tokens"));
  SYNFIRE_ASSIGN_OR_RETURN(const auto seen, file_.get<std::uint64_t>(key_of("runs")));
  if (lengths.size() != std::min<std::uint64_t>(seen, TraceSample::kMaxRuns))
    return invalid_argument("{}: traces of {} runs, want {} of the {} seen", path(), lengths.size(),
                            std::min<std::uint64_t>(seen, TraceSample::kMaxRuns), seen);
  for (const std::uint32_t length : lengths)
    if (length == 0 || length > TraceSample::kRunTokens)
      return invalid_argument("{}: a trace of {} tokens, want 1 to {}", path(), length,
                              TraceSample::kRunTokens);
  SYNFIRE_ASSIGN_OR_RETURN(
      const GgufTensor* const tensor,
      tensor_in(file_, layer, "traces", DType::i64, {info_.d_ff, lengths.size()}));
  return TraceSample(info_.d_ff, words_of(tensor), std::move(lengths), seen);
}

Result<FfnInputs> ProfileFile::inputs(std::uint32_t layer, bool with_moments) const {
  SYNFIRE_RETURN_IF_ERROR(check_layer(*this, layer));
  FfnInputs inputs(info_.d_model, false);
  SYNFIRE_ASSIGN_OR_RETURN(inputs.calibration,
                           rows_in(file_, info_, layer, "calibration", FfnRowLimits().calibration));
  SYNFIRE_ASSIGN_OR_RETURN(inputs.held_out,
                           rows_in(file_, info_, layer, "held_out", FfnRowLimits().held_out));
  inputs.n_rows = inputs.calibration.seen();
  if (with_moments) {
    SYNFIRE_ASSIGN_OR_RETURN(inputs.moments, moments_in(file_, info_, layer));
    SYNFIRE_ASSIGN_OR_RETURN(inputs.sums, sums_in(file_, info_, layer));
  }
  return inputs;
}

Result<LayerProfile> ProfileFile::layer(std::uint32_t layer) const {
  LayerProfile profile(info_.d_model, info_.d_ff);
  SYNFIRE_ASSIGN_OR_RETURN(profile.stats, stats(layer));
  SYNFIRE_ASSIGN_OR_RETURN(profile.traces, traces(layer));
  SYNFIRE_ASSIGN_OR_RETURN(profile.inputs, inputs(layer));
  return profile;
}

std::filesystem::path profile_sidecar(const std::filesystem::path& model) {
  return sidecar_path(model, "profile.gguf");
}

Result<ActivationProfile> traced_activity(const ProfileFile& profile, std::uint32_t max_tokens) {
  ActivationProfile all;
  for (std::uint32_t layer = 0; layer < profile.info().n_layers; ++layer) {
    if (profile.info().has_activity()) {
      SYNFIRE_ASSIGN_OR_RETURN(const TraceSample traces, profile.traces(layer));
      all.layers.push_back(traces.activity(max_tokens));
      continue;
    }
    LayerActivity& activity = all.layers.emplace_back(profile.info().d_ff, 1);  // says it all
    for (std::uint32_t neuron = 0; neuron < activity.d_ff(); ++neuron) activity.set(neuron, 0);
  }
  if (all.layers.front().n_tokens() == 0)
    return invalid_argument("{}: no traces, want those of at least one token", profile.path());
  return all;
}

}  // namespace synfire
