#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "core/model/quantize/quantizer.hpp"
#include "core/runtime/carried_sidecars.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint64_t kMegabyte = 1000000;

quantize::Options options_of(const OptionValues& values) {
  quantize::Options options;
  options.dtype = find_dtype(values.get<std::string>("dtype"))->dtype;
  options.pure = values.get<bool>("pure");
  if (const auto* const layout = values.find<std::string>("layout"))
    options.layout =
        *layout == "neuron" ? quantize::DownLayout::neuron : quantize::DownLayout::dense;
  options.threads = static_cast<std::uint32_t>(
      values.get_or<std::uint64_t>("threads", std::max(1U, std::thread::hardware_concurrency())));
  return options;
}

// Root mean square of the differences, over that of the weights.
double relative_error(const quantize::TensorReport& tensor) {
  return tensor.mean_square > 0 ? std::sqrt(tensor.mean_squared_error / tensor.mean_square) : 0;
}

Result<std::vector<CarriedSidecar>> carry(const OptionValues& values) {
  if (values.get<std::string>("sidecars") == "none") return std::vector<CarriedSidecar>();
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile model, GgufFile::open(values.get<std::string>("model")));
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile copy, GgufFile::open(values.get<std::string>("out")));
  return carry_sidecars(model, copy);
}

std::string_view outcome_name(CarriedSidecar::Outcome outcome) {
  using enum CarriedSidecar::Outcome;
  switch (outcome) {
    case carried: return "carried over";
    case replaced: return "carried over, in place of the one there";
    case kept: return "kept, as it was made for this very file";
    case left_out: break;
  }
  return "left out";
}

void print_as_json(const std::string& path, const quantize::Report& report,
                   const std::vector<CarriedSidecar>& sidecars, double seconds) {
  boost::json::array tensors, notes, beside;
  for (const CarriedSidecar& sidecar : sidecars)
    beside.push_back({{"path", json_text(sidecar.path.string())},
                      {"outcome", outcome_name(sidecar.outcome)},
                      {"why", json_text(sidecar.why)}});
  for (const quantize::TensorReport& tensor : report.tensors)
    tensors.push_back({{"name", json_text(tensor.name)},
                       {"from", dtype_info(tensor.from).name},
                       {"to", dtype_info(tensor.to).name},
                       {"mean_squared_error", json_number(tensor.mean_squared_error)},
                       {"relative_error", json_number(relative_error(tensor))}});
  for (const std::string& text : report.notes) notes.push_back(json_text(text));
  print_json({{"path", json_text(path)},
              {"family", json_text(report.architecture)},
              {"tensors", std::move(tensors)},
              {"parameters", report.parameters},
              {"bytes_before", report.bytes_before},
              {"bytes", report.bytes},
              {"notes", std::move(notes)},
              {"sidecars", std::move(beside)},
              {"seconds", seconds}});
}

void print_report(const std::string& path, const quantize::Report& report,
                  const std::vector<CarriedSidecar>& sidecars, double seconds) {
  const auto bits = 8 * static_cast<double>(report.bytes) / static_cast<double>(report.parameters);
  const auto worst = std::ranges::max_element(report.tensors, {}, relative_error);
  print("{}: {}, {} parameters in {} tensors, {} of {}, {:.2f} bits each; {:.1f} s\n", path,
        report.architecture, human_count(static_cast<double>(report.parameters)),
        report.tensors.size(), human_bytes(static_cast<double>(report.bytes)),
        human_bytes(static_cast<double>(report.bytes_before)), bits, seconds);
  print("largest error: {:.2f} % of the weights of {}, {} (root mean squares)\n",
        100 * relative_error(*worst), worst->name, dtype_info(worst->to).name);
  for (const CarriedSidecar& sidecar : sidecars)
    print("{}: {}{}{}\n", sidecar.path.string(), outcome_name(sidecar.outcome),
          sidecar.why.empty() ? "" : ": ", sidecar.why);
}

}  // namespace

Status check_quantize(const OptionValues& values) {
  if (values.get<std::string>("model").empty())
    return invalid_argument("want the FILE of a model to quantize");
  if (values.get<std::string>("out").empty())
    return invalid_argument("--out: missing, want the FILE to write");
  if (!values.is_set("dtype"))
    return invalid_argument("--dtype: missing, want Q8_0, Q4_0, Q4_K, Q6_K or BF16");
  return {};
}

Result<int> quantize(const OptionValues& values) {
  const auto path = values.get<std::string>("out");
  Progress progress(path + ", MB");
  quantize::Options options = options_of(values);
  options.progress = [&progress](std::uint64_t done, std::uint64_t all) {
    progress.at(done / kMegabyte, all / kMegabyte);
  };
  const auto start = std::chrono::steady_clock::now();
  SYNFIRE_ASSIGN_OR_RETURN(
      const quantize::Report report,
      quantize::quantize_file(values.get<std::string>("model"), path, options));
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<CarriedSidecar> sidecars, carry(values));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  progress.clear();
  for (const std::string& text : report.notes) note("note: {}\n", text);
  if (values.get<bool>("json"))
    print_as_json(path, report, sidecars, took.count());
  else
    print_report(path, report, sidecars, took.count());
  return kExitOk;
}

}  // namespace synfire::cli
