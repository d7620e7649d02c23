#include "core/runtime/profile_file.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/runtime/profile_writer.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;

template <typename T>
T must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
  return *std::move(result);
}

constexpr std::uint32_t kWidth = 8, kNeurons = 20;  // the tiny model's

// Numbers of halves, so that a round trip changes none.
std::vector<float> random_rows(std::size_t n, std::mt19937& random) {
  std::vector<float> rows(n * kWidth);
  for (float& value : rows) value = static_cast<float>(random() % 512) / 64 - 4;
  return rows;
}

LayerProfile random_layer(unsigned seed, std::size_t n_runs = 70) {
  std::mt19937 random(seed);
  std::mt19937_64 bits(seed);
  LayerProfile layer(kWidth, kNeurons);
  for (std::uint64_t& count : layer.stats.counts) count = random() % 100;
  for (ActivityStats::Overlap& overlap : layer.stats.overlaps) overlap = {random() % 50, 7};
  layer.stats.runs = n_runs;
  layer.stats.fired_in_run = 90;
  layer.stats.once_in_run = 12;
  std::vector<std::uint64_t> fired(kNeurons);
  for (std::size_t run = 0; run < n_runs; ++run) {
    for (std::uint64_t& word : fired) word = bits();
    layer.traces.add(fired, run % 5 == 4 ? 10 : 64);
  }
  for (std::size_t r = 0; r < kWidth; ++r)
    for (std::size_t c = 0; c <= r; ++c)
      layer.inputs.moments[r * kWidth + c] = static_cast<float>(random() % 1000) / 7;
  for (double& sum : layer.inputs.sums) sum = static_cast<double>(random()) / 3;
  layer.inputs.calibration.add(random_rows(2100, random));
  layer.inputs.held_out.add(random_rows(30, random));
  layer.inputs.n_rows = layer.inputs.calibration.seen();
  return layer;
}

class ProfileFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "x" / "p.gguf"; }
  static GgufFile model(const test::TinyShape& shape = {}) {
    return must(test::TinyModel(shape).parse());
  }
  static ProfileInfo info() {
    const GgufFile file = model();
    ProfileInfo info = ProfileInfo::of(file, must(build_program(file, "")));
    info.texts = {{"a.txt", 1000, 0xC0FFEE}, {"b.jsonl", 77, 1}};
    info.window_tokens = 64;
    info.text = 1;
    info.piece = 70;
    info.window = 3;
    info.windows = 40;
    info.tokens = 2130;
    return info;
  }
  void write(const ProfileInfo& info, const std::vector<LayerProfile>& layers) const {
    std::vector<const LayerProfile*> all;
    for (const LayerProfile& layer : layers) all.push_back(&layer);
    const Status status = write_profile(path(), info, all);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void write() const { write(info(), {random_layer(1), random_layer(2)}); }

  test::TempDir folder_;
};

TEST_F(ProfileFileTest, GivesBackWhatWasWritten) {
  const std::vector<LayerProfile> layers{random_layer(1), random_layer(2)};
  write(info(), layers);
  const ProfileFile file = must(ProfileFile::open(path()));
  const ProfileInfo wanted = info();
  EXPECT_EQ(file.info().model, wanted.model);
  EXPECT_EQ(file.info().texts.size(), 2U);
  EXPECT_EQ(file.info().texts[1].name, "b.jsonl");
  EXPECT_EQ(file.info().texts[0].checksum, 0xC0FFEEU);
  EXPECT_EQ(file.info().text, 1U);
  EXPECT_EQ(file.info().piece, 70U);
  EXPECT_EQ(file.info().window, 3U);
  EXPECT_EQ(file.info().tokens, 2130U);
  EXPECT_FALSE(file.info().complete);
  for (std::uint32_t i = 0; i < layers.size(); ++i) {
    const LayerProfile layer = must(file.layer(i));
    EXPECT_EQ(layer.stats, layers[i].stats);
    EXPECT_EQ(layer.traces, layers[i].traces);
    EXPECT_EQ(layer.inputs.moments, layers[i].inputs.moments);
    EXPECT_EQ(layer.inputs.sums, layers[i].inputs.sums);
    EXPECT_EQ(layer.inputs.n_rows, 2100U);
    const auto got = layer.inputs.calibration.rows(), want = layers[i].inputs.calibration.rows();
    EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin(), want.end()));
    EXPECT_EQ(layer.inputs.held_out.n_rows(), 30U);
  }
}

// Files of before sums were kept have none, and go on without.
TEST_F(ProfileFileTest, SumsMayBeAbsent) {
  LayerProfile layer = random_layer(1);
  layer.inputs.sums.clear();
  write(info(), {layer, random_layer(2)});
  const ProfileFile file = must(ProfileFile::open(path()));
  EXPECT_TRUE(must(file.layer(0)).inputs.sums.empty());
  EXPECT_FALSE(must(file.layer(1)).inputs.sums.empty());
}

TEST_F(ProfileFileTest, SamplesGoOnWhereTheyStopped) {
  std::vector<LayerProfile> layers{random_layer(1), random_layer(2)};
  write(info(), layers);
  LayerProfile read = must(must(ProfileFile::open(path())).layer(1));
  std::mt19937 random(9);
  const std::vector<float> more = random_rows(500, random);
  const std::vector<std::uint64_t> fired(kNeurons, 0x5A5A);
  for (LayerProfile* layer : {&layers[1], &read}) {
    layer->inputs.calibration.add(more);
    for (int i = 0; i < 40; ++i) layer->traces.add(fired, 16);
  }
  EXPECT_EQ(read.traces, layers[1].traces);
  const auto got = read.inputs.calibration.rows(), want = layers[1].inputs.calibration.rows();
  EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin(), want.end()));
}

TEST_F(ProfileFileTest, TracesAreTheRunsOneAfterAnother) {
  TraceSample traces(kNeurons);
  std::vector<std::uint64_t> fired(kNeurons, 0);
  fired[3] = 0b1000000001;  // tokens 0 and 9
  traces.add(fired, 10);
  fired[3] = 0b10;
  traces.add(fired, 64);
  const LayerActivity activity = traces.activity();
  EXPECT_EQ(activity.n_tokens(), 74U);
  EXPECT_EQ(activity.count(3), 3U);
  for (const std::uint32_t token : {0U, 9U, 11U}) EXPECT_TRUE(activity.fired(3, token));
  const LayerActivity half = traces.activity(37);  // tokens 0, 2, 4 and so on
  EXPECT_EQ(half.n_tokens(), 37U);
  EXPECT_EQ(half.count(3), 1U);
  EXPECT_TRUE(half.fired(3, 0));
  const LayerActivity some = traces.activity(5);  // tokens 0, 15, 30, 45 and 60
  EXPECT_EQ(some.n_tokens(), 5U);
  EXPECT_EQ(some.count(3), 1U);
}

TEST_F(ProfileFileTest, RefusesAnotherModel) {
  write();
  const ProfileFile file = must(ProfileFile::open(path()));
  const GgufFile right = model();
  EXPECT_TRUE(file.check_model(right, must(build_program(right, ""))).ok());
  EXPECT_THAT(file.check_model(right, must(build_program(right, "silu"))).message(),
              HasSubstr("activation relu, the model has silu"));
  test::TinyModel other;
  other.header.set("llama.rope.freq_base", 5000.0F);
  const GgufFile wrong = must(other.parse());
  EXPECT_THAT(file.check_model(wrong, must(build_program(wrong, ""))).message(),
              HasSubstr("a profile of another model: fingerprint"));
}

TEST_F(ProfileFileTest, NamesNumbersThatCannotBe) {
  std::vector<LayerProfile> layers{random_layer(1), random_layer(2)};
  layers[1].inputs.moments[0] = std::numeric_limits<float>::quiet_NaN();
  layers[0].stats.counts[5] = 5000;
  std::vector<float> row(kWidth, 1);
  row[2] = std::numeric_limits<float>::quiet_NaN();
  for (LayerProfile& layer : layers) layer.inputs.held_out.add(row);
  write(info(), layers);
  const ProfileFile file = must(ProfileFile::open(path()));
  EXPECT_THAT(file.stats(0).status().message(),
              HasSubstr("tensor blk.0.counts: element 5 is 5000, want at most 2130"));
  EXPECT_THAT(file.inputs(1).status().message(),
              HasSubstr("tensor blk.1.held_out: element 242 is nan, want a finite number"));
  EXPECT_THAT(file.layer(2).status().message(), HasSubstr("layer 2, want under 2"));
}

TEST_F(ProfileFileTest, RefusesCutFilesAtEveryLength) {
  write();
  const auto all = std::filesystem::file_size(path());
  for (std::uintmax_t left = all - 1; left > 0; left = left * 9 / 10) {
    std::filesystem::resize_file(path(), left);
    EXPECT_FALSE(ProfileFile::open(path()).ok()) << left;
  }
}

TEST_F(ProfileFileTest, RefusesOtherFiles) {
  std::filesystem::create_directories(path().parent_path());
  test::TinyModel().save(path());
  EXPECT_THAT(ProfileFile::open(path()).status().message(),
              HasSubstr("general.architecture 'llama', want 'synfire-profile'"));
}

TEST_F(ProfileFileTest, LeavesTheOldFileWhenItCannotWrite) {
  write();
  const LayerProfile one = random_layer(1);
  EXPECT_FALSE(write_profile(path(), info(), std::vector{&one}).ok());
  EXPECT_TRUE(ProfileFile::open(path()).ok());
}

TEST_F(ProfileFileTest, NeuronsThatAreNeverSilentNeedNoTraces) {
  test::TinyShape shape;
  shape.activation = "silu";
  const GgufFile file = model(shape);
  ProfileInfo silu = ProfileInfo::of(file, must(build_program(file, "")));
  silu.tokens = 10;
  write(silu, {LayerProfile(kWidth, kNeurons), LayerProfile(kWidth, kNeurons)});
  const ActivationProfile traces = must(traced_activity(must(ProfileFile::open(path()))));
  ASSERT_EQ(traces.layers.size(), 2U);
  EXPECT_EQ(traces.layers[0].count(kNeurons - 1), traces.layers[0].n_tokens());
}

}  // namespace
}  // namespace synfire
