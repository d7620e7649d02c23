// Linear ops of the CPU backend, in GB/s of weights read and as a share of the bandwidth that the
// same threads reach on a plain read of memory (the probe of measure()); for prefill in GMAC/s and
// as a share of what the multipliers reach on registers.
//
//   cpu_linear_bench --benchmark_filter=Decode      SYNFIRE_BENCH_THREADS=2 for another team
#include <benchmark/benchmark.h>

#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backends/cpu/measure.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/bench/avx512_peak.hpp"
#include "tests/bench/bench_device.hpp"

namespace synfire::cpu {
namespace {

double probe_bandwidth() {
  static const double found = measure_read_bandwidth(device().team(), device().kernels());
  return found;
}

// A stage of one linear op over a matrix, run as the host runs it.
class LinearStage {
 public:
  LinearStage(DType dtype, std::uint32_t rows, std::uint32_t cols, std::uint32_t n_tokens)
      : n_tokens_(n_tokens),
        x_(std::size_t{cols} * n_tokens, 0.5f),
        y_(std::size_t{rows} * n_tokens),
        memory_(rows * row_bytes(dtype, cols)) {
    fill(dtype, rows, cols);
    const sf_tensor_desc tensor{
        sizeof tensor, static_cast<std::uint32_t>(dtype), SF_TENSOR_BORROW, 0, rows, cols, "w",
        memory_.data()};
    weights_ = device().upload_weights(tensor);
    compile(rows, cols);
  }

  void run() {
    std::vector<std::int32_t> ids(n_tokens_, 0);
    std::vector<std::uint32_t> zeros(n_tokens_, 0);
    sf_batch batch{sizeof batch, n_tokens_,    1,       0,      0, 0, ids.data(),
                   zeros.data(), zeros.data(), nullptr, nullptr};
    sf_port_binding input{x_.data(), x_.size() * sizeof(float), nullptr, 0};
    sf_port_binding output{y_.data(), y_.size() * sizeof(float), nullptr, 0};
    const sf_submission submission{sizeof submission, 0, &batch, &input, &output, nullptr, nullptr};
    device().submit(*stage_, submission);
  }

 private:
  // Random rows, repeated: all that matters is that memory is read.
  void fill(DType dtype, std::uint32_t rows, std::uint32_t cols) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& value : x_) value = normal(random);
    std::vector<float> row(cols);
    for (float& value : row) value = normal(random);
    const std::size_t bytes = row_bytes(dtype, cols);
    quantize_row(dtype, row.data(), cols, memory_.data());
    for (std::uint32_t r = 1; r < rows; ++r)
      std::memcpy(memory_.data() + r * bytes, memory_.data(), bytes);
  }

  void compile(std::uint32_t rows, std::uint32_t cols) {
    const sf_value_desc values[] = {
        {SF_VALUE_ROWS, cols}, {SF_VALUE_ROWS, cols}, {SF_VALUE_ROWS, rows}, {SF_VALUE_ROWS, rows}};
    const std::uint32_t index[] = {0, 1, 2, 3};
    const std::uint32_t weights[] = {0, SF_NONE};
    const sf_no_params none{0};
    const auto op = [&](std::uint32_t id, std::uint32_t in, std::uint32_t n_weights) {
      return sf_op{sizeof(sf_op),
                   id,
                   1,
                   1,
                   n_weights,
                   SF_NONE,
                   SF_NONE,
                   sizeof none,
                   index + in,
                   index + in + 1,
                   n_weights == 0 ? nullptr : weights,
                   &none};
    };
    const sf_op ops[] = {op(SF_OP_COPY, 0, 0), op(SF_OP_LINEAR, 1, 2), op(SF_OP_COPY, 2, 0)};
    auto* const handle = reinterpret_cast<sf_weights*>(weights_.get());
    sf_stage_desc desc{};
    desc.struct_size = sizeof desc;
    desc.n_values = 4;
    desc.n_ops = 3;
    desc.n_weights = 1;
    desc.n_inputs = desc.n_outputs = 1;
    desc.max_tokens = n_tokens_;
    desc.name = "bench";
    desc.values = values;
    desc.ops = ops;
    desc.weights = &handle;
    desc.inputs = index;
    desc.outputs = index + 3;
    stage_ = device().compile_stage(desc);
  }

  std::uint32_t n_tokens_;
  std::vector<float> x_, y_;
  sdk::AlignedBytes memory_;
  std::unique_ptr<sdk::Weights> weights_;
  std::unique_ptr<sdk::Stage> stage_;
};

// Rows of 2048 elements, as many as make a matrix that no cache holds.
void decode(benchmark::State& state, DType dtype) {
  constexpr std::uint32_t kCols = 2048;
  const std::size_t wanted = std::size_t{1} << 30;
  const auto rows = static_cast<std::uint32_t>(wanted / row_bytes(dtype, kCols));
  const double probe = probe_bandwidth();
  LinearStage stage(dtype, rows, kCols, 1);
  for (auto _ : state) stage.run();
  const double bytes = static_cast<double>(rows) * static_cast<double>(row_bytes(dtype, kCols));
  const double total = bytes * static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_probe"] = benchmark::Counter(total / probe, benchmark::Counter::kIsRate);
  state.counters["probe_GB/s"] = probe / 1e9;
}

// Multiply-adds per second that the team's members reach at the same time on registers; 0 where the
// level has no instruction to count by.
double peak(DType dtype) {
  if (device().kernels().name != avx512_kernels().name) return 0;
  std::vector<double> rates(device().team().members());
  device().team().parallel_for(rates.size(), [&](std::size_t chunk, std::size_t) {
    rates[chunk] = wants_quants(dtype) ? bench::int8_peak() : bench::float_peak();
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

// A layer's matrix and many tokens. `x_decode`: how many times more tokens per second than decode
// would reach at the full bandwidth.
void prefill(benchmark::State& state, DType dtype) {
  constexpr std::uint32_t kRows = 4096, kCols = 2048;
  const auto n_tokens = static_cast<std::uint32_t>(state.range(0));
  const double probe = probe_bandwidth();
  LinearStage stage(dtype, kRows, kCols, n_tokens);
  for (auto _ : state) stage.run();
  const double tokens = static_cast<double>(state.iterations()) * n_tokens;
  const double bytes = static_cast<double>(kRows) * static_cast<double>(row_bytes(dtype, kCols));
  state.counters["GMAC/s"] =
      benchmark::Counter(tokens * kRows * kCols / 1e9, benchmark::Counter::kIsRate);
  if (const double most = peak(dtype); most > 0)
    state.counters["of_peak"] =
        benchmark::Counter(tokens * kRows * kCols / most, benchmark::Counter::kIsRate);
  state.counters["x_decode"] =
      benchmark::Counter(tokens * bytes / probe, benchmark::Counter::kIsRate);
}

void submit_nothing(benchmark::State& state) {
  LinearStage stage(DType::f32, 16, 32, 1);
  for (auto _ : state) stage.run();
}

constexpr DType kDtypes[] = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0, DType::q4_0,
                             DType::q4_1, DType::q4_k, DType::q5_k, DType::q6_k};

}  // namespace
}  // namespace synfire::cpu

int main(int argc, char** argv) {
  using namespace synfire;
  using namespace synfire::cpu;
  benchmark::AddCustomContext("cpu", machine_features().brand);
  benchmark::AddCustomContext("kernels", device().kernels().name);
  benchmark::AddCustomContext("threads", std::to_string(device().team().members()));
  for (const DType dtype : kDtypes) {
    const std::string name(dtype_info(dtype).name);
    benchmark::RegisterBenchmark(("Decode/" + name).c_str(), decode, dtype)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("Prefill/" + name).c_str(), prefill, dtype)
        ->Arg(2)
        ->Arg(4)
        ->Arg(5)
        ->Arg(16)
        ->Arg(8)
        ->Arg(64)
        ->Arg(256)
        ->Arg(512)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("SmallestStage", submit_nothing)->UseRealTime();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
