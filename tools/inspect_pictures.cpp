#include "tools/inspect_pictures.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/config/devices_file.hpp"
#include "core/config/plan_file.hpp"
#include "core/engine/assets.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/model/atomic_file.hpp"
#include "core/model/sidecar.hpp"
#include "core/runtime/plan_costs.hpp"
#include "core/runtime/profile_file.hpp"
#include "tools/eval_points.hpp"
#include "tools/output.hpp"
#include "tools/pictures/activity_pictures.hpp"
#include "tools/pictures/loss_picture.hpp"
#include "tools/pictures/placement_picture.hpp"
#include "tools/pictures/predictor_picture.hpp"
#include "tools/pictures/svg.hpp"
#include "tools/plugin_dirs.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint32_t kRooflineTokens = 512;

struct Picture {
  std::string name, svg;
};

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// The file of an option, or the one beside the model; empty where there is none.
std::filesystem::path known_file(const GgufFile& model, const OptionValues& values,
                                 const char* option, const std::string& name) {
  if (values.is_set(option)) return values.get<std::string>(option);
  const std::filesystem::path path = sidecar_path(model.path(), name);
  return is_there(path) ? path : std::filesystem::path();
}

// All that pictures are drawn from.
class Pictures {
 public:
  Pictures(const GgufFile& file, const OptionValues& values) : file_(file), values_(values) {}

  Result<std::vector<Picture>> draw() {
    SYNFIRE_RETURN_IF_ERROR(read());
    SYNFIRE_RETURN_IF_ERROR(draw_activity());
    SYNFIRE_RETURN_IF_ERROR(draw_predictors());
    SYNFIRE_RETURN_IF_ERROR(draw_placement());
    SYNFIRE_RETURN_IF_ERROR(draw_roofline());
    SYNFIRE_RETURN_IF_ERROR(draw_losses());
    return std::move(pictures_);
  }

 private:
  [[nodiscard]] bool wanted(const std::string& name) const {
    return !values_.is_set("picture") || values_.get<std::string>("picture") == name;
  }
  void add(std::string name, std::string svg) {
    pictures_.push_back({std::move(name), std::move(svg)});
  }

  // A file that is no model may be a profile.
  Status read() {
    SYNFIRE_ASSIGN_OR_RETURN(const std::string architecture,
                             file_.get_or<std::string>("general.architecture", ""));
    std::filesystem::path path = known_file(file_, values_, "profile", "profile.gguf");
    if (architecture == "synfire-profile") {
      path = file_.path();
    } else {
      SYNFIRE_ASSIGN_OR_RETURN(program_, build_program(file_, ""));
    }
    if (!path.empty()) {
      SYNFIRE_ASSIGN_OR_RETURN(profile_, ProfileFile::open(path));
      if (program_) SYNFIRE_RETURN_IF_ERROR(profile_->check_model(file_, *program_));
    }
    path = known_file(file_, values_, "plan", "plan.yaml");
    if (path.empty()) return {};
    SYNFIRE_ASSIGN_OR_RETURN(plan_, read_plan_file(path));
    if (program_ && plan_->layers.size() != program_->hparams.n_layers)
      return invalid_argument("{}: {} layers, the model has {}", path.string(),
                              plan_->layers.size(), program_->hparams.n_layers);
    return {};
  }

  Status draw_activity() {
    if (!profile_ || !profile_->info().has_activity()) return {};
    std::vector<ActivityStats> layers;
    for (std::uint32_t i = 0; i < profile_->info().n_layers; ++i) {
      SYNFIRE_ASSIGN_OR_RETURN(ActivityStats stats, profile_->stats(i));
      layers.push_back(std::move(stats));
    }
    const std::uint64_t n_tokens = std::max<std::uint64_t>(profile_->info().tokens, 1);
    if (wanted("activity")) add("activity", activity_map(layers, n_tokens));
    if (wanted("coverage")) add("coverage", coverage_curves(layers));
    if (wanted("overlap")) add("overlap", overlap_curves(layers, n_tokens));
    return {};
  }

  Status draw_losses() {
    if (!wanted("loss-curve") || !values_.is_set("eval")) return {};
    SYNFIRE_ASSIGN_OR_RETURN(
        const std::vector<LossSeries> series,
        read_eval_points(values_.get<std::vector<std::string>>("eval"), file_));
    if (!series.empty()) add("loss-curve", loss_curves(series));
    return {};
  }

  // Neurons by rank where it is known.
  Status draw_placement() {
    if (!plan_ || !program_ || !wanted("placement")) return {};
    const Hparams& h = program_->hparams;
    const bool by_rank = profile_ && profile_->info().has_activity();
    std::vector<NeuronOrder> orders(h.n_layers, neurons_as_numbered(h.d_ff));
    for (std::uint32_t i = 0; by_rank && i < h.n_layers; ++i) {
      SYNFIRE_ASSIGN_OR_RETURN(const ActivityStats stats, profile_->stats(i));
      std::stable_sort(orders[i].begin(), orders[i].end(), [&](std::uint32_t a, std::uint32_t b) {
        return stats.counts[a] > stats.counts[b];
      });
    }
    add("placement", placement_map(*plan_, orders, by_rank));
    return {};
  }

  Status draw_predictors() {
    if (!wanted("predictor")) return {};
    for (const char* const name : {"svd", "mlp", "signbit", "threshold"}) {
      const std::filesystem::path path = predictor_sidecar(file_.path(), name);
      if (!is_there(path)) continue;
      SYNFIRE_ASSIGN_OR_RETURN(const GgufFile sidecar, GgufFile::open(path));
      SYNFIRE_ASSIGN_OR_RETURN(const std::vector<PredictorLayerQuality> layers,
                               qualities(sidecar, name));
      if (!layers.empty()) add(fmt::format("predictor-{}", name), predictor_bars(name, layers));
    }
    return {};
  }

  // As the fit wrote them down; none where it did not.
  static Result<std::vector<PredictorLayerQuality>> qualities(const GgufFile& sidecar,
                                                              const std::string& type) {
    std::vector<PredictorLayerQuality> layers;
    while (true) {
      const std::string prefix = fmt::format("{}.blk.{}.", type, layers.size());
      if (sidecar.find(prefix + "recall") == nullptr) return layers;
      PredictorLayerQuality& layer = layers.emplace_back();
      SYNFIRE_ASSIGN_OR_RETURN(layer.recall, sidecar.get<double>(prefix + "recall"));
      SYNFIRE_ASSIGN_OR_RETURN(layer.precision, sidecar.get<double>(prefix + "precision"));
      SYNFIRE_ASSIGN_OR_RETURN(layer.predicted, sidecar.get<double>(prefix + "predicted"));
      SYNFIRE_ASSIGN_OR_RETURN(layer.fired, sidecar.get<double>(prefix + "fired"));
    }
  }

  Status draw_roofline() {
    if (!wanted("roofline") || !profile_ || !program_) return {};
    const Hparams& h = program_->hparams;
    EngineConfig config;
    config.model = file_.path();
    config.predictor = values_.get_or<std::string>("predictor", "");
    SYNFIRE_ASSIGN_OR_RETURN(config.plugin_dirs, plugin_dirs(values_));
    SYNFIRE_ASSIGN_OR_RETURN(const std::shared_ptr<EngineAssets> assets, prepare_assets(config));
    SYNFIRE_ASSIGN_OR_RETURN(const ActivationProfile traces,
                             traced_activity(*profile_, kRooflineTokens));
    const std::uint32_t group_size = plan_ ? plan_->group_size : h.d_ff;
    const std::vector<NeuronOrder> orders(h.n_layers, neurons_as_numbered(h.d_ff));
    const PredictorProgram& predictor = assets->predictor_program;
    SYNFIRE_ASSIGN_OR_RETURN(
        const PlanProblem problem,
        plan_problem_of({assets->program, file_, predictor}, traces, orders, group_size));
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<DevicesFile::Device> devices, described());
    std::vector<std::vector<LayerLoad>> layers;
    for (std::uint32_t i = 0; i < h.n_layers; ++i) {
      SYNFIRE_ASSIGN_OR_RETURN(const std::vector<double> active,
                               active_by_group(*assets, problem, i));
      SYNFIRE_ASSIGN_OR_RETURN(
          std::vector<LayerLoad> loads,
          loads_of(problem.layers[i], active, prediction_bytes(predictor, i), i, devices));
      layers.push_back(std::move(loads));
    }
    add("roofline", roofline(layers, predictor.name == "none" ? "dense" : predictor.name));
    return {};
  }

  // Neurons of each group that a token computes. Thresholds leave out some of those that fire, as
  // many as the fit says.
  static Result<std::vector<double>> active_by_group(const EngineAssets& assets,
                                                     const PlanProblem& problem,
                                                     std::uint32_t index) {
    const PlanLayer& layer = problem.layers[index];
    const PredictorProgram& predictor = assets.predictor_program;
    std::vector<double> active;
    for (std::uint32_t g = 0; g < layer.n_groups(); ++g)
      active.push_back(mean_active(layer, problem.n_tokens, g));
    if (predictor.kind != Prediction::plugin || !predictor.layers[index].drops()) return active;
    SYNFIRE_ASSIGN_OR_RETURN(const double kept, assets.sidecar->get<double>(
                                                    fmt::format("threshold.blk.{}.fired", index)));
    const double most = std::accumulate(active.begin(), active.end(), 0.0);
    const double scale = std::min(1.0, kept * assets.program.hparams.d_ff / std::max(most, 1.0));
    for (double& neurons : active) neurons *= scale;
    return active;
  }

  static double prediction_bytes(const PredictorProgram& predictor, std::uint32_t layer) {
    if (predictor.kind != Prediction::plugin || predictor.computes_all(layer)) return 0;
    return static_cast<double>(predictor.layers[layer].bytes_per_token);
  }

  Result<std::vector<DevicesFile::Device>> described() const {
    if (!values_.is_set("devices")) return std::vector<DevicesFile::Device>();
    SYNFIRE_ASSIGN_OR_RETURN(DevicesFile file,
                             read_devices_file(values_.get<std::string>("devices")));
    return std::move(file.devices);
  }

  // What the devices of a layer read for a token, the first also what its prediction does. Without
  // a plan one device has it all.
  Result<std::vector<LayerLoad>> loads_of(const PlanLayer& layer, const std::vector<double>& active,
                                          double prediction, std::uint32_t index,
                                          const std::vector<DevicesFile::Device>& devices) const {
    PlanFile::Layer parts;
    if (plan_)
      parts = plan_->layers[index];
    else
      parts.devices = {
          {devices.empty() ? "one device" : devices.front().device, {{0, layer.n_groups() - 1}}}};
    std::vector<LayerLoad> loads;
    for (const PlanFile::Device& part : parts.devices) {
      double stream = std::exchange(prediction, 0), apart = 0;
      for (const PlanFile::Range& range : part.groups) {
        if (range.last >= layer.n_groups())
          return invalid_argument("plan: layer {}: group {}, want under {}", index, range.last,
                                  layer.n_groups());
        for (std::uint32_t g = range.first; g <= range.last; ++g) {
          stream += layer.stream_bytes[g];
          apart += layer.active_bytes * active[g];
        }
      }
      SYNFIRE_ASSIGN_OR_RETURN(const double seconds, time_of(part.device, stream, apart, devices));
      loads.push_back({part.device, stream + apart, seconds});
    }
    return loads;
  }

  static double mean_active(const PlanLayer& layer, std::uint32_t n_tokens, std::uint32_t group) {
    const auto first =
        layer.active.begin() + static_cast<std::ptrdiff_t>(std::size_t{group} * n_tokens);
    return std::accumulate(first, first + n_tokens, 0.0) / n_tokens;
  }

  static Result<double> time_of(const std::string& name, double stream, double apart,
                                const std::vector<DevicesFile::Device>& devices) {
    if (devices.empty()) return 0.0;
    for (const DevicesFile::Device& device : devices) {
      if (device.device != name) continue;
      const double rows = device.row_bandwidth > 0 ? device.row_bandwidth : device.bandwidth;
      return stream / device.bandwidth + apart / rows;
    }
    return error(StatusCode::not_found, "device {}: in the plan, not in the file of --devices",
                 name);
  }

  const GgufFile& file_;
  const OptionValues& values_;
  std::optional<Program> program_;
  std::optional<ProfileFile> profile_;
  std::optional<PlanFile> plan_;
  std::vector<Picture> pictures_;
};

std::string page_of(const std::vector<Picture>& pictures, const std::string& title) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<style>body{{font-family:Helvetica,Arial,sans-serif;margin:2em;background:#fff;color:#222}}"
      "svg{{display:block;margin:0 0 2em;max-width:100%;height:auto}}</style></head><body>\n"
      "<h1>{0}</h1>\n",
      escaped(title));
  for (const Picture& picture : pictures) page += picture.svg;
  return page + "</body></html>\n";
}

bool ends_with(const OptionValues& values, std::string_view extension) {
  return std::filesystem::path(values.get<std::string>("out")).extension() == extension;
}

}  // namespace

Status check_pictures(const OptionValues& values) {
  if (!values.is_set("out")) {
    for (const char* const name : {"picture", "profile", "plan", "devices", "eval"})
      if (values.is_set(name))
        return invalid_argument("--{}: given without --out, want a file for the pictures", name);
    return {};
  }
  if (ends_with(values, ".html")) return {};
  if (!ends_with(values, ".svg"))
    return invalid_argument("--out: {}, want a name that ends with .html or .svg",
                            values.get<std::string>("out"));
  if (values.is_set("picture")) return {};
  return invalid_argument("--out: an SVG file has one picture, want --picture");
}

Status draw_pictures(const GgufFile& file, const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<Picture> pictures, Pictures(file, values).draw());
  if (pictures.empty())
    return error(StatusCode::not_found,
                 "{}: nothing{} to draw: want a profile, a predictor or a plan beside it",
                 file.path(),
                 values.is_set("picture") ? " of " + values.get<std::string>("picture") : "");
  const bool page = ends_with(values, ".html");
  if (!page && pictures.size() > 1)
    note("{} pictures of that name, the first is written; an .html has all\n", pictures.size());
  const std::string text = page ? page_of(pictures, file.path()) : pictures.front().svg;
  SYNFIRE_ASSIGN_OR_RETURN(AtomicFile out, AtomicFile::create(values.get<std::string>("out")));
  SYNFIRE_RETURN_IF_ERROR(out.write(std::as_bytes(std::span(text))));
  SYNFIRE_RETURN_IF_ERROR(out.commit());
  for (const Picture& picture : pictures) note("picture: {}\n", picture.name);
  return {};
}

}  // namespace synfire::cli
