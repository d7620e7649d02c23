// Attention of the CPU backend. Decode: GB/s of KV cache read, and as a share of a plain read of
// the same memory by the same threads, in turns. Prefill: GMAC/s of a prompt without a past.
//
//   cpu_attention_bench --benchmark_filter=Decode      SYNFIRE_BENCH_THREADS=2 for another team
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/bench_device.hpp"

namespace synfire::cpu {
namespace {

struct Shape {
  const char* name;
  std::uint32_t n_heads, n_kv_heads, head_dim, context, sequences;
};

// A stage that stores keys and values of a batch, or attends, in every layer of a KV storage.
class AttentionStage {
 public:
  AttentionStage(const Shape& shape, sdk::Kv& kv, std::uint32_t n_layers, bool write,
                 std::uint32_t max_tokens)
      : params_(n_layers), write_(write) {
    const std::uint32_t q = shape.n_heads * shape.head_dim, k = shape.n_kv_heads * shape.head_dim;
    const std::uint32_t in = write ? k : q;
    // Inputs and their copies, then the results, then the output port.
    values_ = {{SF_VALUE_ROWS, in}, {SF_VALUE_ROWS, k}, {SF_VALUE_ROWS, in}, {SF_VALUE_ROWS, k}};
    if (!write) values_.insert(values_.end(), n_layers + 1, {SF_VALUE_ROWS, q});
    index_.resize(values_.size());
    std::iota(index_.begin(), index_.end(), 0u);
    ops_ = {copy(0, 2), copy(1, 3)};
    for (std::uint32_t layer = 0; layer < n_layers; ++layer) {
      params_[layer] = {layer, shape.n_heads, shape.n_kv_heads, shape.head_dim, 0.125f};
      kv_params_.push_back({layer});
    }
    for (std::uint32_t layer = 0; layer < n_layers; ++layer) ops_.push_back(work(layer));
    if (!write) ops_.push_back(copy(3 + n_layers, 4 + n_layers));
    auto* const handle = reinterpret_cast<sf_kv*>(&kv);
    sf_stage_desc desc{};
    desc.struct_size = sizeof desc;
    desc.n_values = static_cast<std::uint32_t>(values_.size());
    desc.n_ops = static_cast<std::uint32_t>(ops_.size());
    desc.n_kv = 1;
    desc.n_inputs = 2;
    desc.n_outputs = write ? 0 : 1;
    desc.max_tokens = max_tokens;
    desc.name = "bench";
    desc.values = values_.data();
    desc.ops = ops_.data();
    desc.kv = &handle;
    desc.inputs = index_.data();
    desc.outputs = index_.data() + index_.size() - 1;
    stage_ = device().compile_stage(desc);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    inputs_[0].resize(std::size_t{in} * max_tokens);
    inputs_[1].resize(std::size_t{k} * max_tokens);
    for (std::vector<float>& input : inputs_)
      for (float& value : input) value = normal(random);
    output_.resize(write ? 0 : std::size_t{q} * max_tokens);
  }

  void run(const sf_batch& batch) {
    sf_port_binding inputs[2];
    for (int i = 0; i < 2; ++i)
      inputs[i] = {inputs_[i].data(), inputs_[i].size() * sizeof(float), nullptr, 0};
    sf_port_binding output{output_.data(), output_.size() * sizeof(float), nullptr, 0};
    const sf_submission submission{sizeof submission, 0, &batch, inputs, &output, nullptr, nullptr};
    device().submit(*stage_, submission);
  }

 private:
  sf_op copy(std::uint32_t from, std::uint32_t to) const {
    static constexpr sf_no_params kNothing{0};
    return {sizeof(sf_op),
            SF_OP_COPY,
            1,
            1,
            0,
            SF_NONE,
            SF_NONE,
            sizeof kNothing,
            index_.data() + from,
            index_.data() + to,
            nullptr,
            &kNothing};
  }
  [[nodiscard]] sf_op work(std::uint32_t layer) const {
    if (write_)
      return {sizeof(sf_op),
              SF_OP_KV_WRITE,
              2,
              0,
              0,
              SF_NONE,
              0,
              sizeof(sf_kv_params),
              index_.data() + 2,
              nullptr,
              nullptr,
              &kv_params_[layer]};
    return {sizeof(sf_op),
            SF_OP_ATTENTION,
            1,
            1,
            0,
            SF_NONE,
            0,
            sizeof(sf_attention_params),
            index_.data() + 2,
            index_.data() + 4 + layer,
            nullptr,
            &params_[layer]};
  }

  std::vector<sf_attention_params> params_;
  std::vector<sf_kv_params> kv_params_;
  bool write_;
  std::vector<sf_value_desc> values_;
  std::vector<std::uint32_t> index_;
  std::vector<sf_op> ops_;
  std::vector<float> inputs_[2], output_;
  std::unique_ptr<sdk::Stage> stage_;
};

// KV storage of some layers that no cache holds, sequences full to the context.
class FilledKv {
 public:
  static constexpr std::uint32_t kBlockTokens = 32, kFillTokens = 512;

  FilledKv(const Shape& shape, DType dtype, std::uint32_t n_layers)
      : shape_(shape), blocks_((shape.context + kBlockTokens - 1) / kBlockTokens) {
    const sf_kv_desc desc{
        sizeof desc,      n_layers,       blocks_ * shape.sequences,         kBlockTokens,
        shape.n_kv_heads, shape.head_dim, static_cast<std::uint32_t>(dtype), 0};
    kv_ = device().create_kv(desc);
    table_.resize(std::size_t{blocks_} * shape.sequences);
    std::iota(table_.begin(), table_.end(), 0u);
    AttentionStage writer(shape, *kv_, n_layers, true, kFillTokens);
    for (std::uint32_t s = 0; s < shape.sequences; ++s)
      for (std::uint32_t first = 0; first < shape.context; first += kFillTokens) {
        const std::uint32_t n = std::min(kFillTokens, shape.context - first);
        positions_.resize(n);
        std::iota(positions_.begin(), positions_.end(), first);
        sequences_.assign(n, s);
        writer.run(batch());
      }
  }

  // The last token of every sequence.
  sf_batch decode_batch() {
    positions_.assign(shape_.sequences, shape_.context - 1);
    sequences_.resize(shape_.sequences);
    std::iota(sequences_.begin(), sequences_.end(), 0u);
    return batch();
  }
  // All tokens of the first sequence.
  sf_batch prefill_batch() {
    positions_.resize(shape_.context);
    std::iota(positions_.begin(), positions_.end(), 0u);
    sequences_.assign(shape_.context, 0);
    return batch();
  }
  [[nodiscard]] sdk::Kv& kv() const { return *kv_; }

 private:
  sf_batch batch() {
    const auto n = static_cast<std::uint32_t>(positions_.size());
    tokens_.assign(n, 0);
    return {sizeof(sf_batch),  n,       shape_.sequences, 0,
            blocks_,           0,       tokens_.data(),   positions_.data(),
            sequences_.data(), nullptr, table_.data()};
  }

  Shape shape_;
  std::uint32_t blocks_;  // of a sequence
  std::unique_ptr<sdk::Kv> kv_;
  std::vector<std::uint32_t> table_, positions_, sequences_;
  std::vector<std::int32_t> tokens_;
};

void read_plainly(const std::byte* memory, std::size_t bytes) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  std::atomic<std::uint64_t> sum{0};
  device().team().parallel_for(bytes / kChunk, [&](std::size_t chunk, std::size_t) {
    sum.fetch_add(device().kernels().read(memory + chunk * kChunk, kChunk),
                  std::memory_order_relaxed);
  });
  benchmark::DoNotOptimize(sum.load());
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void decode(benchmark::State& state, const Shape& shape, DType dtype) {
  const std::size_t layer_bytes = std::size_t{2} * shape.context * shape.sequences *
                                  shape.n_kv_heads * row_bytes(dtype, shape.head_dim);
  const auto n_layers = static_cast<std::uint32_t>((std::size_t{256} << 20) / layer_bytes + 1);
  FilledKv kv(shape, dtype, n_layers);
  AttentionStage stage(shape, kv.kv(), n_layers, false, shape.sequences);
  const sf_batch batch = kv.decode_batch();
  const std::byte* const memory = static_cast<sdk::HostKv&>(kv.kv()).keys(0, 0, 0);
  const auto bytes = static_cast<double>(layer_bytes * n_layers);
  std::vector<double> shares, rates;
  stage.run(batch);
  for (auto _ : state) {
    auto start = std::chrono::steady_clock::now();
    read_plainly(memory, layer_bytes * n_layers);
    const double plain = seconds_since(start);
    start = std::chrono::steady_clock::now();
    stage.run(batch);
    const double attended = seconds_since(start);
    state.SetIterationTime(attended);
    shares.push_back(plain / attended);
    rates.push_back(bytes / attended / 1e9);
  }
  const auto median = [](std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
  };
  state.counters["GB/s"] = median(rates);
  state.counters["of_read"] = median(shares);
  state.counters["us/layer"] = layer_bytes / median(rates) / 1e3;
}

void prefill(benchmark::State& state, const Shape& shape, DType dtype) {
  FilledKv kv(shape, dtype, 1);
  AttentionStage stage(shape, kv.kv(), 1, false, shape.context);
  const sf_batch batch = kv.prefill_batch();
  for (auto _ : state) stage.run(batch);
  const double macs =
      static_cast<double>(shape.context) * (shape.context + 1) * shape.n_heads * shape.head_dim;
  state.counters["GMAC/s"] = benchmark::Counter(
      macs * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

constexpr Shape kDecodeShapes[] = {{"1b/8k", 32, 4, 64, 8192, 1},
                                   {"7b/8k", 32, 32, 128, 8192, 1},
                                   {"8b/8k", 32, 8, 128, 8192, 1},
                                   {"1b/512x8", 32, 4, 64, 512, 8}};
constexpr Shape kPrefillShapes[] = {{"1b/512", 32, 4, 64, 512, 1}, {"1b/4096", 32, 4, 64, 4096, 1}};

}  // namespace
}  // namespace synfire::cpu

int main(int argc, char** argv) {
  using namespace synfire;
  using namespace synfire::cpu;
  benchmark::AddCustomContext("cpu", machine_features().brand);
  benchmark::AddCustomContext("kernels", device().kernels().name);
  benchmark::AddCustomContext("threads", std::to_string(device().team().members()));
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0}) {
    const std::string name(dtype_info(dtype).name);
    for (const Shape& shape : kDecodeShapes)
      benchmark::RegisterBenchmark((std::string("Decode/") + shape.name + "/" + name).c_str(),
                                   decode, shape, dtype)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    for (const Shape& shape : kPrefillShapes)
      benchmark::RegisterBenchmark((std::string("Prefill/") + shape.name + "/" + name).c_str(),
                                   prefill, shape, dtype)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
