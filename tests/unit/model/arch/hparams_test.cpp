#include "core/model/arch/hparams.hpp"

#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using test::TinyModel;
using test::TinyShape;
using Change = std::function<void(GgufHeader&)>;

Result<Hparams> read(const Change& change, const std::string& override_name = "",
                     const TinyShape& shape = {}) {
  TinyModel model(shape);
  change(model.header);
  const auto file = model.parse();
  if (!file.ok()) return file.status();
  return read_hparams(*file, SF_ACTIVATION_SILU, override_name);
}

Hparams good(const Change& change, const std::string& override_name = "",
             const TinyShape& shape = {}) {
  auto hparams = read(change, override_name, shape);
  EXPECT_TRUE(hparams.ok()) << hparams.status().to_string();
  return hparams.ok() ? *hparams : Hparams{};
}

std::string refusal(const Change& change) {
  const auto hparams = read(change);
  EXPECT_EQ(hparams.status().code(), StatusCode::invalid_argument);
  return hparams.status().message();
}

template <typename T>
std::string refused_with(const std::string& key, T value) {
  return refusal([&](GgufHeader& h) { h.set("llama." + key, value); });
}

void unchanged(GgufHeader&) {}

TEST(Hparams, ShapesOfTheFile) {
  const Hparams h = good(unchanged);
  EXPECT_EQ(h.architecture, "llama");
  EXPECT_EQ(h.n_layers, 2U);
  EXPECT_EQ(h.d_model, 8U);
  EXPECT_EQ(h.d_ff, 20U);
  EXPECT_EQ(h.n_heads, 2U);
  EXPECT_EQ(h.n_kv_heads, 1U);
  EXPECT_EQ(h.head_dim, 4U);
  EXPECT_EQ(h.n_vocab, 11U);
  EXPECT_EQ(h.context, 64U);
  EXPECT_EQ(h.norm_eps, 1e-5F);
  EXPECT_EQ(h.rope.n_rot, 4U);
  EXPECT_EQ(h.rope.freq_base, 10000.0F);
  EXPECT_EQ(h.rope.freq_scale, 1.0F);
  EXPECT_EQ(h.rope.ext_factor, 0.0F);
  EXPECT_EQ(h.rope.attn_factor, 1.0F);
  EXPECT_EQ(h.rope.original_context, 64U);
}

TEST(Hparams, KvHeadsAreTheHeadsWhereNothingIsSaid) {
  const Hparams h = good([](GgufHeader& g) { g.erase("llama.attention.head_count_kv"); });
  EXPECT_EQ(h.n_kv_heads, 2U);
}

TEST(Hparams, AHeadMayBeWiderThanItsShare) {
  const Hparams h = good([](GgufHeader& g) { g.set("llama.attention.key_length", 6U); });
  EXPECT_EQ(h.head_dim, 6U);
  EXPECT_EQ(h.rope.n_rot, 6U);
}

TEST(Hparams, EpsilonAndPartialRotation) {
  const Hparams h = good([](GgufHeader& g) {
    g.set("llama.attention.layer_norm_rms_epsilon", 1e-6F);
    g.set("llama.rope.dimension_count", 2U);
    g.set("llama.rope.freq_base", 500000.0F);
  });
  EXPECT_EQ(h.norm_eps, 1e-6F);
  EXPECT_EQ(h.rope.n_rot, 2U);
  EXPECT_EQ(h.rope.freq_base, 500000.0F);
}

TEST(Hparams, LinearScalingByTheOldKeyAndByTheNew) {
  const Hparams old_key = good([](GgufHeader& g) { g.set("llama.rope.scale_linear", 4.0F); });
  EXPECT_EQ(old_key.rope.freq_scale, 0.25F);
  EXPECT_EQ(old_key.rope.ext_factor, 0.0F);
  const Hparams new_key = good([](GgufHeader& g) {
    g.set("llama.rope.scaling.type", "linear");
    g.set("llama.rope.scaling.factor", 8.0F);
  });
  EXPECT_EQ(new_key.rope.freq_scale, 0.125F);
  EXPECT_EQ(new_key.rope.ext_factor, 0.0F);
  const Hparams no_type = good([](GgufHeader& g) { g.set("llama.rope.scaling.factor", 8.0F); });
  EXPECT_EQ(no_type.rope.freq_scale, 0.125F);
}

TEST(Hparams, TypeNoneIgnoresTheFactor) {
  const Hparams h = good([](GgufHeader& g) {
    g.set("llama.rope.scaling.type", "none");
    g.set("llama.rope.scaling.factor", 8.0F);
  });
  EXPECT_EQ(h.rope.freq_scale, 1.0F);
}

TEST(Hparams, YarnWithItsConstants) {
  const Hparams h = good([](GgufHeader& g) {
    g.set("llama.rope.scaling.type", "yarn");
    g.set("llama.rope.scaling.factor", 2.0F);
    g.set("llama.rope.scaling.attn_factor", 1.25F);
    g.set("llama.rope.scaling.original_context_length", 32U);
    g.set("llama.rope.scaling.yarn_beta_fast", 16.0F);
  });
  EXPECT_EQ(h.rope.freq_scale, 0.5F);
  EXPECT_EQ(h.rope.ext_factor, 1.0F);
  EXPECT_EQ(h.rope.attn_factor, 1.25F);
  EXPECT_EQ(h.rope.original_context, 32U);
  EXPECT_EQ(h.rope.beta_fast, 16.0F);
  EXPECT_EQ(h.rope.beta_slow, 1.0F);
}

TEST(Hparams, ActivationOfTheFileTheFamilyOrTheUser) {
  EXPECT_EQ(good(unchanged).activation, std::uint32_t{SF_ACTIVATION_RELU});
  const auto no_key = [](GgufHeader& g) { g.erase("synfire.ffn.activation"); };
  EXPECT_EQ(good(no_key).activation, std::uint32_t{SF_ACTIVATION_SILU});
  EXPECT_EQ(good(no_key, "relu2").activation, std::uint32_t{SF_ACTIVATION_RELU2});
  EXPECT_EQ(good(unchanged, "gelu").activation, std::uint32_t{SF_ACTIVATION_GELU});
  EXPECT_EQ(read(unchanged, "swish").status().message(),
            "tiny.gguf: FFN activation: 'swish', want silu, relu, relu2, gelu or drelu");
}

TEST(Hparams, ALlamaOfPowerInferIsReluFied) {
  TinyModel model;
  GgufHeader powerinfer(GgufHeader::Magic::powerinfer);
  const auto plain = model.parse();
  ASSERT_TRUE(plain.ok());
  powerinfer.set_all(*plain);
  powerinfer.erase("synfire.ffn.activation");
  model.header = powerinfer;
  const auto file = model.parse();
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  ASSERT_TRUE(file->is_powerinfer());
  const auto hparams = read_hparams(*file, SF_ACTIVATION_SILU, "");
  ASSERT_TRUE(hparams.ok());
  EXPECT_EQ(hparams->activation, std::uint32_t{SF_ACTIVATION_RELU});
}

TEST(Hparams, NamesOfActivations) {
  for (const char* name : {"silu", "relu", "relu2", "gelu", "drelu"}) {
    const auto activation = parse_activation(name);
    ASSERT_TRUE(activation.ok());
    EXPECT_EQ(activation_name(*activation), name);
  }
  EXPECT_EQ(activation_name(99), "activation 99");
  EXPECT_TRUE(is_relu_family(SF_ACTIVATION_RELU) && is_relu_family(SF_ACTIVATION_RELU2) &&
              is_relu_family(SF_ACTIVATION_DRELU));
  EXPECT_FALSE(is_relu_family(SF_ACTIVATION_SILU) || is_relu_family(SF_ACTIVATION_GELU));
}

TEST(Hparams, CountsOutOfRange) {
  EXPECT_EQ(refused_with("block_count", 0U), "tiny.gguf: key llama.block_count: 0, want 1 to 1024");
  EXPECT_EQ(refused_with("block_count", 1025U),
            "tiny.gguf: key llama.block_count: 1025, want 1 to 1024");
  EXPECT_EQ(refused_with("embedding_length", (1U << 20) + 1),
            "tiny.gguf: key llama.embedding_length: 1048577, want 1 to 1048576");
  EXPECT_EQ(refused_with("feed_forward_length", 0U),
            "tiny.gguf: key llama.feed_forward_length: 0, want 1 to 1048576");
  EXPECT_EQ(refused_with("context_length", UINT32_MAX),
            "tiny.gguf: key llama.context_length: 4294967295, want 1 to 16777216");
  EXPECT_EQ(refused_with("attention.head_count", 0U),
            "tiny.gguf: key llama.attention.head_count: 0, want 1 to 1048576");
  EXPECT_EQ(refused_with("attention.head_count_kv", 0U),
            "tiny.gguf: key llama.attention.head_count_kv: 0, want 1 to 1048576");
  EXPECT_EQ(refused_with("rope.scaling.original_context_length", 0U),
            "tiny.gguf: key llama.rope.scaling.original_context_length: 0, want 1 to 16777216");
}

TEST(Hparams, HeadsThatDoNotFit) {
  EXPECT_EQ(refused_with("attention.head_count_kv", 3U),
            "tiny.gguf: key llama.attention.head_count_kv: 3, want a divisor of head_count 2");
  EXPECT_EQ(refused_with("attention.head_count", 16U),  // more heads than the model is wide
            "tiny.gguf: key llama.attention.key_length: 0, want 1 to 1048576");
  // A product that could pass 32 bits, and look small.
  EXPECT_EQ(refused_with("attention.key_length", 1U << 20),
            "tiny.gguf: key llama.attention.key_length: 1048576, want at most 524288 for 2 heads");
  EXPECT_EQ(refused_with("attention.value_length", 8U),
            "tiny.gguf: key llama.attention.value_length: 8, want key_length 4");
  EXPECT_EQ(refused_with("rope.dimension_count", 3U),
            "tiny.gguf: key llama.rope.dimension_count: 3, want an even number");
  EXPECT_EQ(refused_with("rope.dimension_count", 6U),
            "tiny.gguf: key llama.rope.dimension_count: 6, want 1 to 4");
}

TEST(Hparams, NumbersThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refused_with("attention.layer_norm_rms_epsilon", 0.0F),
            "tiny.gguf: key llama.attention.layer_norm_rms_epsilon: 0, want a finite number above "
            "0");
  EXPECT_EQ(refused_with("rope.freq_base", nan),
            "tiny.gguf: key llama.rope.freq_base: nan, want a finite number above 0");
  EXPECT_EQ(refused_with("rope.scale_linear", -1.0F),
            "tiny.gguf: key llama.rope.scale_linear: -1, want a finite number above 0");
  EXPECT_EQ(refused_with("rope.scaling.factor", std::numeric_limits<float>::infinity()),
            "tiny.gguf: key llama.rope.scaling.factor: inf, want a finite number above 0");
}

TEST(Hparams, UnknownScaling) {
  EXPECT_EQ(refused_with("rope.scaling.type", "longrope"),
            "tiny.gguf: key llama.rope.scaling.type: longrope, want none, linear or yarn");
}

TEST(Hparams, MissingAndMistypedKeys) {
  const auto missing = read([](GgufHeader& g) { g.erase("llama.block_count"); });
  EXPECT_EQ(missing.status().message(), "tiny.gguf: key llama.block_count: missing");
  EXPECT_EQ(refused_with("block_count", "two"),
            "tiny.gguf: key llama.block_count: type STRING, want an unsigned integer");
}

}  // namespace
}  // namespace synfire
