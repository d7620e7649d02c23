#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tools/bench_run.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/memory_probe.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"
#include "tools/token_bytes.hpp"

namespace synfire::cli {
namespace {

struct Rates {
  std::vector<double> rounds = {};  // tokens/s, ascending

  [[nodiscard]] double median() const {
    const std::size_t n = rounds.size();
    return n % 2 == 1 ? rounds[n / 2] : (rounds[n / 2 - 1] + rounds[n / 2]) / 2;
  }
};

struct Report {
  BenchShape shape;
  Rates prefill = {}, decode = {};  // empty: not measured
  TokenBytes bytes = {};
  double bytes_per_token = 0;  // at the middle of the decoded stretch
  double bandwidth = 0;        // bytes/s
  std::string predictor;

  [[nodiscard]] double decode_bandwidth() const { return decode.median() * bytes_per_token; }
  // The count is an upper bound where neurons are skipped.
  [[nodiscard]] bool dense() const { return predictor == "none"; }
};

BenchShape shape_of(const OptionValues& values) {
  const auto number = [&values](std::string_view name) {
    return static_cast<std::uint32_t>(values.get<std::uint64_t>(name));
  };
  return {number("prompt-tokens"), number("n-predict"), number("batch"), number("depth")};
}

Status check_fits(const BenchShape& shape, std::uint32_t context) {
  const std::uint64_t prefill = std::uint64_t{shape.depth} + shape.prompt;
  const std::uint64_t decode = std::uint64_t{std::max(shape.depth, 1U)} + shape.decode + 1;
  if (shape.prompt != 0 && prefill > context) {
    return invalid_argument("--prompt-tokens and --depth: {} tokens, the context is {}", prefill,
                            context);
  }
  if (shape.decode != 0 && decode > context) {
    return invalid_argument("--n-predict and --depth: {} tokens, the context is {}", decode,
                            context);
  }
  return {};
}

// One round that warms up, then those that count.
Result<Rates> measure(Engine& engine, const BenchShape& shape, std::uint64_t rounds,
                      const char* what, Result<double> (*once)(Engine&, const BenchShape&)) {
  Rates rates;
  Progress progress(what);
  for (std::uint64_t round = 0; round <= rounds; ++round) {
    progress.at(round, rounds);
    SYNFIRE_ASSIGN_OR_RETURN(const double rate, once(engine, shape));
    if (round != 0) rates.rounds.push_back(rate);
  }
  std::sort(rates.rounds.begin(), rates.rounds.end());
  return rates;
}

boost::json::value rates_json(const Rates& rates) {
  if (rates.rounds.empty()) return nullptr;
  return {{"tokens_per_second", rates.median()},
          {"least", rates.rounds.front()},
          {"most", rates.rounds.back()},
          {"rounds", rates.rounds.size()}};
}

void print_as_json(const Report& report, const ModelInfo& model) {
  boost::json::object object{{"model", json_text(model.name)},
                             {"weight_dtype", model.weight_dtype},
                             {"parameters", model.parameters},
                             {"prompt_tokens", report.shape.prompt},
                             {"decode_tokens", report.shape.decode},
                             {"batch", report.shape.batch},
                             {"depth", report.shape.depth},
                             {"predictor", report.predictor},
                             {"prefill", rates_json(report.prefill)},
                             {"decode", rates_json(report.decode)},
                             {"bytes_per_token", report.bytes_per_token},
                             {"bytes_are_dense", report.dense()},
                             {"read_bandwidth", report.bandwidth}};
  if (!report.decode.rounds.empty()) {
    object["decode_bandwidth"] = report.decode_bandwidth();
    object["bandwidth_share"] = report.decode_bandwidth() / report.bandwidth;
  }
  print_json(object);
}

void add_row(const char* name, std::uint32_t tokens, const Rates& rates, Table& table) {
  if (rates.rounds.empty()) return;
  const auto text = [](double value) { return fmt::format("{:.1f}", value); };
  table.add({name, std::to_string(tokens), text(rates.median()), text(rates.rounds.front()),
             text(rates.rounds.back())});
}

void print_bytes(const Report& report) {
  const TokenBytes& b = report.bytes;
  print("bytes per token: {} (attention {}, FFN {}, head {}, embedding {}, KV cache {}){}\n",
        human_bytes(report.bytes_per_token), human_bytes(b.attention), human_bytes(b.ffn),
        human_bytes(b.head), human_bytes(b.embedding),
        human_bytes(report.bytes_per_token - b.at_depth(0)),
        report.dense() ? ""
                       : fmt::format("; counted dense, predictor {} reads less", report.predictor));
  print("read bandwidth of host memory, measured now: {}/s\n", human_bytes(report.bandwidth));
  if (report.decode.rounds.empty()) return;
  const double share = report.decode_bandwidth() / report.bandwidth;
  print("decode moves {}/s: {:.1f} % of it{}\n", human_bytes(report.decode_bandwidth()),
        100 * share, share > 1 ? "; more than memory gives: caches hold part of the model" : "");
}

void print_report(const Report& report) {
  Table table({{""},
               {"TOKENS", Table::Align::right},
               {"TOKENS/S", Table::Align::right},
               {"LEAST", Table::Align::right},
               {"MOST", Table::Align::right}});
  add_row("prefill", report.shape.prompt, report.prefill, table);
  add_row("decode", report.shape.decode, report.decode, table);
  write_out(table.text());
  if (report.shape.batch > 1) {
    print("batch {}: requests share the engine; rates are of all together\n", report.shape.batch);
  }
  print_bytes(report);
}

Result<Report> make_report(Engine& engine, const OptionValues& values, const BenchShape& shape) {
  Report report{.shape = shape, .predictor = engine.placement().predictor};
  const auto rounds = values.get<std::uint64_t>("rounds");
  if (shape.prompt != 0) {
    SYNFIRE_ASSIGN_OR_RETURN(report.prefill,
                             measure(engine, shape, rounds, "prefill", &measure_prefill));
  }
  if (shape.decode != 0) {
    SYNFIRE_ASSIGN_OR_RETURN(report.decode,
                             measure(engine, shape, rounds, "decode", &measure_decode));
  }
  SYNFIRE_ASSIGN_OR_RETURN(
      report.bytes,
      count_token_bytes(values.get<std::string>("model"), values.get<std::string>("ffn-activation"),
                        values.get<std::string>("kv-dtype")));
  report.bytes_per_token = report.bytes.at_depth(std::max(shape.depth, 1U) + shape.decode / 2.0);
  const auto threads = static_cast<std::uint32_t>(values.get<std::uint64_t>("threads"));
  const std::uint32_t cores = std::max(std::thread::hardware_concurrency(), 1U);
  report.bandwidth = measure_read_bandwidth(threads == 0 ? cores : threads);
  return report;
}

}  // namespace

Status check_bench(const OptionValues& values) {
  SYNFIRE_RETURN_IF_ERROR(check_engine_options(values));
  const BenchShape shape = shape_of(values);
  if (shape.prompt == 0 && shape.decode == 0) {
    return invalid_argument("--prompt-tokens 0 and --n-predict 0: nothing to measure");
  }
  return {};
}

Result<int> bench(const OptionValues& values) {
  const BenchShape shape = shape_of(values);
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, engine_config(values));
  config.max_sequences = shape.batch;
  config.queue = std::max(config.queue, shape.batch);
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(config));
  SYNFIRE_RETURN_IF_ERROR(check_fits(shape, engine->model().context));
  describe_engine(*engine);
  SYNFIRE_ASSIGN_OR_RETURN(const Report report, make_report(*engine, values, shape));
  if (values.get<bool>("json")) {
    print_as_json(report, engine->model());
  } else {
    print_report(report);
  }
  return kExitOk;
}

}  // namespace synfire::cli
