// Converted models of every family against transformers' answers, over devices and placements.
#include <string>

#include <gtest/gtest.h>

#include "core/model/convert/converter.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/engine/golden_logits.hpp"

namespace synfire {
namespace {

struct Case {
  std::string family, devices, predictor;
  std::optional<PlacementKind> placement = {};
  bool neuron_major = false;
};

void PrintTo(const Case& c, std::ostream* out) {
  constexpr const char* kKinds[] = {"single", "layer", "neuron", "shard"};
  *out << c.family << " on " << c.devices << " predictor " << c.predictor << " placement "
       << (c.placement ? kKinds[static_cast<int>(*c.placement)] : "default")
       << (c.neuron_major ? ", neuron-major" : "");
}

class ConvertedFamily : public testing::TestWithParam<Case> {};

TEST_P(ConvertedFamily, LogitsAreTransformers) {
  const Case& c = GetParam();
  const test::TempDir folder;
  const std::filesystem::path model = folder.path() / "model.gguf";
  convert::Options options;
  options.dtype = DType::f32;
  options.neuron_major = c.neuron_major;
  const auto report =
      convert::convert_folder(test::data_file("families/" + c.family), model, options);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  const auto golden = Golden::open(test::data_file("families/" + c.family + ".golden.gguf"));
  ASSERT_TRUE(golden.ok()) << golden.status().to_string();
  EngineConfig config = test::engine_config("", c.devices);
  config.model = model;
  config.placement = c.placement;
  config.predictor = c.predictor;
  config.kv_dtype = "f32";
  config.prefill_chunk = 16;  // several steps per prompt
  test::expect_golden_logits(config, *golden, 1e-3);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* family : {"llama", "mistral", "bamboo", "qwen2", "arcee", "nemotron", "opt",
                             "falcon_7b", "falcon_40b", "falcon_11b"}) {
    const std::string name = family;
    const bool is_relu =
        name != "mistral" && name != "qwen2" && name != "falcon_40b" && name != "falcon_11b";
    for (const char* device : {"reference:0", "cpu:0", "async:0"})
      all.push_back({name, device, "none"});
    const char* const sparse = is_relu ? "exact" : "none";
    if (is_relu) all.push_back({name, "reference:0", sparse});
    all.push_back({name, "cpu:0", sparse, {}, true});
    all.push_back({name, "cpu:0,reference:0", sparse, PlacementKind::neuron});
    all.push_back({name, "cpu:0,async:0", "none", PlacementKind::layer});
    if (name != "falcon_7b")  // one KV head
      all.push_back({name, "async:0,cpu:0", sparse, PlacementKind::shard});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Placements, ConvertedFamily, testing::ValuesIn(cases()));

}  // namespace
}  // namespace synfire
