#include "core/model/gguf_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "tests/support/paths.hpp"
#include "tests/unit/model/gguf_test_bytes.hpp"

namespace synfire {
namespace {

namespace fs = std::filesystem;
using test::GgufBytes;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
std::string error_of(const Result<T>& result) {
  return result.ok() ? "OK" : result.status().message();
}

constexpr std::string_view kBytes("a\0b\xff\n", 5);

// A file with one key of each type.
GgufBytes every_type() {
  GgufBytes bytes(0, 13);
  bytes.key("u8", 0).number(std::uint8_t{200}).key("i8", 1).number(std::int8_t{-8});
  bytes.key("u16", 2).number(std::uint16_t{60000}).key("i16", 3).number(std::int16_t{-1600});
  bytes.key("u32", 4).number(4000000000U).key("i32", 5).number(-5);
  bytes.key("f32", 6).number(0.5F).key("bool", 7).number(std::uint8_t{1});
  bytes.key("string", 8).string(kBytes);
  bytes.key("array", 9).number(5U).number(std::uint64_t{3}).number(-1).number(2).number(300);
  bytes.key("u64", 10).number(~std::uint64_t{0}).key("i64", 11).number(std::int64_t{-64});
  bytes.key("f64", 12).number(0.25);
  return bytes;
}

TEST(GgufFile, ReadsEveryScalarTypeAsItself) {
  const auto file = every_type().parse();
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(*file->get<std::uint8_t>("u8"), 200);
  EXPECT_EQ(*file->get<std::int8_t>("i8"), -8);
  EXPECT_EQ(*file->get<std::uint16_t>("u16"), 60000);
  EXPECT_EQ(*file->get<std::int16_t>("i16"), -1600);
  EXPECT_EQ(*file->get<std::uint32_t>("u32"), 4000000000U);
  EXPECT_EQ(*file->get<std::int32_t>("i32"), -5);
  EXPECT_EQ(*file->get<float>("f32"), 0.5F);
  EXPECT_EQ(*file->get<bool>("bool"), true);
  EXPECT_EQ(*file->get<std::uint64_t>("u64"), ~std::uint64_t{0});
  EXPECT_EQ(*file->get<std::int64_t>("i64"), -64);
  EXPECT_EQ(*file->get<double>("f64"), 0.25);
  EXPECT_EQ(file->version(), 3U);
  EXPECT_FALSE(file->is_powerinfer());
  EXPECT_TRUE(file->tensors().empty());
}

TEST(GgufFile, KeepsTheOrderOfTheFile) {
  const auto file = every_type().parse();
  ASSERT_TRUE(file.ok());
  std::string keys;
  for (const GgufEntry& entry : file->metadata()) keys += std::string(entry.key) + " ";
  EXPECT_EQ(keys, "u8 i8 u16 i16 u32 i32 f32 bool string array u64 i64 f64 ");
}

TEST(GgufFile, ConvertsNumbersThatFit) {
  const auto file = every_type().parse();
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(*file->get<std::uint64_t>("u8"), 200U);
  EXPECT_EQ(*file->get<std::int16_t>("u8"), 200);
  EXPECT_EQ(*file->get<std::int64_t>("i8"), -8);
  EXPECT_EQ(*file->get<std::int8_t>("i32"), -5);
  EXPECT_EQ(*file->get<double>("f32"), 0.5);
  EXPECT_EQ(*file->get<float>("f64"), 0.25F);
}

TEST(GgufFile, RefusesNumbersThatDoNotFit) {
  const auto file = every_type().parse("model.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(error_of(file->get<std::int8_t>("u8")),
            "model.gguf: key u8: value 200, want -128 to 127");
  EXPECT_EQ(error_of(file->get<std::uint32_t>("i32")),
            "model.gguf: key i32: value -5, want 0 to 4294967295");
  EXPECT_EQ(error_of(file->get<std::int64_t>("u64")),
            "model.gguf: key u64: value 18446744073709551615, want -9223372036854775808 to "
            "9223372036854775807");
  EXPECT_EQ(error_of(file->get<std::uint16_t>("u32")),
            "model.gguf: key u32: value 4000000000, want 0 to 65535");
}

TEST(GgufFile, RefusesOtherTypesByName) {
  const auto file = every_type().parse("model.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(error_of(file->get<std::uint32_t>("string")),
            "model.gguf: key string: type STRING, want an unsigned integer");
  EXPECT_EQ(error_of(file->get<std::int32_t>("f32")),
            "model.gguf: key f32: type FLOAT32, want an integer");
  EXPECT_EQ(error_of(file->get<float>("u32")),
            "model.gguf: key u32: type UINT32, want a floating-point number");
  EXPECT_EQ(error_of(file->get<bool>("u8")), "model.gguf: key u8: type UINT8, want a boolean");
  EXPECT_EQ(error_of(file->get<std::string>("array")),
            "model.gguf: key array: type ARRAY of INT32, want a string");
  EXPECT_EQ(error_of(file->get<std::vector<float>>("f32")),
            "model.gguf: key f32: type FLOAT32, want an array of numbers");
  EXPECT_EQ(error_of(file->get<std::vector<std::string>>("array")),
            "model.gguf: key array: type ARRAY of INT32, want an array of strings");
  EXPECT_EQ(error_of(file->get<std::vector<std::uint8_t>>("array")),
            "model.gguf: key array: element 0: value -1, want 0 to 255");
}

TEST(GgufFile, AbsentKeysAndTensors) {
  const auto file = every_type().parse("model.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->find("nothing"), nullptr);
  EXPECT_EQ(file->tensor("nothing"), nullptr);
  EXPECT_EQ(file->get<int>("nothing").status().code(), StatusCode::not_found);
  EXPECT_EQ(error_of(file->get<int>("nothing")), "model.gguf: key nothing: missing");
  EXPECT_EQ(error_of(file->require_tensor("nothing")), "model.gguf: tensor nothing: missing");
  EXPECT_EQ(*file->get_or<int>("nothing", 7), 7);
  EXPECT_EQ(*file->get_or<int>("i32", 7), -5);
  EXPECT_EQ(error_of(file->get_or<int>("string", 7)),
            "model.gguf: key string: type STRING, want an integer");
}

TEST(GgufFile, StringsAreBytes) {
  const auto file = every_type().parse();
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(*file->get<std::string>("string"), kBytes);
  EXPECT_EQ(*file->get<std::string_view>("string"), kBytes);
  EXPECT_EQ(file->find("string")->to_string(), "a\\x00b\\xff\\x0a");
}

TEST(GgufFile, PrintsValues) {
  const auto file = every_type().parse();
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->find("u64")->to_string(), "18446744073709551615");
  EXPECT_EQ(file->find("i8")->to_string(), "-8");
  EXPECT_EQ(file->find("f32")->to_string(), "0.5");
  EXPECT_EQ(file->find("bool")->to_string(), "true");
  EXPECT_EQ(file->find("array")->to_string(), "3 x INT32 [-1, 2, 300]");
  EXPECT_EQ(file->find("array")->type_name(), "ARRAY of INT32");
}

TEST(GgufFile, NestedArrays) {
  GgufBytes bytes(0, 1);
  bytes.key("x", 9).number(9U).number(std::uint64_t{2});  // of arrays
  bytes.number(2U).number(std::uint64_t{2}).number<std::uint16_t>(1).number<std::uint16_t>(2);
  bytes.number(8U).number(std::uint64_t{1}).string("deep");
  const auto file = bytes.parse();
  ASSERT_TRUE(file.ok()) << file.status().message();
  const GgufArray* array = file->find("x")->array();
  ASSERT_EQ(array->arrays().size(), 2U);
  EXPECT_THAT(*array->arrays()[0].numbers<int>(), ElementsAre(1, 2));
  EXPECT_THAT(array->arrays()[1].strings(), ElementsAre("deep"));
  EXPECT_EQ(file->find("x")->to_string(), "2 x ARRAY [2 x UINT16 [1, 2], 1 x STRING [\"deep\"]]");
  EXPECT_THAT(error_of(array->numbers<int>()), HasSubstr("want an array of numbers"));
}

TEST(GgufFile, ArraysOfNumbersByElement) {
  const auto file = every_type().parse();
  ASSERT_TRUE(file.ok());
  const GgufArray* array = file->find("array")->array();
  EXPECT_EQ(*array->at<int>(2), 300);
  EXPECT_THAT(error_of(array->at<int>(3)), HasSubstr("element 3, want below 3"));
  EXPECT_THAT(error_of(array->at<std::int8_t>(2)), HasSubstr("value 300, want -128 to 127"));
  EXPECT_THAT(*file->get<std::vector<std::int64_t>>("array"), ElementsAre(-1, 2, 300));
}

// One tensor of type code `code` and 8 elements, as PowerInfer or ggml writes it.
GgufBytes one_tensor(std::uint32_t code, std::string_view magic, std::uint32_t version) {
  GgufBytes bytes(1, 0, magic, version);
  bytes.string("t").number(1U).number(std::uint64_t{8}).number(code).number(std::uint64_t{0});
  return bytes.pad().raw(std::string(64, '\1'));
}

TEST(GgufFile, PowerInfersIntegersHaveOtherNumbers) {
  const std::pair<std::uint32_t, DType> codes[] = {
      {0, DType::f32}, {1, DType::f16}, {16, DType::i8}, {17, DType::i16}, {18, DType::i32}};
  for (const auto& [code, dtype] : codes) {
    const auto file = one_tensor(code, "PWRI", 3).parse();
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_TRUE(file->is_powerinfer());
    EXPECT_EQ(file->tensors()[0].dtype, dtype);
    EXPECT_EQ(file->tensors()[0].data.size(), row_bytes(dtype, 8));
  }
  EXPECT_THAT(error_of(one_tensor(24, "PWRI", 3).parse()), HasSubstr("tensor t: dtype 24"));
  EXPECT_THAT(error_of(one_tensor(16, "GGUF", 3).parse()), HasSubstr("tensor t: dtype IQ2_XXS"));
  EXPECT_EQ(one_tensor(24, "GGUF", 3).parse()->tensors()[0].dtype, DType::i8);
}

TEST(GgufFile, VersionTwo) {
  const auto file = one_tensor(0, "GGUF", 2).parse();
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->version(), 2U);
  EXPECT_EQ(file->tensors()[0].elements(), 8U);
}

TEST(GgufFile, AlignmentOfTheKey) {
  GgufBytes bytes(2, 1);
  bytes.key("general.alignment", 4).number(128U);
  for (const std::uint64_t offset : {0, 128})
    bytes.string(offset == 0 ? "a" : "b")
        .number(1U)
        .number<std::uint64_t>(2)
        .number(0U)
        .number(offset);
  bytes.pad(128).number(1.0F).number(2.0F).pad(128).number(3.0F).number(4.0F);
  const auto file = bytes.parse();
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->alignment(), 128U);
  EXPECT_EQ(file->tensor("b")->offset, 256U);
  EXPECT_THAT(*file->tensor("b")->as<float>(), ElementsAre(3.0F, 4.0F));
}

TEST(GgufTensor, ChecksDtypeAndShape) {
  const auto file = one_tensor(0, "GGUF", 3).parse();
  ASSERT_TRUE(file.ok());
  const GgufTensor& tensor = file->tensors()[0];
  const std::uint64_t other[] = {8, 2};
  EXPECT_EQ(tensor.check_shape(other).message(), "tensor t: shape [8], want [8, 2]");
  EXPECT_TRUE(tensor.check_shape(tensor.shape()).ok());
  EXPECT_EQ(error_of(tensor.as<std::int32_t>()), "tensor t: dtype F32, want I32");
}

TEST(GgufFile, MissingFolderEmptyAndOddFiles) {
  const test::TempDir dir;
  const fs::path missing = dir.path() / "missing.gguf";
  EXPECT_EQ(GgufFile::open(missing).status().code(), StatusCode::not_found);
  EXPECT_EQ(error_of(GgufFile::open(missing)),
            missing.string() + ": cannot open: No such file or directory");
  EXPECT_EQ(error_of(GgufFile::open(dir.path())), dir.path().string() + ": a folder, want a file");
  const fs::path empty = dir.path() / "empty.gguf";
  std::ofstream(empty).close();
  EXPECT_EQ(error_of(GgufFile::open(empty)), empty.string() + ": empty, want a GGUF file");
  EXPECT_EQ(error_of(GgufFile::open("/dev/null")),
            "/dev/null: a device, pipe or socket, want a regular file");
}

TEST(GgufFile, RefusesBytesAtAnOddAddress) {
  alignas(8) const std::array<std::byte, 32> bytes{};
  EXPECT_THAT(error_of(GgufFile::parse(std::span(bytes).subspan(1), "odd")),
              HasSubstr("odd: bytes at an address that is no multiple of 8"));
}

TEST(GgufFile, OwnerOutlivesTheFile) {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> data;
  {
    const auto file = GgufFile::open(test::data_file("stories260K/stories260K-f32.gguf"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    owner = file->owner();
    data = file->tensors()[0].data;
  }
  const auto sum = std::accumulate(data.begin(), data.end(), 0U, [](unsigned s, std::byte b) {
    return s + static_cast<unsigned>(b);
  });
  EXPECT_GT(sum, 0U);
}

TEST(GgufFile, ManyThreadsRead) {
  const auto file = GgufFile::open(test::data_file("stories260K/stories260K-f32.gguf"));
  ASSERT_TRUE(file.ok());
  std::array<std::size_t, 4> sums{};
  {
    std::vector<std::jthread> readers;
    for (std::size_t& sum : sums)
      readers.emplace_back([&file, &sum] {
        for (const GgufEntry& entry : file->metadata()) sum += entry.value.to_string().size();
        for (const GgufTensor& tensor : file->tensors()) sum += file->tensor(tensor.name)->offset;
      });
  }
  EXPECT_GT(sums[0], 0U);
  for (const std::size_t sum : sums) EXPECT_EQ(sum, sums[0]);
}

TEST(GgufFile, ReadsTheCommittedModel) {
  const auto file = GgufFile::open(test::data_file("stories260K/stories260K-f32.gguf"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(*file->get<std::string>("general.architecture"), "llama");
  EXPECT_EQ(*file->get<std::uint32_t>("llama.block_count"), 5U);
  const auto tokens = file->get<std::span<const std::string_view>>("tokenizer.ggml.tokens");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(tokens->size(), 512U);
  EXPECT_EQ((*tokens)[1], "<s>");
  EXPECT_EQ(file->get<std::vector<float>>("tokenizer.ggml.scores")->size(), 512U);
  const GgufTensor* norm = file->tensor("output_norm.weight");
  ASSERT_NE(norm, nullptr);
  EXPECT_THAT(norm->shape(), ElementsAre(64));
  EXPECT_EQ(norm->as<float>()->size(), 64U);
}

TEST(GgufFile, ReadsPowerInfersFile) {
  SYNFIRE_SHARED_OR_SKIP(path, "models/synfire-tiny/synfire-tiny.powerinfer.gguf");
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_TRUE(file->is_powerinfer());
  EXPECT_EQ(file->tensors().size(), 91U);
  EXPECT_THAT(file->tensor("blk.7.fc2.weight")->shape(), ElementsAre(128, 1536));
  EXPECT_EQ(*file->get<float>("powerinfer.sparse_threshold"), 0.0F);
}

TEST(GgufFile, ReadsEverySharedModelAndVocabulary) {
  SYNFIRE_SHARED_OR_SKIP(vocab, "vocab");
  SYNFIRE_SHARED_OR_SKIP(tiny, "models/synfire-tiny");
  std::size_t files = 0;
  for (const fs::path& folder : {vocab, tiny})
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".gguf") continue;
      const auto file = GgufFile::open(entry.path());
      EXPECT_TRUE(file.ok()) << file.status().message();
      ++files;
    }
  EXPECT_GE(files, 12U);
}

}  // namespace
}  // namespace synfire
