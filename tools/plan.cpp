#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/config/devices_file.hpp"
#include "core/engine/assets.hpp"
#include "core/engine/collect_ffn_inputs.hpp"
#include "core/model/atomic_file.hpp"
#include "core/model/gpu_index.hpp"
#include "core/runtime/activation_traces.hpp"
#include "core/runtime/plan_costs.hpp"
#include "core/sparsity/ffn_traffic.hpp"
#include "core/sparsity/planner/planner.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/measured_devices.hpp"
#include "tools/output.hpp"
#include "tools/plan_option.hpp"
#include "tools/plan_report.hpp"
#include "tools/plan_runs.hpp"
#include "tools/profile_option.hpp"
#include "tools/progress.hpp"
#include "tools/text_windows.hpp"

namespace synfire::cli {
namespace {

constexpr std::string_view kMeasured = "measured";

// ---- Devices ----

Result<std::vector<PlanDevice>> described_devices(const std::string& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const DevicesFile file, read_devices_file(path));
  std::vector<PlanDevice> devices;
  for (const DevicesFile::Device& described : file.devices) {
    PlanDevice& device = devices.emplace_back();
    device.name = described.device;
    device.stream_bandwidth = described.bandwidth;
    device.row_bandwidth = described.row_bandwidth > 0 ? described.row_bandwidth
                                                       : described.bandwidth / kCostOfRowsApart;
    device.shared = described.shared;
    device.multiply_adds = described.multiply_adds;
    device.memory = described.memory;
    device.stage_seconds = described.stage_us * 1e-6;
    device.fork_join_seconds = described.fork_join_us * 1e-6;
    device.step_seconds = described.step_us * 1e-6;
    device.layer_seconds = described.layer_us * 1e-6;
  }
  return devices;
}

// ---- The model ----

// What the neurons do, seen by running the model densely over a text.
Result<ActivationProfile> trace(const EngineAssets& assets, EngineConfig config,
                                const OptionValues& values) {
  config.devices.clear();
  config.predictor = "none";
  config.tap = SF_TAP_FFN_INPUT;
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(std::move(config)));
  const auto tokens = values.get<std::uint64_t>("tokens");
  // A quarter of the windows is held out.
  SYNFIRE_ASSIGN_OR_RETURN(const Windows windows, text_windows(*engine, values, tokens * 3 / 2));
  Progress progress("windows");
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<FfnInputs> inputs,
                           collect_ffn_inputs(*engine, windows, false, [&](std::size_t done) {
                             progress.at(done, windows.size());
                           }));
  return trace_activity(assets.program, assets.file, inputs, static_cast<std::uint32_t>(tokens));
}

// The same from a profile, where there is one.
Result<ActivationProfile> activity(const EngineAssets& assets, const EngineConfig& config,
                                   const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::optional<ProfileFile> profile,
                           open_profile(values, assets.file, assets.program));
  if (!profile) return trace(assets, config, values);
  return traced_activity(*profile, static_cast<std::uint32_t>(values.get<std::uint64_t>("tokens")));
}

Result<std::shared_ptr<EngineAssets>> single_device_assets(EngineConfig config) {
  config.devices.clear();
  config.placement.reset();
  return prepare_assets(config);
}

// Tokens in the KV cache before an expected one.
std::uint32_t expected_depth(const OptionValues& values, const EngineAssets& assets) {
  return std::min(static_cast<std::uint32_t>(values.get<std::uint64_t>("depth")),
                  assets.context / 2);
}

PlanModel plan_model(const EngineAssets& assets, std::uint32_t depth) {
  const std::uint64_t positions = std::uint64_t{assets.kv.n_blocks} * assets.kv.block_tokens;
  return {assets.program, assets.file, assets.predictor_program, most_kv_bytes(assets, 0),
          kv_bytes(assets, 0) / positions * depth};
}

// Decodes under some plans, and what follows for all of them. Where the devices are too small for
// that, the plan stays as their bandwidths have it.
Status fit_to_decodes(PlanRuns runs, PlanProblem& problem) {
  if (!has_room_to_measure(problem)) {
    note(
        "plan: a device has no room for all FFNs: planned by the devices' bandwidths, without "
        "decodes\n");
    return {};
  }
  runs.config.placement.reset();
  runs.config.devices.clear();
  for (const PlanDevice& device : problem.devices) {
    SYNFIRE_ASSIGN_OR_RETURN(DeviceSpec spec, parse_device_spec(device.name));
    runs.config.devices.push_back(std::move(spec));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const MeasuredPlans plans, measure_plans(runs, problem));
  return fit_plan(plans, problem);
}

// ---- The plan ----

std::filesystem::path out_path(const OptionValues& values) {
  if (values.is_set("out")) return values.get<std::string>("out");
  const std::filesystem::path here = plan_sidecar(values.get<std::string>("model"));
  const std::string which = values.get<std::string>("devices");
  if (which == kMeasured) return here;
  // For a machine that is perhaps another: not where run looks for its own.
  return here.parent_path() / ("plan-" + std::filesystem::path(which).stem().string() + ".yaml");
}

Status write_plan(const PlanFile& plan, std::string_view comment, const OptionValues& values) {
  if (values.get<bool>("dry-run")) return {};
  const std::string text = format_plan_file(plan, comment);
  if (text.size() > kMaxPlanFileBytes)
    return error(StatusCode::resource_exhausted,
                 "plan: {} bytes, a plan file has {} at most; want larger groups, no --cluster, no "
                 "--cut",
                 text.size(), kMaxPlanFileBytes);
  const std::filesystem::path path = out_path(values);
  std::error_code ignored;  // create() says what is wrong with the folder
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  SYNFIRE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  SYNFIRE_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(text))));
  SYNFIRE_RETURN_IF_ERROR(file.commit());
  note("plan: {}\n", path.string());
  return {};
}

std::vector<NeuronOrder> neuron_orders(const ActivationProfile& profile, std::uint32_t group_size,
                                       bool cluster) {
  std::vector<NeuronOrder> orders;
  for (const LayerActivity& activity : profile.layers)
    orders.push_back(cluster ? cluster_neurons(activity, group_size)
                             : neurons_as_numbered(activity.d_ff()));
  return orders;
}

// PowerInfer's hot neurons as the placement: on the first device, the others on the second.
Result<PlanSolution> placed_by_index(const GpuIndex& index, const PlanProblem& problem,
                                     const std::string& path) {
  if (problem.devices.size() != 2)
    return invalid_argument("{}: {} devices, want two: for hot and for other neurons", path,
                            problem.devices.size());
  if (index.size() != problem.layers.size())
    return invalid_argument("{}: {} layers, the model has {}", path, index.size(),
                            problem.layers.size());
  PlanSolution solution;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (index[i].size() != problem.layers[i].n_groups())
      return invalid_argument("{}: layer {}: {} neurons, the model has {}", path, i,
                              index[i].size(), problem.layers[i].n_groups());
    GroupDevices& devices = solution.layers.emplace_back();
    for (const bool hot : index[i]) devices.push_back(hot ? 0 : 1);
  }
  solution.seconds = plan_seconds(problem, solution.layers);
  return solution;
}

std::string comment_of(const OptionValues& values) {
  return fmt::format("synfire plan -m {} --devices {}", values.get<std::string>("model"),
                     values.get<std::string>("devices"));
}

}  // namespace

Status check_plan(const OptionValues& values) {
  for (const char* const name : {"plan", "split", "placement"})
    if (values.is_set(name))
      return invalid_argument("{}: a plan is what this command makes, want none",
                              values.origin(name));
  if (values.is_set("gpuidx") && values.get<bool>("cluster"))
    return invalid_argument("--gpuidx and --cluster: want one of them");
  if (values.is_set("profile") && values.is_set("file"))
    return invalid_argument("--profile and --file: want one of them");
  return check_engine_options(values);
}

Result<int> plan(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const EngineConfig config, engine_config(values));
  SYNFIRE_ASSIGN_OR_RETURN(const std::shared_ptr<EngineAssets> assets,
                           single_device_assets(config));
  const std::string which = values.get<std::string>("devices");
  Result<std::vector<PlanDevice>> devices = std::vector<PlanDevice>();
  if (which == kMeasured) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<DeviceChoice> choices,
                             choose_devices(assets->plugins, config));
    devices = measure_devices(choices);
  } else {
    devices = described_devices(which);
  }
  if (!devices.ok()) return devices.status();
  SYNFIRE_ASSIGN_OR_RETURN(const ActivationProfile profile, activity(*assets, config, values));
  const std::uint32_t depth = expected_depth(values, *assets);
  const bool by_index = values.is_set("gpuidx"), cluster = values.get<bool>("cluster");
  const auto group_size =
      by_index ? 1U : static_cast<std::uint32_t>(values.get<std::uint64_t>("group-size"));
  const std::vector<NeuronOrder> orders = neuron_orders(profile, group_size, cluster);
  SYNFIRE_ASSIGN_OR_RETURN(PlanProblem problem, plan_problem_of(plan_model(*assets, depth), profile,
                                                                orders, group_size));
  problem.devices = *std::move(devices);
  if (values.get<bool>("cut"))
    for (std::size_t i = 0; i < problem.layers.size(); ++i)
      problem.layers[i].neurons = {&profile.layers[i], &orders[i], group_size};
  if (which == kMeasured)
    SYNFIRE_RETURN_IF_ERROR(fit_to_decodes({config, orders, !cluster, group_size, depth}, problem));
  Result<PlanSolution> solution = PlanSolution();
  if (by_index) {
    const std::string path = values.get<std::string>("gpuidx");
    SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(path));
    SYNFIRE_ASSIGN_OR_RETURN(const GpuIndex index, read_gpu_index(file));
    solution = placed_by_index(index, problem, path);
  } else {
    solution = solve_plan(problem);
  }
  if (!solution.ok()) return solution.status();
  print_plan(problem, *solution, values.get<bool>("json"));
  PlanFile file = plan_file_of(problem, *solution, orders, !cluster, group_size);
  file.expected = {1 / solution->seconds, depth};
  SYNFIRE_RETURN_IF_ERROR(write_plan(file, comment_of(values), values));
  return kExitOk;
}

}  // namespace synfire::cli
