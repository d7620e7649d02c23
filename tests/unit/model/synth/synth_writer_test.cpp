#include "core/model/synth/synth_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/model/arch/families.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/read_vocab.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/model/synth/small_request.hpp"

namespace synfire::synth {
namespace {

using test::small_request;

constexpr DType kDTypesOfFiles[] = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0,
                                    DType::q4_0, DType::q4_1, DType::q6_k};

class SynthWriterTest : public testing::Test {
 protected:
  std::filesystem::path write(const Request& request, std::uint32_t threads = 2) {
    const auto path = dir_.path() / fmt::format("{}.gguf", ++files_);
    const Result<Report> report = write_model(path, request, {.threads = threads});
    EXPECT_TRUE(report.ok()) << report.status().to_string();
    return path;
  }
  static std::string contents_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::TempDir dir_;
  int files_ = 0;
};

std::vector<float> row_of(const GgufFile& file, std::string_view name, std::uint64_t row) {
  const GgufTensor& tensor = *file.tensor(name);
  std::vector<float> values(tensor.dims[0]);
  dequantize_row(tensor.dtype, tensor.data.data() + row * row_bytes(tensor.dtype, values.size()),
                 values.size(), values.data());
  return values;
}

TEST_F(SynthWriterTest, BytesDependOnTheSeedAloneNotOnThreads) {
  const Request request = small_request(DType::q4_0, Layout::powerinfer);
  const std::string one = contents_of(write(request, 1));
  EXPECT_TRUE(one == contents_of(write(request, 4)));
  EXPECT_TRUE(one == contents_of(write(request, 1)));
  Request other = request;
  ++other.seed;
  EXPECT_FALSE(one == contents_of(write(other)));
}

TEST_F(SynthWriterTest, EveryDtypeAndLayoutIsAModel) {
  for (const DType dtype : kDTypesOfFiles)
    for (const Layout layout : {Layout::dense, Layout::neuron, Layout::powerinfer}) {
      SCOPED_TRACE(fmt::format("{} {}", dtype_info(dtype).name, static_cast<int>(layout)));
      Request request = small_request(dtype, layout);
      if (layout == Layout::powerinfer) {
        if (dtype == DType::bf16) continue;
        request.predictor_rank = 256;
      }
      const auto file = GgufFile::open(write(request));
      ASSERT_TRUE(file.ok()) << file.status().to_string();
      const auto program = build_program(*file);
      ASSERT_TRUE(program.ok()) << program.status().to_string();
      EXPECT_EQ(program->hparams.activation, std::uint32_t{SF_ACTIVATION_RELU});
      EXPECT_EQ(program->hparams.context, 16384U);
      EXPECT_EQ(file->is_powerinfer(), layout == Layout::powerinfer);
      EXPECT_EQ(file->tensor("blk.0.ffn_down_t.weight") != nullptr, layout != Layout::dense);
    }
}

TEST_F(SynthWriterTest, PowerInfersFilesHavePredictors) {
  const auto file = GgufFile::open(write(small_request(DType::q8_0, Layout::powerinfer)));
  ASSERT_TRUE(file.ok());
  const GgufTensor* const fc1 = file->tensor("blk.3.fc1.weight");
  const GgufTensor* const fc2 = file->tensor("blk.3.fc2.weight");
  ASSERT_TRUE(fc1 != nullptr && fc2 != nullptr);
  EXPECT_THAT(fc1->shape(), testing::ElementsAre(256, 96));
  EXPECT_THAT(fc2->shape(), testing::ElementsAre(96, 1024));
  EXPECT_EQ(*file->get<float>("powerinfer.sparse_threshold"), 0.0F);
  EXPECT_GT(*file->get<float>("synfire.activity.recall"), 0.95F);
  EXPECT_GT(*file->get<float>("synfire.activity.precision"), 0.5F);
}

TEST_F(SynthWriterTest, NothingWritesToTheConstantDimensions) {
  for (const Layout layout : {Layout::dense, Layout::neuron}) {
    const auto file = GgufFile::open(write(small_request(DType::q4_0, layout)));
    ASSERT_TRUE(file.ok());
    const std::vector<float> token = row_of(*file, "token_embd.weight", 99);
    for (std::size_t i = 1; i < 32; ++i) EXPECT_EQ(token[i], token[0]);
    EXPECT_GT(token[0], 1);
    for (const float value : row_of(*file, "blk.2.attn_output.weight", 31)) EXPECT_EQ(value, 0);
    EXPECT_THAT(row_of(*file, "blk.2.attn_output.weight", 32), testing::Contains(testing::Ne(0)));
    if (layout == Layout::dense) {
      for (const float value : row_of(*file, "blk.2.ffn_down.weight", 0)) EXPECT_EQ(value, 0);
      continue;
    }
    const std::vector<float> down = row_of(*file, "blk.2.ffn_down_t.weight", 500);
    for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(down[i], 0);
  }
}

TEST_F(SynthWriterTest, TheVocabularyTakesAnyText) {
  const auto file = GgufFile::open(write(small_request()));
  ASSERT_TRUE(file.ok());
  auto vocab = read_vocab(*file);
  ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
  const auto tokenizer = Tokenizer::create(*std::move(vocab));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  const std::string text = "Bake a cake, \u00e9 ~ 42!";
  const auto ids = (*tokenizer)->encode(text);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*(*tokenizer)->decode(*ids, false), text);
  EXPECT_LT(ids->size(), text.size());  // syllables
}

TEST_F(SynthWriterTest, AFileThatCannotBeWrittenIsAnError) {
  const auto report = write_model(dir_.path() / "none" / "x.gguf", small_request(), {});
  EXPECT_EQ(report.status().code(), StatusCode::not_found);
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(SynthWriterTest, ProgressEndsAtAll) {
  std::uint64_t last = 0, all = 0;
  const auto report = write_model(dir_.path() / "x.gguf", small_request(),
                                  {.threads = 2, .progress = [&](auto done, auto total) {
                                     EXPECT_GT(done, last);
                                     last = done;
                                     all = total;
                                   }});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(last, all);
  EXPECT_EQ(all, report->bytes);
}

}  // namespace
}  // namespace synfire::synth
