// Predictors between files: out of a sidecar into a PWRI file, and back.
#include "core/runtime/powerinfer_export.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/predictor_sidecar.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/tiny_model.hpp"
#include "tests/unit/sparsity/normals.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kLayers = 2, kWidth = 32, kNeurons = 64, kRank = 32;

test::TinyShape shape() {
  test::TinyShape shape;
  shape.n_layers = kLayers;
  shape.d_model = kWidth;
  shape.d_ff = kNeurons;
  return shape;
}

class PowerInferExportTest : public testing::Test {
 protected:
  // A predictor for each of `n` layers, as a fit writes them.
  GgufFile sidecar(std::uint32_t n = kLayers, std::uint64_t neurons = kNeurons) {
    std::vector<FittedLayer> layers(n);
    GgufHeader header = sidecar_header("mlp");
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::string prefix = fmt::format("mlp.blk.{}.", i);
      header.set(prefix + "recall", 0.9 + i / 100.0);
      layers[i].tensors.push_back(
          encoded(prefix + "fc1.weight", DType::q8_0, normals(kRank * kWidth, 2 * i), kWidth));
      layers[i].tensors.push_back(
          encoded(prefix + "fc2.weight", DType::q4_0, normals(neurons * kRank, 2 * i + 1), kRank));
    }
    EXPECT_TRUE(write_sidecar(path("fitted/predictor-mlp.gguf"), header, layers).ok());
    return open("fitted/predictor-mlp.gguf");
  }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const {
    return folder_.path() / name;
  }
  GgufFile open(const std::string& name) {
    auto file = GgufFile::open(path(name));
    EXPECT_TRUE(file.ok()) << file.status().to_string();
    return *std::move(file);
  }
  static Program program(const GgufFile& model) {
    auto program = build_program(model, "");
    EXPECT_TRUE(program.ok()) << program.status().to_string();
    return *std::move(program);
  }
  Status write(const GgufFile& model, const GgufFile& from, const std::string& name) {
    const Program built = program(model);
    SYNFIRE_ASSIGN_OR_RETURN(MlpPredictors predictors, MlpPredictors::find(from, built.hparams));
    predictors.threshold = 0.25F;
    return export_powerinfer(model, built, predictors, path(name),
                             [](std::uint64_t, std::uint64_t) {});
  }
  static std::vector<std::byte> data(const GgufFile& file, const std::string& tensor) {
    const GgufTensor* const found = file.tensor(tensor);
    EXPECT_NE(found, nullptr) << tensor;
    return found == nullptr ? std::vector<std::byte>()
                            : std::vector<std::byte>(found->data.begin(), found->data.end());
  }

 private:
  test::TempDir folder_;
};

TEST_F(PowerInferExportTest, HoldsTheModelAndThePredictors) {
  test::TinyShape tied = shape();
  tied.tied = true;
  const auto model = test::TinyModel(tied).parse();
  ASSERT_TRUE(model.ok());
  const GgufFile from = sidecar();
  const Status written = write(*model, from, "out.gguf");
  ASSERT_TRUE(written.ok()) << written.to_string();
  const GgufFile out = open("out.gguf");
  EXPECT_TRUE(out.is_powerinfer());
  EXPECT_EQ(*out.get<float>("powerinfer.sparse_threshold"), 0.25F);
  EXPECT_EQ(*out.get<std::string>("general.architecture"), "llama");
  EXPECT_EQ(data(out, "output.weight"), data(*model, "token_embd.weight"));
  for (const GgufTensor& tensor : model->tensors()) {
    const std::string name(tensor.name);
    if (name.ends_with("ffn_down.weight"))
      EXPECT_EQ(out.tensor(name), nullptr);
    else
      EXPECT_EQ(data(out, name), data(*model, name)) << name;
  }
  const std::vector<float> down = values_of(*model->tensor("blk.1.ffn_down.weight"));
  const GgufTensor& turned = *out.tensor("blk.1.ffn_down_t.weight");
  EXPECT_THAT(turned.shape(), testing::ElementsAre(kWidth, kNeurons));
  const std::vector<float> rows = values_of(turned);
  for (std::size_t j = 0; j < kNeurons; ++j)
    for (std::size_t d = 0; d < kWidth; ++d)
      ASSERT_EQ(rows[j * kWidth + d], down[d * kNeurons + j]);
  EXPECT_EQ(data(out, "blk.1.fc1.weight"), data(from, "mlp.blk.1.fc1.weight"));
  EXPECT_EQ(data(out, "blk.1.fc2.weight"), data(from, "mlp.blk.1.fc2.weight"));
  EXPECT_EQ(out.tensor("blk.0.fc2.weight")->dtype, DType::q4_0);
}

TEST_F(PowerInferExportTest, PredictorsGoThereAndBack) {
  const auto model = test::TinyModel(shape()).parse();
  const GgufFile from = sidecar();
  ASSERT_TRUE(write(*model, from, "out.gguf").ok());
  const GgufFile out = open("out.gguf");
  const auto found = MlpPredictors::find(out, program(*model).hparams);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->threshold, 0.25F);
  ASSERT_TRUE(write_mlp_sidecar(path("back/predictor-mlp.gguf"), out, *found).ok());
  const GgufFile back = open("back/predictor-mlp.gguf");
  EXPECT_FALSE(back.is_powerinfer());
  EXPECT_EQ(*back.get<std::string>("synfire.predictor.type"), "mlp");
  EXPECT_EQ(*back.get<float>("mlp.threshold"), 0.25F);
  ASSERT_EQ(back.tensors().size(), from.tensors().size());
  for (const GgufTensor& tensor : from.tensors())
    EXPECT_EQ(data(back, std::string(tensor.name)), data(from, std::string(tensor.name)));
  EXPECT_EQ(back.find("mlp.blk.1.recall"), nullptr);  // PWRI files say nothing of it
  // From another model's sidecar, what that knows goes with them.
  const auto fitted = MlpPredictors::find(from, program(*model).hparams);
  ASSERT_TRUE(write_mlp_sidecar(path("copy/predictor-mlp.gguf"), from, *fitted).ok());
  EXPECT_EQ(*open("copy/predictor-mlp.gguf").get<double>("mlp.blk.1.recall"), 0.91);
}

TEST_F(PowerInferExportTest, TheModelsOwnPredictorsAreReplaced) {
  test::TinyShape pwri = shape();
  pwri.predictor_rank = 8;
  pwri.neuron_major_down = true;
  const auto model = test::TinyModel(pwri).parse();
  const GgufFile from = sidecar();
  ASSERT_TRUE(write(*model, from, "out.gguf").ok());
  const GgufFile out = open("out.gguf");
  EXPECT_EQ(out.tensors().size(), model->tensors().size());
  EXPECT_EQ(data(out, "blk.0.fc1.weight"), data(from, "mlp.blk.0.fc1.weight"));
  EXPECT_EQ(data(out, "blk.0.ffn_down_t.weight"), data(*model, "blk.0.ffn_down_t.weight"));
}

TEST_F(PowerInferExportTest, WhatDoesNotFitIsNamed) {
  const auto model = test::TinyModel(shape()).parse();
  const auto refusal = [&](const GgufFile& from) {
    return MlpPredictors::find(from, program(*model).hparams).status().message();
  };
  EXPECT_THAT(refusal(sidecar(1)), HasSubstr("predictor-mlp.gguf: tensor mlp.blk.1.fc1.weight"));
  EXPECT_THAT(refusal(sidecar(3)), HasSubstr("predictors of more than 2 layers"));
  EXPECT_THAT(
      refusal(sidecar(2, 96)),
      HasSubstr("predictor-mlp.gguf: tensor mlp.blk.0.fc2.weight: shape [32, 96], want [32, 64]"));
  EXPECT_THAT(refusal(*model), HasSubstr("tensor blk.0.fc1.weight"));  // has none
  test::TinyShape other = shape();
  other.d_model = 16;
  other.predictor_rank = 8;
  EXPECT_THAT(refusal(*test::TinyModel(other).parse()),
              HasSubstr("tensor blk.0.fc1.weight: shape [16, 8], want [32, 8]"));
}

TEST_F(PowerInferExportTest, WhatPowerInferDoesNotKnow) {
  const GgufFile from = sidecar();
  const auto refusal = [&](test::TinyShape changed) {
    const auto model = test::TinyModel(changed).parse();
    return write(*model, from, "out.gguf").message();
  };
  test::TinyShape arcee = shape();
  arcee.architecture = "arcee";
  EXPECT_THAT(refusal(arcee), HasSubstr("architecture 'arcee', want one of PowerInfer's"));
  test::TinyShape silu = shape();
  silu.activation = "silu";
  EXPECT_THAT(refusal(silu), HasSubstr("FFN activation silu, want relu"));
  test::TinyModel bf16(shape());
  bf16.tensor("token_embd.weight").dtype = DType::bf16;
  const auto model = bf16.parse();
  EXPECT_THAT(write(*model, from, "out.gguf").message(),
              HasSubstr("tensor token_embd.weight: dtype BF16, which PowerInfer's files cannot"));
  EXPECT_FALSE(std::filesystem::exists(path("out.gguf")));
}

}  // namespace
}  // namespace synfire
