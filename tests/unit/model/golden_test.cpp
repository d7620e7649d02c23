#include "core/model/golden.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/model/gguf_writer.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Golden, StoriesOfTheCheckout) {
  const auto golden = Golden::open(test::data_file("stories260K/stories260K.golden.gguf"));
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  EXPECT_THAT(std::string(golden->source()), HasSubstr("transformers"));
  EXPECT_EQ(golden->n_vocab(), 512U);
  EXPECT_FALSE(golden->predictor_threshold());
  EXPECT_FALSE(golden->text());
  EXPECT_TRUE(golden->layers().empty());
  ASSERT_EQ(golden->prompts().size(), 2U);
  const GoldenPrompt& prompt = golden->prompts()[0];
  EXPECT_EQ(*prompt.text, "Once upon a time");
  ASSERT_EQ(prompt.tokens.size(), 5U);
  EXPECT_EQ(prompt.tokens[0], 1);
  ASSERT_TRUE(prompt.logits);
  EXPECT_EQ(prompt.logits->rows, 5U);
  EXPECT_EQ(prompt.greedy.size(), 64U);
  EXPECT_EQ(prompt.greedy_gap.size(), 64U);
  // The last row's best logit is the first greedy token: rows are read in the right order.
  const auto last = prompt.logits->row(4);
  EXPECT_EQ(std::ranges::max_element(last) - last.begin(), prompt.greedy[0]);
}

TEST(Golden, ArceeOfTheCheckoutHasNoText) {
  const auto golden = Golden::open(test::data_file("arcee/arcee-random.golden.gguf"));
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  ASSERT_EQ(golden->prompts().size(), 2U);
  EXPECT_FALSE(golden->prompts()[1].text);
  EXPECT_EQ(golden->prompts()[1].tokens.size(), 41U);
  EXPECT_EQ(golden->prompts()[1].greedy.size(), 24U);
}

TEST(Golden, SynfireTinyHasTracesAndText) {
  SYNFIRE_SHARED_OR_SKIP(path, "models/synfire-tiny/synfire-tiny.golden.gguf");
  const auto golden = Golden::open(path);
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  EXPECT_EQ(golden->prompts().size(), 4U);
  EXPECT_EQ(golden->n_vocab(), 4096U);
  ASSERT_EQ(golden->layers().size(), 8U);
  for (const GoldenLayer& layer : golden->layers()) {
    ASSERT_TRUE(layer.input && layer.ffn_input && layer.gate);
    EXPECT_EQ(layer.input->width, 256U);
    EXPECT_EQ(layer.ffn_input->rows, 14U);
    EXPECT_EQ(layer.gate->width, 1536U);
  }
  ASSERT_TRUE(golden->text());
  EXPECT_EQ(golden->text()->windows.width, 256U);
  EXPECT_EQ(golden->text()->windows.rows, 40U);
  ASSERT_EQ(golden->text()->window_nll.size(), 40U);
  double sum = 0;
  for (const double nll : golden->text()->window_nll) sum += nll;
  EXPECT_NEAR(sum / 40, *golden->text()->mean_nll, 1e-6);
  EXPECT_NEAR(std::exp(*golden->text()->mean_nll), *golden->text()->perplexity, 1e-6);
}

TEST(Golden, PowerInfersHasAThreshold) {
  SYNFIRE_SHARED_OR_SKIP(path, "models/synfire-tiny/synfire-tiny.powerinfer.golden.gguf");
  const auto golden = Golden::open(path);
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  EXPECT_EQ(golden->predictor_threshold(), 0.0F);
  EXPECT_EQ(golden->prompts().size(), 2U);
  EXPECT_TRUE(golden->layers().empty());
}

TEST(Golden, SharedCopiesAreTheCommittedOnes) {
  SYNFIRE_SHARED_OR_SKIP(stories, "models/stories260K/stories260K.golden.gguf");
  SYNFIRE_SHARED_OR_SKIP(arcee, "golden/arcee-random.golden.gguf");
  EXPECT_EQ(Golden::open(stories)->prompts().size(), 2U);
  EXPECT_EQ(Golden::open(arcee)->prompts().size(), 2U);
}

// Goldens made here: tensors of zeros under given shapes.
class GoldenFile {
 public:
  GoldenFile() { header_.set("general.architecture", "golden"); }

  template <typename T>
  GoldenFile& key(std::string_view name, T value) {
    header_.set(name, value);
    return *this;
  }
  GoldenFile& tensor(std::string_view name, DType dtype, std::vector<std::uint64_t> shape) {
    EXPECT_TRUE(header_.add_tensor(name, dtype, shape).ok());
    return *this;
  }
  // "OK", or the error after the file's name.
  std::string outcome() {
    const fs::path path = dir_.path() / "golden.gguf";
    auto writer = GgufWriter::create(path, header_);
    for (const GgufTensorSpec& spec : header_.tensors())
      EXPECT_TRUE(writer->write(spec.name, std::vector<std::byte>(spec.bytes)).ok());
    EXPECT_TRUE(writer->finish().ok());
    const auto golden = Golden::open(path);
    if (golden.ok()) return "OK";
    EXPECT_TRUE(golden.status().message().starts_with(path.string() + ": "));
    return golden.status().message().substr(path.string().size() + 2);
  }

 private:
  test::TempDir dir_;
  GgufHeader header_;
};

TEST(Golden, EveryPartIsOptional) {
  EXPECT_EQ(GoldenFile().outcome(), "OK");
  EXPECT_EQ(GoldenFile().key("golden.prompt_count", 1U).outcome(), "OK");
  EXPECT_EQ(GoldenFile()
                .key("golden.prompt_count", 1U)
                .tensor("prompt.0.tokens", DType::i32, {3})
                .outcome(),
            "OK");
  EXPECT_EQ(GoldenFile().tensor("text.windows", DType::i32, {4, 2}).outcome(), "OK");
}

TEST(Golden, ATraceMayLackLayersAndParts) {
  GoldenFile file;
  file.key("golden.prompt_count", 1U).tensor("prompt.0.tokens", DType::i32, {3});
  file.tensor("prompt.0.layer.2.gate", DType::f32, {8, 3});
  EXPECT_EQ(file.outcome(), "OK");
}

TEST(Golden, RefusesOtherFiles) {
  EXPECT_EQ(GoldenFile().key("general.architecture", "llama").outcome(),
            "key general.architecture: \"llama\", want \"golden\"");
  EXPECT_EQ(GoldenFile().key("golden.prompt_count", 4000000000U).outcome(),
            "key golden.prompt_count: 4000000000, want at most 2: the file has no more tensors and "
            "keys");
  EXPECT_EQ(GoldenFile().key("golden.prompt_count", "two").outcome(),
            "key golden.prompt_count: type STRING, want an unsigned integer");
}

TEST(Golden, RefusesPromptsThatDoNotFitTogether) {
  const auto prompt = [](auto add) {
    GoldenFile file;
    file.key("golden.prompt_count", 1U).tensor("prompt.0.tokens", DType::i32, {3});
    add(file);
    return file.outcome();
  };
  EXPECT_EQ(prompt([](auto& f) {
              f.tensor("prompt.0.logits", DType::f32, {5, 2});
            }),
            "tensor prompt.0.logits: shape [5, 2], want [5, 3]");
  EXPECT_EQ(prompt([](auto& f) {
              f.tensor("prompt.0.logits", DType::f16, {5, 3});
            }),
            "tensor prompt.0.logits: dtype F16, want F32");
  EXPECT_EQ(prompt([](auto& f) {
              f.tensor("prompt.0.logits", DType::f32, {5, 3, 1});
            }),
            "tensor prompt.0.logits: 3 dimensions, want 2");
  EXPECT_EQ(prompt([](auto& f) {
              f.tensor("prompt.0.greedy", DType::i32, {5, 3});
            }),
            "tensor prompt.0.greedy: 2 dimensions, want 1");
  EXPECT_EQ(prompt([](auto& f) {
              f.tensor("prompt.0.greedy", DType::i32, {5});
              f.tensor("prompt.0.greedy_gap", DType::f32, {4});
            }),
            "tensor prompt.0.greedy_gap: 4 values, want 5 as of greedy");
  EXPECT_EQ(GoldenFile()
                .key("golden.prompt_count", 1U)
                .tensor("prompt.0.greedy", DType::i32, {5})
                .outcome(),
            "tensor prompt.0.tokens: missing, want the tokens that the other answers belong to");
}

TEST(Golden, RefusesPromptsOfAnotherVocabulary) {
  GoldenFile file;
  file.key("golden.prompt_count", 2U);
  file.tensor("prompt.0.tokens", DType::i32, {1}).tensor("prompt.0.logits", DType::f32, {8, 1});
  file.tensor("prompt.1.tokens", DType::i32, {1}).tensor("prompt.1.logits", DType::f32, {9, 1});
  EXPECT_EQ(file.outcome(), "tensor prompt.1.logits: shape [9, 1], want [8, 1]");
}

TEST(Golden, RefusesTracesThatDoNotFitTogether) {
  const auto trace = [](auto add) {
    GoldenFile file;
    file.key("golden.prompt_count", 1U).tensor("prompt.0.tokens", DType::i32, {3});
    file.tensor("prompt.0.layer.0.input", DType::f32, {8, 3});
    add(file);
    return file.outcome();
  };
  EXPECT_EQ(trace([](auto& f) {
              f.tensor("prompt.0.layer.1.input", DType::f32, {8, 2});
            }),
            "tensor prompt.0.layer.1.input: shape [8, 2], want [8, 3]");
  EXPECT_EQ(trace([](auto& f) {
              f.tensor("prompt.0.layer.1.ffn_input", DType::f32, {9, 3});
            }),
            "tensor prompt.0.layer.1.ffn_input: shape [9, 3], want [8, 3]");
  EXPECT_EQ(trace([](auto& f) {
              f.tensor("prompt.0.layer.99999999.gate", DType::f32, {9, 3});
            }),
            "tensor prompt.0.layer.99999999.gate: want a layer below 10000 after prompt.0.layer.");
  EXPECT_EQ(trace([](auto& f) {
              f.tensor("prompt.0.layer.x.gate", DType::f32, {9, 3});
            }),
            "tensor prompt.0.layer.x.gate: want a layer below 10000 after prompt.0.layer.");
  EXPECT_EQ(GoldenFile().tensor("prompt.0.layer.0.input", DType::f32, {8, 3}).outcome(),
            "tensor prompt.0.tokens: missing, want the tokens that the traces belong to");
}

TEST(Golden, RefusesTextThatDoesNotFitTogether) {
  GoldenFile nll;
  nll.tensor("text.windows", DType::i32, {4, 2}).tensor("text.window_nll", DType::f64, {3});
  EXPECT_EQ(nll.outcome(), "tensor text.window_nll: 3 values, want 2, one per window");
  EXPECT_EQ(GoldenFile().tensor("text.windows", DType::i32, {1, 2}).outcome(),
            "tensor text.windows: windows of 1 tokens, want at least 2");
}

}  // namespace
}  // namespace synfire
