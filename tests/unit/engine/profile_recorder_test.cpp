// Profiles end to end: what the devices compute, recorded, against counting.
#include "core/engine/profile_recorder.hpp"

#include <cmath>
#include <fstream>
#include <memory>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/sparsity/matrix_math.hpp"
#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/block_codec.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;
using Windows = std::vector<std::vector<std::int32_t>>;

constexpr std::uint32_t kVocab = 101, kWidth = 32, kNeurons = 96, kLayers = 2;

Windows random_windows(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  Windows windows(n);
  for (std::size_t i = 0; i < n; ++i) {
    windows[i].resize(5 + 13 * i % 60);
    for (std::int32_t& token : windows[i]) token = static_cast<std::int32_t>(random() % kVocab);
  }
  return windows;
}

// Keeps all that is tapped.
class Keeper final : public TapSink {
 public:
  struct Layer {
    std::vector<float> rows, gates;
  };
  void on_step(std::span<const LayerTap> taps) override {
    layers.resize(taps.size());
    for (std::size_t i = 0; i < taps.size(); ++i) {
      layers[i].rows.insert(layers[i].rows.end(), taps[i].rows.begin(), taps[i].rows.end());
      layers[i].gates.insert(layers[i].gates.end(), taps[i].gates.begin(), taps[i].gates.end());
    }
  }
  std::vector<Layer> layers;
};

struct Kind {
  const char* name;
  const char* architecture;
  const char* activation;
  bool neuron_major_down;
  const char* devices;
};

class ProfileRecorderTest : public testing::TestWithParam<Kind> {
 protected:
  ProfileRecorderTest() {
    test::TinyShape shape;
    shape.architecture = GetParam().architecture;
    shape.activation = GetParam().activation;
    shape.neuron_major_down = GetParam().neuron_major_down;
    shape.n_layers = kLayers;
    shape.d_model = kWidth;
    shape.d_ff = kNeurons;
    shape.n_heads = 4;
    shape.n_kv_heads = 2;
    shape.n_vocab = kVocab;
    test::TinyModel(shape).save(model_path());
  }
  [[nodiscard]] std::filesystem::path model_path() const { return folder_.path() / "m.gguf"; }
  [[nodiscard]] std::filesystem::path profile_path() const { return folder_.path() / "p.gguf"; }

  std::unique_ptr<Engine> engine() const {
    EngineConfig config = test::engine_config("", GetParam().devices);
    config.model = model_path();
    config.prefill_chunk = 24;  // windows take several steps
    ProfileRecorder::configure(config, true);
    auto made = Engine::make(config);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *std::move(made) : nullptr;
  }
  ProfileInfo info() const {
    const auto file = GgufFile::open(model_path());
    ProfileInfo info = ProfileInfo::of(*file, *build_program(*file, ""));
    info.texts = {{"random", 1, 2}};
    info.window_tokens = 64;
    return info;
  }

  test::TempDir folder_;
};

TEST_P(ProfileRecorderTest, GatesAreThoseOfTheInputs) {
  const auto with = engine();
  ASSERT_NE(with, nullptr);
  Keeper keeper;
  const auto windows = random_windows(5, 1);
  for (const auto& window : windows) ASSERT_TRUE(with->observe(window, keeper).ok());
  const auto file = GgufFile::open(model_path());
  const auto program = build_program(*file, "");
  for (std::uint32_t i = 0; i < kLayers; ++i) {
    const ProgramFfn& ffn = program->layers[i].ffn;
    const WeightId id = ffn.gate == kNone ? ffn.up : ffn.gate;
    const GgufTensor& tensor = **file->require_tensor(program->weights[id].name);
    std::vector<float> weights(std::size_t{kNeurons} * kWidth);
    dequantize_row(tensor.dtype, tensor.data.data(), weights.size(), weights.data());
    const std::vector<float> want = multiply_transposed(keeper.layers[i].rows, weights, kWidth);
    ASSERT_EQ(keeper.layers[i].gates.size(), want.size());
    for (std::size_t k = 0; k < want.size(); ++k)
      ASSERT_NEAR(keeper.layers[i].gates[k], want[k], 1e-3 + 1e-2 * std::abs(want[k])) << k;
  }
}

TEST_P(ProfileRecorderTest, CountsWhatTheGatesSay) {
  const auto with = engine();
  ASSERT_NE(with, nullptr);
  ProfileRecorder recorder(info());
  Keeper keeper;
  std::uint64_t n_tokens = 0;
  for (const auto& window : random_windows(9, 2)) {
    ASSERT_TRUE(recorder.record(*with, window).ok());
    ASSERT_TRUE(with->observe(window, keeper).ok());
    n_tokens += window.size();
  }
  ASSERT_TRUE(recorder.write(profile_path()).ok());
  const auto file = ProfileFile::open(profile_path());
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->info().tokens, n_tokens);
  EXPECT_EQ(file->info().windows, 9U);
  const auto activity = traced_activity(*file);
  for (std::uint32_t i = 0; i < kLayers; ++i) {
    const auto stats = file->stats(i);
    ASSERT_TRUE(stats.ok()) << stats.status().message();
    std::vector<std::uint64_t> counts(kNeurons);
    for (std::size_t k = 0; k < keeper.layers[i].gates.size(); ++k)
      counts[k % kNeurons] += keeper.layers[i].gates[k] > 0 ? 1 : 0;
    EXPECT_EQ(stats->counts, counts);
    for (std::uint32_t j = 0; j < kNeurons; ++j)  // so few tokens are traced all
      EXPECT_EQ(activity->layers[i].count(j), counts[j]);
    const auto inputs = file->inputs(i);
    EXPECT_EQ(inputs->calibration.n_rows() + inputs->held_out.n_rows(), n_tokens);
    EXPECT_EQ(inputs->held_out.n_rows(),
              random_windows(9, 2)[3].size() + random_windows(9, 2)[7].size());
  }
}

TEST_P(ProfileRecorderTest, AResumedRunWritesTheSameFile) {
  const auto with = engine();
  ASSERT_NE(with, nullptr);
  const auto windows = random_windows(150, 3);  // more than the samples keep
  ProfileRecorder whole(info()), first(info());
  for (const auto& window : windows) ASSERT_TRUE(whole.record(*with, window).ok());
  ASSERT_TRUE(whole.write(profile_path()).ok());
  const std::filesystem::path part = folder_.path() / "part.gguf";
  for (std::size_t i = 0; i < 71; ++i) ASSERT_TRUE(first.record(*with, windows[i]).ok());
  ASSERT_TRUE(first.write(part).ok());
  {
    const auto file = ProfileFile::open(part);
    auto second = ProfileRecorder::resume(*file);
    ASSERT_TRUE(second.ok()) << second.status().message();
    for (std::size_t i = 71; i < windows.size(); ++i)
      ASSERT_TRUE(second->record(*with, windows[i]).ok());
    ASSERT_TRUE(second->write(part).ok());
  }
  const auto content = [](const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_TRUE(content(part) == content(profile_path()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ProfileRecorderTest,
                         testing::Values(Kind{"gated", "llama", "relu", false, "cpu:0"},
                                         Kind{"reference", "llama", "relu", false, "reference:0"},
                                         Kind{"plain", "arcee", "relu2", false, "cpu:0"},
                                         Kind{"neuron_major", "llama", "relu", true, "cpu:0"}),
                         [](const testing::TestParamInfo<Kind>& kind) { return kind.param.name; });

TEST(ProfileRecorder, GatesWantOneDevice) {
  test::TempDir folder;
  test::TinyModel().save(folder.path() / "m.gguf");
  EngineConfig config = test::engine_config("", "cpu:0,reference:0");
  config.group_size = 4;
  config.model = folder.path() / "m.gguf";
  ProfileRecorder::configure(config, true);
  EXPECT_THAT(Engine::make(config).status().message(), HasSubstr("2 devices"));
}

TEST(ProfileRecorder, NaNInTheModelIsSaid) {
  test::TempDir folder;
  const std::filesystem::path path = folder.path() / "m.gguf";
  test::TinyModel().save(path);
  {  // the embedding of token 3
    const auto file = GgufFile::open(path);
    const GgufTensor& embedding = **file->require_tensor("token_embd.weight");
    const float nan = std::nanf("");
    std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(embedding.offset + 3 * 8 * sizeof nan));
    out.write(reinterpret_cast<const char*>(&nan), sizeof nan);
  }
  EngineConfig config = test::engine_config("", "reference:0");
  config.group_size = 4;
  config.model = path;
  ProfileRecorder::configure(config, true);
  const auto engine = Engine::make(config);
  ASSERT_TRUE(engine.ok()) << engine.status().message();
  const auto file = GgufFile::open(path);
  ProfileRecorder recorder(ProfileInfo::of(*file, *build_program(*file, "")));
  ASSERT_TRUE(recorder.record(**engine, std::vector<std::int32_t>{1, 2, 3, 4}).ok());
  EXPECT_THAT(recorder.write(folder.path() / "p.gguf").message(),
              HasSubstr("layer 0: the sum of squares of its FFN's input"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "p.gguf"));
}

}  // namespace
}  // namespace synfire
