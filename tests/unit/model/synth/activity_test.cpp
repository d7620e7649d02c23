// Whether the designed activity is there when a model runs: FFN inputs come from the engine, what
// fires is counted from them and the file's own rows.

#include "core/model/synth/activity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <cmath>
#include <set>

#include "core/engine/engine.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/synth/synth_writer.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/model/synth/cut_model.hpp"
#include "tests/unit/model/synth/small_request.hpp"

namespace synfire::synth {
namespace {

using test::small_request;

constexpr std::uint32_t kTokens = 24;
using Set = std::bitset<1024>;  // of a layer's neurons

// A row-major matrix as float.
struct Matrix {
  std::uint64_t rows, cols;
  std::vector<float> values;

  [[nodiscard]] double dot(std::uint64_t row, const float* x) const {
    double sum = 0;
    for (std::uint64_t i = 0; i < cols; ++i) sum += double{values[row * cols + i]} * x[i];
    return sum;
  }
};

Matrix matrix_of(const GgufFile& file, const std::string& name) {
  const GgufTensor& tensor = *file.tensor(name);
  Matrix matrix{tensor.rows(), tensor.dims[0], {}};
  matrix.values.resize(matrix.rows * matrix.cols);
  dequantize_row(tensor.dtype, tensor.data.data(), matrix.values.size(), matrix.values.data());
  return matrix;
}

std::vector<std::int32_t> some_tokens(std::uint32_t n_vocab) {
  std::vector<std::int32_t> tokens;
  for (std::uint32_t i = 0; i < kTokens; ++i)
    tokens.push_back(static_cast<std::int32_t>((i * 7919 + 3) % n_vocab));
  return tokens;
}

double share(const Set& set, std::size_t of) {
  return static_cast<double>(set.count()) / static_cast<double>(of);
}

class SynthActivityTest : public testing::Test {
 protected:
  void write(const Request& request) {
    request_ = request;
    const Result<Report> report = write_model(path_, request, {.threads = 2});
    ASSERT_TRUE(report.ok()) << report.status().to_string();
    report_ = *report;
    auto file = GgufFile::open(path_);
    ASSERT_TRUE(file.ok()) << file.status().to_string();
    file_.emplace(*std::move(file));
  }

  std::unique_ptr<Engine> engine(const std::filesystem::path& model, const char* device,
                                 std::uint32_t prefill_chunk) {
    EngineConfig config = test::engine_config("", device);
    config.model = model;
    config.predictor = request_.silu ? "none" : "exact";
    config.prefill_chunk = prefill_chunk;
    config.context = 64;
    auto made = Engine::make(config);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? *std::move(made) : nullptr;
  }

  // [kTokens][d_model] before layer `layer`'s FFN; a token at a time or all at once.
  std::vector<std::vector<float>> ffn_inputs(std::uint32_t layer, const char* device,
                                             std::uint32_t prefill_chunk) {
    const auto cut = dir_.path() / "cut.gguf";
    const Status status = test::cut_before_ffn(*file_, layer, cut);
    EXPECT_TRUE(status.ok()) << status.to_string();
    const auto run = engine(cut, device, prefill_chunk);
    const std::uint32_t n_vocab = request_.shape.n_vocab;
    const auto logits = run->logits(some_tokens(n_vocab));
    EXPECT_TRUE(logits.ok()) << logits.status().to_string();
    std::vector<std::vector<float>> inputs;
    for (std::uint32_t t = 0; t < kTokens; ++t)
      inputs.emplace_back(logits->begin() + t * n_vocab,
                          logits->begin() + t * n_vocab + request_.shape.d_model);
    return inputs;
  }

  // What fires, by token.
  std::vector<Set> fired(std::uint32_t layer, const std::vector<std::vector<float>>& inputs) {
    const Matrix gates = matrix_of(*file_, fmt::format("blk.{}.{}.weight", layer, deciding_));
    std::vector<Set> sets(inputs.size());
    for (std::size_t t = 0; t < inputs.size(); ++t)
      for (std::uint64_t j = 0; j < gates.rows; ++j)
        sets[t][j] = gates.dot(j, inputs[t].data()) > 0;
    return sets;
  }

  // What the file's predictor says, by token. It sees the stream before the norm: the same but for
  // a factor, which no sign depends on.
  std::vector<Set> predicted(std::uint32_t layer, const std::vector<std::vector<float>>& inputs) {
    const Matrix fc1 = matrix_of(*file_, fmt::format("blk.{}.fc1.weight", layer));
    const Matrix fc2 = matrix_of(*file_, fmt::format("blk.{}.fc2.weight", layer));
    std::vector<Set> sets(inputs.size());
    for (std::size_t t = 0; t < inputs.size(); ++t) {
      std::vector<float> hidden;
      for (std::uint64_t u = 0; u < fc1.rows; ++u)
        hidden.push_back(std::max(0.0F, static_cast<float>(fc1.dot(u, inputs[t].data()))));
      for (std::uint64_t j = 0; j < fc2.rows; ++j) sets[t][j] = fc2.dot(j, hidden.data()) > 0;
    }
    return sets;
  }

  void expect_activity(std::uint32_t layer, const std::vector<Set>& sets, double wanted) {
    SCOPED_TRACE(fmt::format("layer {}", layer));
    const std::uint32_t d_ff = request_.shape.d_ff;
    double active = 0, overlap = 0;
    Set ever;
    for (std::size_t t = 0; t < sets.size(); ++t) {
      active += share(sets[t], d_ff) / kTokens;
      ever |= sets[t];
      EXPECT_GT(sets[t].count(), 0U);
      if (t > 0) overlap += share(sets[t] & sets[t - 1], sets[t - 1].count()) / (kTokens - 1);
    }
    EXPECT_NEAR(active, wanted, 0.25 * wanted);
    EXPECT_LT(overlap, 0.25 + 0.75 * wanted);
    for (std::uint32_t part = 0; part < d_ff; part += 64)  // all over the layer
      EXPECT_GT((ever >> part & Set(~0ULL)).count(), 16U) << part;
  }

  // The file's predictor finds 95 % of what fires, and is right as often as that.
  void expect_recall(double least_precision) {
    std::size_t active = 0, called = 0, both = 0;
    for (std::uint32_t layer = 0; layer < request_.shape.n_layers; ++layer) {
      const auto inputs = ffn_inputs(layer, "cpu:0", 128);
      const std::vector<Set> truth = fired(layer, inputs), guess = predicted(layer, inputs);
      for (std::uint32_t t = 0; t < kTokens; ++t) {
        active += truth[t].count();
        called += guess[t].count();
        both += (truth[t] & guess[t]).count();
      }
    }
    const double recall = static_cast<double>(both) / static_cast<double>(active);
    EXPECT_GE(recall, 0.95);
    EXPECT_NEAR(recall, report_.activity.recall, 0.02);
    EXPECT_GE(static_cast<double>(both) / static_cast<double>(called), least_precision);
  }

  // Of deviation 1 or so, whatever the depth.
  void expect_sane_logits() {
    const auto logits = engine(path_, "cpu:0", 128)->logits(some_tokens(request_.shape.n_vocab));
    ASSERT_TRUE(logits.ok()) << logits.status().to_string();
    double squares = 0;
    for (const float logit : *logits) squares += double{logit} * logit;
    const double deviation = std::sqrt(squares / static_cast<double>(logits->size()));
    EXPECT_GT(deviation, 0.5);
    EXPECT_LT(deviation, 2);
  }

  test::TempDir dir_;
  std::filesystem::path path_ = dir_.path() / "model.gguf";
  std::string deciding_ = "ffn_gate";
  Request request_;
  Report report_{};
  std::optional<GgufFile> file_;
};

TEST_F(SynthActivityTest, TheWantedShareFiresInEveryLayerAndDtype) {
  for (const DType dtype : {DType::f16, DType::q8_0, DType::q4_0}) {
    SCOPED_TRACE(dtype_info(dtype).name);
    write(small_request(dtype));
    EXPECT_NEAR(report_.activity.active, 0.1, 0.02);
    for (std::uint32_t layer = 0; layer < request_.shape.n_layers; ++layer)
      expect_activity(layer, fired(layer, ffn_inputs(layer, "reference:0", 128)), 0.1);
  }
}

TEST_F(SynthActivityTest, DecodeOnTheCpuFiresTheSame) {
  write(small_request(DType::q4_0, Layout::neuron));
  for (const std::uint32_t layer : {0U, 3U}) {
    const std::vector<Set> decode = fired(layer, ffn_inputs(layer, "cpu:0", 1));
    const std::vector<Set> prefill = fired(layer, ffn_inputs(layer, "reference:0", 128));
    expect_activity(layer, decode, 0.1);
    for (std::uint32_t t = 0; t < kTokens; ++t)
      EXPECT_LT((decode[t] ^ prefill[t]).count(), prefill[t].count() / 10) << t;
  }
}

TEST_F(SynthActivityTest, OtherSharesAndFamilies) {
  for (const double active : {0.03, 0.3, 0.5, 1.0}) {
    SCOPED_TRACE(active);
    Request request = small_request();
    request.active = active;
    write(request);
    expect_activity(2, fired(2, ffn_inputs(2, "cpu:0", 128)), active);
  }
  Request request = small_request();
  request.family = "arcee";
  deciding_ = "ffn_up";
  write(request);
  expect_activity(2, fired(2, ffn_inputs(2, "cpu:0", 128)), 0.1);
}

TEST_F(SynthActivityTest, PredictorsFindWhatFires) {
  for (const DType dtype : {DType::f16, DType::q8_0, DType::q4_0}) {
    SCOPED_TRACE(dtype_info(dtype).name);
    write(small_request(dtype, Layout::powerinfer));
    expect_recall(0.5);
  }
}

TEST_F(SynthActivityTest, WideModelsToo) {
  Request request = small_request(DType::q4_0, Layout::powerinfer);
  request.shape = {"wide", 1024, 1024, 3, 8, 2, 1024};
  write(request);
  EXPECT_NEAR(report_.activity.active, 0.1, 0.02);
  for (const std::uint32_t layer : {0U, 2U})
    expect_activity(layer, fired(layer, ffn_inputs(layer, "cpu:0", 128)), 0.1);
  expect_recall(0.55);
}

TEST_F(SynthActivityTest, DeepModelsKeepTheirShare) {
  Request request = small_request(DType::q4_0);
  request.shape = {"deep", 256, 256, 80, 4, 1, 512};
  write(request);
  expect_activity(79, fired(79, ffn_inputs(79, "cpu:0", 128)), 0.1);
  expect_sane_logits();
}

TEST_F(SynthActivityTest, DenseModelsHaveSaneLogitsToo) {
  Request request = small_request(DType::q8_0);
  request.silu = true;
  write(request);
  expect_sane_logits();
}

TEST_F(SynthActivityTest, AGreedyTextDoesNotRepeatItself) {
  write(small_request(DType::q4_0));
  const auto run = engine(path_, "cpu:0", 128);
  GenerateRequest request = test::greedy({1}, 40);
  request.ignore_eos = true;
  const auto sink = std::make_shared<test::RecordingSink>();
  ASSERT_TRUE(run->submit(std::move(request), sink).ok());
  sink->wait();
  const std::vector<std::int32_t> ids = sink->ids();
  EXPECT_EQ(std::set<std::int32_t>(ids.begin(), ids.end()).size(), 40U);
}

}  // namespace
}  // namespace synfire::synth
