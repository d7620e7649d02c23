#include "core/model/quantize/quantizer.hpp"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/model/gguf_file.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire::quantize {
namespace {

namespace fs = std::filesystem;
using test::TinyModel;
using test::TinyShape;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr DType kDTypes[] = {DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k, DType::bf16};

constexpr std::uint64_t kFf = 64, kModel = 256;  // blocks of K along d_model, not along d_ff

TinyShape shape() { return {.n_layers = 1, .d_model = kModel, .d_ff = kFf}; }
// Without attention, which makes most of so flat a model: no program, but quick to quantize.
TinyModel without_attention(const TinyShape& wanted = shape()) {
  TinyModel model(wanted);
  for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"})
    model.drop(fmt::format("blk.0.{}.weight", name));
  return model;
}

std::string contents_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::vector<float> values_of(const GgufFile& file, std::string_view name) {
  const GgufTensor& tensor = *file.tensor(name);
  std::vector<float> values(tensor.elements());
  dequantize_row(tensor.dtype, tensor.data.data(), values.size(), values.data());
  return values;
}

class QuantizerTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path in() const { return folder_.path() / "in.gguf"; }
  [[nodiscard]] fs::path out() const { return folder_.path() / "out.gguf"; }

  Report quantize(const Options& options) {
    Result<Report> report = quantize_file(in(), out(), options);
    EXPECT_TRUE(report.ok()) << report.status().to_string();
    return report.ok() ? *std::move(report) : Report{};
  }
  std::string refusal(const Options& options) {
    const Result<Report> report = quantize_file(in(), out(), options);
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(fs::exists(out()));
    return report.status().message();
  }
  // Into the saved model.
  void put(std::string_view tensor, std::size_t element, float value) {
    std::size_t offset = 0;
    {
      const auto file = GgufFile::open(in());
      ASSERT_TRUE(file.ok());
      offset = file->tensor(tensor)->offset + element * sizeof value;
    }
    std::fstream stream(in(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.write(reinterpret_cast<const char*>(&value), sizeof value);
  }

  test::TempDir folder_;
};

TEST_F(QuantizerTest, EitherLayoutIsAModel) {
  TinyModel(shape()).save(in());
  for (const DType dtype : {DType::q8_0, DType::q4_k})
    for (const DownLayout layout : {DownLayout::dense, DownLayout::neuron}) {
      SCOPED_TRACE(dtype_info(dtype).name);
      quantize({.dtype = dtype, .layout = layout, .threads = 2});
      const auto file = GgufFile::open(out());
      ASSERT_TRUE(file.ok()) << file.status().to_string();
      const auto program = build_program(*file);
      EXPECT_TRUE(program.ok()) << program.status().to_string();
      EXPECT_EQ(file->tensor("blk.0.ffn_down_t.weight") != nullptr, layout == DownLayout::neuron);
    }
}

TEST_F(QuantizerTest, KeysStayButForThoseThatSayTheDtype) {
  TinyModel model = without_attention();
  model.header.set("general.file_type", 0U);
  model.header.set("tokenizer.chat_template", "{{ messages }}");
  model.save(in());
  const struct {
    DType dtype;
    std::uint32_t file_type;
  } cases[] = {
      {DType::q8_0, 7}, {DType::q4_0, 2}, {DType::q4_k, 14}, {DType::q6_k, 18}, {DType::bf16, 32}};
  for (const auto& [dtype, file_type] : cases) {
    quantize({.dtype = dtype});
    const auto before = GgufFile::open(in()), after = GgufFile::open(out());
    EXPECT_EQ(*after->get<std::uint32_t>("general.file_type"), file_type);
    EXPECT_EQ(after->find("general.quantization_version") != nullptr, dtype != DType::bf16);
    for (const GgufEntry& entry : before->metadata()) {
      if (entry.key == "general.file_type") continue;
      ASSERT_NE(after->find(entry.key), nullptr) << entry.key;
      EXPECT_EQ(after->find(entry.key)->to_string(), entry.value.to_string());
    }
  }
}

TEST_F(QuantizerTest, TheSameBytesOnAnyThreads) {
  without_attention().save(in());
  for (const DType dtype : kDTypes) {
    quantize({.dtype = dtype, .threads = 1});
    const std::string once = contents_of(out());
    for (const std::uint32_t threads : {1U, 4U}) {
      quantize({.dtype = dtype, .threads = threads});
      EXPECT_TRUE(contents_of(out()) == once) << dtype_info(dtype).name << ", " << threads;
    }
  }
}

TEST_F(QuantizerTest, ATensorOfSeveralPartsIsWhole) {
  TinyShape wanted = shape();
  wanted.n_vocab = 1100;  // 1024 rows are a part
  wanted.tied = true;
  without_attention(wanted).save(in());
  quantize({.dtype = DType::bf16, .threads = 3});
  const auto before = GgufFile::open(in()), after = GgufFile::open(out());
  const auto was = values_of(*before, "token_embd.weight");
  const auto is = values_of(*after, "token_embd.weight");
  for (std::size_t i = 0; i < was.size(); ++i)
    ASSERT_EQ(is[i], bf16_to_f32(f32_to_bf16(was[i]))) << i;
}

TEST_F(QuantizerTest, TheReportSaysTheErrorsThatTheFileHas) {
  without_attention().save(in());
  for (const DType dtype : kDTypes) {
    const Report report = quantize({.dtype = dtype, .layout = DownLayout::dense});
    const auto before = GgufFile::open(in()), after = GgufFile::open(out());
    std::uint64_t bytes = 0;
    for (const TensorReport& tensor : report.tensors) {
      const auto was = values_of(*before, tensor.name), is = values_of(*after, tensor.name);
      double sum = 0;
      for (std::size_t i = 0; i < was.size(); ++i) {
        const double miss = static_cast<double>(was[i]) - static_cast<double>(is[i]);
        sum += miss * miss;
      }
      EXPECT_NEAR(tensor.mean_squared_error * static_cast<double>(was.size()), sum, 1e-9 * sum);
      EXPECT_EQ(tensor.to, after->tensor(tensor.name)->dtype);
      bytes += after->tensor(tensor.name)->data.size();
    }
    EXPECT_EQ(report.tensors.size(), after->tensors().size());
    EXPECT_EQ(report.bytes, bytes);
  }
}

TEST_F(QuantizerTest, NeuronMajorRowsAreTheColumnsOfDown) {
  without_attention().save(in());
  quantize({.dtype = DType::bf16, .layout = DownLayout::neuron, .threads = 3});
  const auto before = GgufFile::open(in()), after = GgufFile::open(out());
  const auto down = values_of(*before, "blk.0.ffn_down.weight");
  const auto turned = values_of(*after, "blk.0.ffn_down_t.weight");
  for (std::size_t neuron = 0; neuron < kFf; ++neuron)
    for (std::size_t i = 0; i < kModel; ++i)
      ASSERT_EQ(turned[neuron * kModel + i], bf16_to_f32(f32_to_bf16(down[i * kFf + neuron])));
}

TEST_F(QuantizerTest, PowerInfersFilesStayPowerInfers) {
  TinyShape wanted = shape();
  wanted.predictor_rank = 64;
  wanted.neuron_major_down = true;
  TinyModel model(wanted);
  model.tensors.push_back({"blk.0.gpu_idx", DType::i32, {kFf}});
  model.save(in());
  for (const DType dtype : {DType::q8_0, DType::q4_0}) {
    quantize({.dtype = dtype});
    const auto before = GgufFile::open(in()), after = GgufFile::open(out());
    ASSERT_TRUE(after.ok()) << after.status().to_string();
    EXPECT_TRUE(after->is_powerinfer());
    EXPECT_EQ(after->tensor("blk.0.fc1.weight")->dtype, DType::q8_0);
    EXPECT_EQ(after->tensor("blk.0.ffn_down_t.weight")->dtype, dtype);
    const GgufTensor& index = *after->tensor("blk.0.gpu_idx");
    EXPECT_EQ(index.dtype, DType::i32);
    EXPECT_TRUE(std::ranges::equal(index.data, before->tensor("blk.0.gpu_idx")->data));
    EXPECT_TRUE(build_program(*after).ok());
  }
}

TEST_F(QuantizerTest, NumbersThatAreNotFinite) {
  without_attention().save(in());
  put("blk.0.ffn_up.weight", kModel * 30 + 17, std::nanf(""));
  EXPECT_EQ(refusal({.dtype = DType::q4_k, .threads = 2}),
            in().string() +
                ": tensor blk.0.ffn_up.weight: row 30, column 17: nan in the file, want a finite "
                "number");
  without_attention().save(in());
  put("blk.0.attn_norm.weight", 3, -INFINITY);  // is copied
  EXPECT_THAT(refusal({}), HasSubstr("blk.0.attn_norm.weight: row 0, column 3: -inf in the file"));
}

TEST_F(QuantizerTest, NumbersWhoseScaleF16CannotHold) {
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k}) {
    without_attention().save(in());
    put("blk.0.ffn_up.weight", kModel * 7 + 3, 1e30F);
    EXPECT_THAT(refusal({.dtype = dtype}),
                testing::AllOf(
                    HasSubstr("tensor blk.0.ffn_up.weight: row 7, column "),
                    EndsWith(fmt::format(" in {}, want a finite number", dtype_info(dtype).name))));
  }
}

TEST_F(QuantizerTest, AFailureLeavesWhatWasThere) {
  without_attention().save(in());
  put("output.weight", 5, std::nanf(""));
  std::ofstream(out()) << "before";
  EXPECT_FALSE(quantize_file(in(), out(), {}).ok());
  EXPECT_EQ(contents_of(out()), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2);
}

TEST_F(QuantizerTest, FilesThatAreNot) {
  EXPECT_THAT(refusal({}), StartsWith(in().string() + ": "));
  without_attention().save(in());
  const auto same = quantize_file(in(), in(), {});
  EXPECT_EQ(same.status().message(),
            in().string() + ": the model itself, want another file to write");
  const auto nowhere = quantize_file(in(), folder_.path() / "none" / "out.gguf", {});
  EXPECT_THAT(nowhere.status().message(), EndsWith("cannot create: No such file or directory"));
}

}  // namespace
}  // namespace synfire::quantize
