#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "core/model/synth/synth_writer.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint64_t kMegabyte = 1000000;

struct ShapeOption {
  std::string_view name;
  std::uint32_t synth::Shape::*number;
  bool is_required = true;  // where no shape is named
};
constexpr ShapeOption kShapeOptions[] = {
    {"d-model", &synth::Shape::d_model},
    {"d-ff", &synth::Shape::d_ff},
    {"layers", &synth::Shape::n_layers},
    {"heads", &synth::Shape::n_heads},
    {"kv-heads", &synth::Shape::n_kv_heads, false},
    {"vocab", &synth::Shape::n_vocab, false},
};

Result<synth::Shape> shape_of(const OptionValues& values) {
  synth::Shape shape{.name = "custom"};
  const auto name = values.get<std::string>("shape");
  for (const synth::Shape& known : synth::kShapes)
    if (known.name == name) shape = known;
  for (const ShapeOption& option : kShapeOptions) {
    if (const auto* const number = values.find<std::uint64_t>(option.name)) {
      shape.*option.number = static_cast<std::uint32_t>(*number);
      shape.name = "custom";
    } else if (option.is_required && shape.*option.number == 0) {
      return invalid_argument("--{}: missing, want it or --shape", option.name);
    }
  }
  if (shape.n_kv_heads == 0) shape.n_kv_heads = shape.n_heads;
  return shape;
}

synth::Layout layout_of(const std::string& name) {
  if (name == "neuron") return synth::Layout::neuron;
  return name == "powerinfer" ? synth::Layout::powerinfer : synth::Layout::dense;
}

Result<synth::Request> request_of(const OptionValues& values) {
  synth::Request request;
  SYNFIRE_ASSIGN_OR_RETURN(request.shape, shape_of(values));
  request.dtype = find_dtype(values.get<std::string>("dtype"))->dtype;
  request.seed = values.get<std::uint64_t>("seed");
  request.active = values.get<double>("active");
  request.layout = layout_of(values.get<std::string>("layout"));
  request.family = values.get<std::string>("family");
  request.silu = values.get<std::string>("ffn-activation") == "silu";
  request.predictor_rank =
      static_cast<std::uint32_t>(values.get_or<std::uint64_t>("predictor-rank", 0));
  Result<synth::Request> checked = synth::checked(request);
  if (!checked.ok()) return checked.status().with_context("synthetic model");
  return checked;
}

void print_report(const std::string& path, const synth::Report& report, double seconds,
                  bool as_json) {
  const double megabytes = static_cast<double>(report.bytes) / kMegabyte;
  if (as_json) {
    print_json({{"path", json_text(path)},
                {"bytes", report.bytes},
                {"parameters", report.parameters},
                {"seconds", seconds}});
    return;
  }
  print("{}: {} parameters, {} in {:.1f} s, {:.0f} MB/s\n", path,
        human_count(static_cast<double>(report.parameters)),
        human_bytes(static_cast<double>(report.bytes)), seconds, megabytes / seconds);
}

}  // namespace

Status check_synth(const OptionValues& values) {
  if (values.get<std::string>("out").empty()) return invalid_argument("want a FILE to write");
  return request_of(values).status();
}

Result<int> synth(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const synth::Request request, request_of(values));
  const auto path = values.get<std::string>("out");
  Progress progress(path + ", MB");
  synth::WriteOptions options;
  options.threads = static_cast<std::uint32_t>(
      values.get_or<std::uint64_t>("threads", std::max(1U, std::thread::hardware_concurrency())));
  options.progress = [&progress](std::uint64_t done, std::uint64_t all) {
    progress.at(done / kMegabyte, all / kMegabyte);
  };
  const auto start = std::chrono::steady_clock::now();
  SYNFIRE_ASSIGN_OR_RETURN(const synth::Report report, write_model(path, request, options));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  progress.clear();
  print_report(path, report, took.count(), values.get<bool>("json"));
  return kExitOk;
}

}  // namespace synfire::cli
