// Speed never without fidelity: the bundled model in every dtype that weights may have, on the cpu
// at each SIMD level, says of a text what the reference says of the same file.
#include <cmath>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/model/gguf_file.hpp"
#include "core/model/gguf_writer.hpp"
#include "core/model/golden.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "core/runtime/sampling/logprobs.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using Tokens = std::vector<std::int32_t>;

// For clones without the golden.
constexpr const char* kText =
    "Once upon a time there was a miller who had three sons. When he died, the eldest got the "
    "mill, "
    "the second got the donkey, and the youngest got nothing but the cat. \"What shall I do with a "
    "cat?\" said the youngest, and he sat down by the side of the road. \"Give me a pair of boots "
    "and a bag,\" said the cat, \"and you will see that you have the best part of it.\" So the boy "
    "spent his last penny on a pair of red boots. The cat put them on and went into the wood, "
    "where "
    "there were many rabbits. He laid the bag on the ground, put some leaves into it, and waited "
    "behind a tree. Soon a young rabbit came along, looked into the bag, and went in. Then the cat "
    "drew the string, and walked with it to the house of the King. \"My master sends you this,\" "
    "he "
    "said, and bowed. The King was very pleased, and gave the cat a piece of gold.";

std::filesystem::path bundled() {
  return test::data_file("../../models/synfire-tiny-q8_0.gguf").lexically_normal();
}

// What is said of, and how far apart two devices may be. Rounding activations to 8 bits moves a
// token's NLL by some 0.03 either way, so a mean of few tokens says little.
struct Text {
  std::vector<Tokens> windows;
  double limit;
};

Text text_for(DType dtype, const Engine& engine) {
  const bool floats = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
  const auto golden =
      Golden::open(test::shared_file("models/synfire-tiny/synfire-tiny.golden.gguf"));
  if (!golden.ok() || !golden->text()) {
    const auto tokens = engine.tokenizer()->encode(kText, {});
    EXPECT_TRUE(tokens.ok()) << tokens.status().to_string();
    return {{tokens.ok() ? *tokens : Tokens()}, floats ? 0.002 : 0.008};
  }
  const GoldenRows<std::int32_t>& rows = golden->text()->windows;
  Text text{{}, 0.002};
  for (std::size_t i = 0; i < std::min<std::size_t>(floats ? 1 : 6, rows.rows); ++i)
    text.windows.emplace_back(rows.row(i).begin(), rows.row(i).end());
  return text;
}

Result<std::unique_ptr<Engine>> open(const std::filesystem::path& model, const std::string& device,
                                     const std::string& predictor) {
  EngineConfig config = test::engine_config("", device);
  config.model = model;
  config.predictor = predictor;
  config.kv_dtype = "f32";
  return Engine::make(config);
}

// Mean NLL of all tokens of the windows but the first ones.
double mean_nll(Engine& engine, const std::vector<Tokens>& windows) {
  double sum = 0;
  std::size_t n = 0;
  for (const Tokens& window : windows) {
    const auto logits = engine.logits(window);
    EXPECT_TRUE(logits.ok()) << logits.status().to_string();
    if (!logits.ok()) return NAN;
    const std::size_t width = logits->size() / window.size();
    for (std::size_t t = 1; t < window.size(); ++t, ++n)
      sum +=
          *negative_log_likelihood(std::span(*logits).subspan((t - 1) * width, width), window[t]);
  }
  EXPECT_GT(n, 100U);
  return sum / static_cast<double>(n);
}

// A tensor's bytes as another dtype; the bytes themselves where it is a vector.
std::vector<std::byte> converted(const GgufTensor& tensor, DType dtype) {
  const std::size_t cols = tensor.dims[0], rows = tensor.rows();
  std::vector<std::byte> bytes(rows * row_bytes(dtype, cols));
  std::vector<float> row(cols);
  for (std::size_t r = 0; r < rows; ++r) {
    dequantize_row(tensor.dtype, tensor.data.data() + r * row_bytes(tensor.dtype, cols), cols,
                   row.data());
    quantize_row(dtype, row.data(), cols, bytes.data() + r * row_bytes(dtype, cols));
  }
  return bytes;
}

// The bundled model with all of its matrices in that dtype.
void write_as(DType dtype, const std::filesystem::path& path) {
  const auto file = GgufFile::open(bundled());
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const auto dtype_of = [&](const GgufTensor& t) { return t.n_dims == 1 ? t.dtype : dtype; };
  GgufHeader header;
  header.set_all(*file);
  for (const GgufTensor& tensor : file->tensors())
    ASSERT_TRUE(header.add_tensor(tensor.name, dtype_of(tensor), tensor.shape()).ok());
  auto writer = GgufWriter::create(path, std::move(header));
  ASSERT_TRUE(writer.ok()) << writer.status().to_string();
  for (const GgufTensor& tensor : file->tensors())
    ASSERT_TRUE(writer->write(tensor.name, converted(tensor, dtype_of(tensor))).ok());
  ASSERT_TRUE(writer->finish().ok());
}

// The cpu at each level. Tiles in memory for the one dtype that they compute otherwise than avx512.
std::vector<std::string> devices_for(DType dtype) {
  std::vector<std::string> devices = {"cpu:0[simd=avx2]", "cpu:0[simd=avx512]", "cpu:0[simd=amx]"};
  if (dtype == DType::bf16 && __builtin_cpu_supports("avx512vnni")) devices.emplace_back("tiles:0");
  return devices;
}

class Fidelity : public testing::TestWithParam<DType> {};

TEST_P(Fidelity, TheCpuSaysWhatTheReferenceSays) {
  const test::TempDir folder;
  const std::filesystem::path model = folder.path() / "model.gguf";
  ASSERT_NO_FATAL_FAILURE(write_as(GetParam(), model));
  const auto reference = open(model, "reference:0", "exact");  // loses nothing
  ASSERT_TRUE(reference.ok()) << reference.status().to_string();
  const Text text = text_for(GetParam(), **reference);
  const double want = mean_nll(**reference, text.windows);
  ASSERT_GT(want, 1);  // a text that it does not know by heart
  ASSERT_LT(want, 6);  // nor is it all noise: a uniform guess is 8.3
  for (const std::string& device : devices_for(GetParam()))
    for (const char* predictor : {"none", "exact"}) {
      const auto engine = open(model, device, predictor);
      if (engine.status().code() == StatusCode::failed_precondition) continue;  // not here
      ASSERT_TRUE(engine.ok()) << engine.status().to_string();
      const double difference = mean_nll(**engine, text.windows) - want;
      RecordProperty(fmt::format("{}-{}", device, predictor), fmt::format("{:+.6f}", difference));
      EXPECT_LE(std::abs(difference), text.limit) << device << ", predictor " << predictor;
    }
}

std::vector<DType> weight_dtypes() {
  std::vector<DType> all;
  for (const DTypeInfo& info : kDTypes)
    if (info.is_weight) all.push_back(info.dtype);
  return all;
}

INSTANTIATE_TEST_SUITE_P(DTypes, Fidelity, testing::ValuesIn(weight_dtypes()),
                         [](const auto& param) {
                           return std::string(dtype_info(param.param).name);
                         });

}  // namespace
}  // namespace synfire
