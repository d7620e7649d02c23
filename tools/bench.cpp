#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "core/config/plan_file.hpp"
#include "tools/bench_report.hpp"
#include "tools/bench_run.hpp"
#include "tools/commands.hpp"
#include "tools/cpu_use.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/hand_off.hpp"
#include "tools/json.hpp"
#include "tools/memory_probe.hpp"
#include "tools/output.hpp"
#include "tools/plan_option.hpp"
#include "tools/progress.hpp"
#include "tools/token_bytes.hpp"

namespace synfire::cli {
namespace {

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

Result<MemoryProbe> make_probe(const OptionValues& values) {
  const auto threads = static_cast<std::uint32_t>(values.get<std::uint64_t>("threads"));
  return MemoryProbe::make(threads == 0 ? std::max(std::thread::hardware_concurrency(), 1U)
                                        : threads);
}

Result<int> probe_alone(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(MemoryProbe probe, make_probe(values));
  const MemoryProbe::Reading best = probe.measure();
  if (values.get<bool>("json")) {
    print_json({{"read_bandwidth", best.bandwidth},
                {"kernel", best.kernel},
                {"threads", best.threads},
                {"bytes", probe.bytes()},
                {"wanted_bytes", probe.wanted_bytes()}});
  } else {
    print("read bandwidth of host memory: {}/s ({}, {} threads, {})\n", human_bytes(best.bandwidth),
          best.kernel, best.threads, human_bytes(static_cast<double>(probe.bytes())));
  }
  return kExitOk;
}

// A round of everything once, small: what is touched for the first time, and threads that wake up,
// count in no round.
Status warm_up(Engine& engine, const BenchShape& shape) {
  BenchShape small = shape;
  small.prompt = std::min(shape.prompt, 32U);
  small.decode = std::min(shape.decode, 4U);
  small.depth = 0;
  if (small.prompt != 0) SYNFIRE_RETURN_IF_ERROR(measure_prefill(engine, small).status());
  if (small.decode != 0) SYNFIRE_RETURN_IF_ERROR(measure_decode(engine, small).status());
  return {};
}

// `before`: the probe that ended the last round, which begins this one.
Result<BenchRound> measure_round(Engine& engine, const BenchShape& shape, MemoryProbe& probe,
                                 const MemoryProbe::Reading& before) {
  BenchRound round;
  round.before = before;
  const CpuUse begin = CpuUse::now();
  if (shape.decode != 0) {
    SYNFIRE_ASSIGN_OR_RETURN(round.decode, measure_decode(engine, shape));
    round.after = probe.measure_again();
  }
  if (shape.prompt != 0) {
    SYNFIRE_ASSIGN_OR_RETURN(round.prefill, measure_prefill(engine, shape));
  }
  round.others = share_of_others(begin, CpuUse::now());
  return round;
}

Status measure_rounds(Engine& engine, const BenchShape& shape, std::uint64_t rounds,
                      MemoryProbe& probe, MemoryProbe::Reading before, BenchReport& report) {
  Progress progress("rounds");
  for (std::uint64_t i = 0; i < rounds; ++i) {
    progress.at(i, rounds);
    SYNFIRE_ASSIGN_OR_RETURN(BenchRound round, measure_round(engine, shape, probe, before));
    before = round.after;
    report.add(std::move(round));
  }
  return {};
}

// A round for each line of stdin, said at once: whoever measures something else in between, in the
// same rounds, need not load the model anew.
Status measure_when_told(Engine& engine, const BenchShape& shape, MemoryProbe& probe,
                         BenchReport& report) {
  boost::json::object ready = report.json();
  ready["ready"] = true;
  print_json(ready);
  flush_out();
  for (std::string line; std::getline(std::cin, line);) {
    const MemoryProbe::Reading before =
        shape.decode == 0 ? MemoryProbe::Reading() : probe.measure_again();
    SYNFIRE_ASSIGN_OR_RETURN(BenchRound round, measure_round(engine, shape, probe, before));
    print_json(report.round_json(round));
    flush_out();
    report.add(std::move(round));
  }
  return {};
}

double seconds_since(TimePoint begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

Status check_bench(const OptionValues& values) {
  if (values.get<bool>("probe")) return {};
  SYNFIRE_RETURN_IF_ERROR(check_engine_options(values));
  const BenchShape shape = shape_of(values);
  if (shape.prompt == 0 && shape.decode == 0) {
    return invalid_argument("--prompt-tokens 0 and --n-predict 0: nothing to measure");
  }
  return {};
}

Result<int> bench(const OptionValues& values) {
  if (values.get<bool>("probe")) return probe_alone(values);
  const BenchShape shape = shape_of(values);
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, engine_config(values));
  config.max_sequences = shape.batch;
  config.queue = std::max(config.queue, shape.batch);
  const TimePoint begin = std::chrono::steady_clock::now();
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open_engine(config));
  const double load_seconds = seconds_since(begin);
  SYNFIRE_RETURN_IF_ERROR(check_fits(shape, engine->model().context));
  describe_engine(*engine);
  SYNFIRE_ASSIGN_OR_RETURN(const TokenBytes dense,
                           count_token_bytes(config.model, config.ffn_activation, config.kv_dtype,
                                             shape.mean_positions()));
  SYNFIRE_ASSIGN_OR_RETURN(const double hand_off, measure_hand_off());
  SYNFIRE_ASSIGN_OR_RETURN(MemoryProbe probe, make_probe(values));
  SYNFIRE_RETURN_IF_ERROR(warm_up(*engine, shape));
  const MemoryProbe::Reading before = probe.measure();
  BenchReport report(*engine, shape, dense, probe, load_seconds, hand_off);
  if (const std::string path = followed_plan(values); !path.empty()) {
    SYNFIRE_ASSIGN_OR_RETURN(const PlanFile plan, read_plan_file(path));
    report.set_expected(plan.expected);
  }
  if (values.get<bool>("interactive")) {
    SYNFIRE_RETURN_IF_ERROR(measure_when_told(*engine, shape, probe, report));
  } else {
    SYNFIRE_RETURN_IF_ERROR(
        measure_rounds(*engine, shape, values.get<std::uint64_t>("rounds"), probe, before, report));
  }
  if (values.get<bool>("json")) {
    print_json(report.json());
  } else {
    write_out(report.text());
  }
  return kExitOk;
}

}  // namespace synfire::cli
