#include "core/model/convert/converter.hpp"

#include <chrono>
#include <string>

#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint64_t kMegabyte = 1000000;

convert::Options options_of(const OptionValues& values) {
  convert::Options options;
  if (const auto* const dtype = values.find<std::string>("dtype"))
    options.dtype = find_dtype(*dtype)->dtype;
  options.neuron_major = values.get<std::string>("layout") == "neuron";
  options.ffn_activation = values.get_or<std::string>("ffn-activation", "");
  return options;
}

void print_report(const std::string& path, const convert::Report& report, double seconds,
                  bool as_json) {
  if (as_json) {
    boost::json::array warnings;
    for (const std::string& warning : report.warnings) warnings.push_back(json_text(warning));
    print_json({{"path", json_text(path)},
                {"family", json_text(report.architecture)},
                {"tokenizer", json_text(report.tokenizer)},
                {"tensors", report.tensors},
                {"parameters", report.parameters},
                {"bytes", report.bytes},
                {"warnings", std::move(warnings)},
                {"seconds", seconds}});
    return;
  }
  print("{}: {}, {} parameters in {} tensors, {}; tokenizer: {}; {:.1f} s\n", path,
        report.architecture, human_count(static_cast<double>(report.parameters)), report.tensors,
        human_bytes(static_cast<double>(report.bytes)),
        report.tokenizer.empty() ? "none" : report.tokenizer, seconds);
}

}  // namespace

Status check_convert(const OptionValues& values) {
  if (values.get<std::string>("folder").empty())
    return invalid_argument("want the FOLDER of a model");
  if (values.get<std::string>("out").empty())
    return invalid_argument("--out: missing, want the FILE to write");
  return {};
}

Result<int> convert(const OptionValues& values) {
  const auto path = values.get<std::string>("out");
  Progress progress(path + ", MB");
  convert::Options options = options_of(values);
  options.progress = [&progress](std::uint64_t done, std::uint64_t all) {
    progress.at(done / kMegabyte, all / kMegabyte);
  };
  const auto start = std::chrono::steady_clock::now();
  SYNFIRE_ASSIGN_OR_RETURN(
      const convert::Report report,
      convert::convert_folder(values.get<std::string>("folder"), path, options));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  progress.clear();
  for (const std::string& warning : report.warnings) note("warning: {}\n", warning);
  print_report(path, report, took.count(), values.get<bool>("json"));
  return kExitOk;
}

}  // namespace synfire::cli
