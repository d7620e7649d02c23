#include "core/model/gguf_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/model/gguf_file.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

using Shape = std::vector<std::uint64_t>;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string contents_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class GgufWriterTest : public testing::Test {
 protected:
  // Writes every declared tensor: byte i of tensor t is t + i.
  Status write(const GgufHeader& header) {
    SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path_, header));
    unsigned first = 0;
    for (const GgufTensorSpec& spec : header.tensors())
      SYNFIRE_RETURN_IF_ERROR(writer.write(spec.name, data_of(spec, first++)));
    return writer.finish();
  }
  static std::vector<std::byte> data_of(const GgufTensorSpec& spec, unsigned first) {
    std::vector<std::byte> data(spec.bytes);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(first + i);
    return data;
  }

  test::TempDir dir_;
  fs::path path_ = dir_.path() / "out.gguf";
};

TEST_F(GgufWriterTest, EveryMetadataTypeComesBack) {
  GgufHeader header;
  header.set("u8", std::uint8_t{1});
  header.set("i8", std::int8_t{-1});
  header.set("u16", std::uint16_t{2});
  header.set("i16", std::int16_t{-2});
  header.set("u32", 3U);
  header.set("i32", -3);
  header.set("f32", 0.5F);
  header.set("bool", true);
  header.set("string", "text");
  header.set("u64", std::numeric_limits<std::uint64_t>::max());
  header.set("i64", std::numeric_limits<std::int64_t>::min());
  header.set("f64", 0.25);
  header.set("numbers", std::vector<float>{1.5F, -2.5F});
  header.set("strings", std::vector<std::string>{"a", "", "c"});
  ASSERT_TRUE(write(header).ok());
  const auto file = GgufFile::open(path_);
  ASSERT_TRUE(file.ok()) << file.status().message();
  std::vector<GgufType> types;
  for (const GgufEntry& entry : file->metadata()) types.push_back(entry.value.type());
  using enum GgufType;
  EXPECT_THAT(types, ElementsAre(u8, i8, u16, i16, u32, i32, f32, boolean, string, u64, i64, f64,
                                 array, array));
  EXPECT_EQ(*file->get<std::int64_t>("i64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*file->get<std::uint64_t>("u64"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(*file->get<std::string>("string"), "text");
  EXPECT_EQ(*file->get<bool>("bool"), true);
  EXPECT_THAT(*file->get<std::vector<float>>("numbers"), ElementsAre(1.5F, -2.5F));
  EXPECT_THAT(*file->get<std::vector<std::string>>("strings"), ElementsAre("a", "", "c"));
}

TEST_F(GgufWriterTest, EveryDtypeComesBackInBothFormats) {
  for (const auto magic : {GgufHeader::Magic::gguf, GgufHeader::Magic::powerinfer}) {
    GgufHeader header(magic);
    for (const DTypeInfo& info : kDTypes) {
      const Status added = header.add_tensor(info.name, info.dtype, Shape{info.block_size, 3});
      const bool is_new =
          info.dtype == DType::bf16 || info.dtype == DType::i64 || info.dtype == DType::f64;
      EXPECT_EQ(added.ok(), magic == GgufHeader::Magic::gguf || !is_new) << info.name;
    }
    ASSERT_TRUE(write(header).ok());
    const auto file = GgufFile::open(path_);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->is_powerinfer(), magic == GgufHeader::Magic::powerinfer);
    ASSERT_EQ(file->tensors().size(), header.tensors().size());
    unsigned first = 0;
    for (const GgufTensor& tensor : file->tensors()) {
      const GgufTensorSpec& spec = header.tensors()[first];
      EXPECT_EQ(tensor.name, spec.name);
      EXPECT_EQ(tensor.dtype, spec.dtype);
      EXPECT_TRUE(tensor.check_shape(spec.shape).ok());
      EXPECT_TRUE(std::ranges::equal(tensor.data, data_of(spec, first++))) << spec.name;
    }
  }
}

TEST_F(GgufWriterTest, VersionTwoAndAnotherAlignment) {
  GgufHeader header(GgufHeader::Magic::gguf, 2);
  header.set("general.alignment", 256U);
  ASSERT_TRUE(header.add_tensor("a", DType::i8, Shape{3}).ok());
  ASSERT_TRUE(header.add_tensor("b", DType::i8, Shape{3}).ok());
  ASSERT_TRUE(write(header).ok());
  const auto file = GgufFile::open(path_);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->version(), 2U);
  EXPECT_EQ(file->tensor("b")->offset, file->tensor("a")->offset + 256);
  EXPECT_EQ(file->tensor("a")->offset % 256, 0U);
}

TEST_F(GgufWriterTest, SettingAgainReplacesInPlace) {
  GgufHeader header;
  header.set("a", 1U);
  header.set("b", 2U);
  header.set("a", "now a string");
  EXPECT_TRUE(header.erase("b"));
  EXPECT_FALSE(header.erase("b"));
  header.set("c", 3U);
  ASSERT_TRUE(write(header).ok());
  const auto file = GgufFile::open(path_);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(file->metadata().size(), 2U);
  EXPECT_EQ(file->metadata()[0].key, "a");
  EXPECT_EQ(*file->get<std::string>("a"), "now a string");
}

TEST_F(GgufWriterTest, CopyingAModelGivesTheSameBytes) {
  const fs::path original = test::data_file("stories260K/stories260K-f32.gguf");
  const auto file = GgufFile::open(original);
  ASSERT_TRUE(file.ok());
  GgufHeader header;
  header.set_all(*file);
  for (const GgufTensor& tensor : file->tensors())
    ASSERT_TRUE(header.add_tensor(tensor.name, tensor.dtype, tensor.shape()).ok());
  auto writer = GgufWriter::create(path_, header);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (const GgufTensor& tensor : file->tensors()) {
    const std::size_t half = tensor.data.size() / 2;  // in two parts, as a stream
    ASSERT_TRUE(writer->write(tensor.name, tensor.data.first(half)).ok());
    ASSERT_TRUE(writer->write(tensor.name, tensor.data.subspan(half)).ok());
  }
  EXPECT_FALSE(fs::exists(path_)) << "visible before it is whole";
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_TRUE(contents_of(path_) == contents_of(original));
}

TEST_F(GgufWriterTest, NestedArraysCopyAsTheyAre) {
  const auto inner = [](std::string& out) {
    const std::uint32_t u8 = 0, array = 9;
    const std::uint64_t one = 1;
    for (const std::uint32_t type : {array, u8}) {
      out.append(reinterpret_cast<const char*>(&type), 4);
      out.append(reinterpret_cast<const char*>(&one), 8);
    }
    out += '\5';
  };
  std::string encoded;
  inner(encoded);
  GgufHeader first;
  first.set("x", GgufValue(GgufType::array, std::as_bytes(std::span(encoded))));
  ASSERT_TRUE(write(first).ok());
  const auto file = GgufFile::open(path_);
  ASSERT_TRUE(file.ok()) << file.status().message();
  GgufHeader second;
  second.set_all(*file);
  EXPECT_EQ(*second.encode(), *first.encode());
  EXPECT_EQ(*file->find("x")->array()->arrays()[0].at<int>(0), 5);
}

TEST_F(GgufWriterTest, RefusesBadTensors) {
  GgufHeader header(GgufHeader::Magic::powerinfer);
  ASSERT_TRUE(header.add_tensor("a", DType::f32, Shape{4}).ok());
  EXPECT_EQ(header.add_tensor("a", DType::f32, Shape{4}).message(),
            "tensor a: there twice, want once");
  EXPECT_THAT(header.add_tensor("", DType::f32, Shape{4}).message(),
              HasSubstr("name of 0 bytes, want 1 to 65535"));
  EXPECT_EQ(header.add_tensor("b", DType::q8_0, Shape{33}).message(),
            "tensor b: shape [33], want rows of a multiple of 32 elements for Q8_0");
  EXPECT_EQ(header.add_tensor("b", DType::f32, Shape{}).message(),
            "tensor b: 0 dimensions, want 1 to 4");
  EXPECT_EQ(header.add_tensor("b", DType::bf16, Shape{4}).message(),
            "tensor b: dtype BF16, which PowerInfer's files cannot hold");
  EXPECT_EQ(header.tensors().size(), 1U);
}

TEST_F(GgufWriterTest, RefusesBadHeaders) {
  GgufHeader alignment;
  alignment.set("general.alignment", 24U);
  EXPECT_EQ(write(alignment).message(), path_.string() +
                                            ": key general.alignment: 24, want a power of two from "
                                            "8 to 1073741824");
  GgufHeader version(GgufHeader::Magic::gguf, 4);
  EXPECT_EQ(write(version).message(), path_.string() + ": version 4, want 2 or 3");
  GgufHeader key;
  key.set("", 1U);
  EXPECT_THAT(write(key).message(), HasSubstr("key : name of 0 bytes"));
  EXPECT_EQ(files_in(dir_.path()), 0U);
}

class GgufWriterTurns : public GgufWriterTest {
 protected:
  void SetUp() override {
    GgufHeader header;
    ASSERT_TRUE(header.add_tensor("a", DType::f32, Shape{2}).ok());
    ASSERT_TRUE(header.add_tensor("b", DType::f32, Shape{2}).ok());
    auto writer = GgufWriter::create(path_, header);
    ASSERT_TRUE(writer.ok());
    writer_.emplace(*std::move(writer));
  }
  Status put(std::string_view tensor, std::size_t count) {
    const std::vector<float> values(count, 1.0F);
    return writer_->write_values(tensor, std::span<const float>(values));
  }
  std::optional<GgufWriter> writer_;
};

TEST_F(GgufWriterTurns, DataComesInOrderAndWhole) {
  EXPECT_THAT(put("b", 2).message(), HasSubstr("data of tensor b, want that of a"));
  EXPECT_THAT(put("a", 3).message(), HasSubstr("tensor a: 12 more bytes after 0, want 8 in all"));
  EXPECT_TRUE(put("a", 1).ok());
  EXPECT_THAT(writer_->finish().message(), HasSubstr("tensor a: 4 bytes written, want 8"));
  EXPECT_TRUE(put("a", 1).ok());
  EXPECT_THAT(writer_->finish().message(), HasSubstr("tensor b: 0 bytes written, want 8"));
  EXPECT_TRUE(put("b", 2).ok());
  EXPECT_THAT(put("b", 1).message(), HasSubstr("all tensors are written"));
  ASSERT_TRUE(writer_->finish().ok());
  EXPECT_THAT(writer_->finish().message(), HasSubstr("committed twice"));
  EXPECT_TRUE(GgufFile::open(path_).ok());
}

TEST_F(GgufWriterTurns, WithoutFinishNothingIsLeft) {
  ASSERT_TRUE(put("a", 2).ok());
  EXPECT_LE(files_in(dir_.path()), 1U);  // under a name of its own, or none
  EXPECT_FALSE(fs::exists(path_));
  writer_.reset();
  EXPECT_EQ(files_in(dir_.path()), 0U);
}

TEST_F(GgufWriterTest, AnOldFileStaysUntilTheNewOneIsWhole) {
  std::ofstream(path_) << "old";
  GgufHeader header;
  ASSERT_TRUE(header.add_tensor("a", DType::i8, Shape{1}).ok());
  {
    auto writer = GgufWriter::create(path_, header);
    ASSERT_TRUE(writer.ok());
    ASSERT_FALSE(writer->finish().ok());
  }
  EXPECT_EQ(contents_of(path_), "old");
  ASSERT_TRUE(write(header).ok());
  EXPECT_EQ(files_in(dir_.path()), 1U);
  EXPECT_TRUE(GgufFile::open(path_).ok());
  EXPECT_EQ(files_in(dir_.path()), 1U);
}

TEST_F(GgufWriterTest, RefusesFoldersAndMissingFolders) {
  EXPECT_EQ(GgufWriter::create(dir_.path(), GgufHeader()).status().message(),
            dir_.path().string() + ": a folder, want the name of a file");
  const fs::path nowhere = dir_.path() / "none" / "out.gguf";
  const auto writer = GgufWriter::create(nowhere, GgufHeader());
  EXPECT_EQ(writer.status().code(), StatusCode::not_found);
  EXPECT_THAT(writer.status().message(), HasSubstr(nowhere.string() + ": cannot create: "));
}

TEST_F(GgufWriterTest, CanBeReadBeforeItAppears) {
  GgufHeader header;
  const Shape shape{8};
  ASSERT_TRUE(header.add_tensor("t", DType::f32, shape).ok());
  std::ofstream(path_) << "old";
  auto writer = GgufWriter::create(path_, header);
  ASSERT_TRUE(writer.ok());
  EXPECT_THAT(writer->readable().status().message(), HasSubstr("0 bytes written, want 32"));
  const std::vector<std::byte> data = data_of(header.tensors()[0], 5);
  ASSERT_TRUE(writer->write("t", data).ok());
  const auto readable = writer->readable();
  ASSERT_TRUE(readable.ok()) << readable.status().to_string();
  {
    const auto file = GgufFile::open(*readable);
    ASSERT_TRUE(file.ok()) << file.status().to_string();
    EXPECT_TRUE(std::ranges::equal(file->tensor("t")->data, data));
  }
  EXPECT_EQ(contents_of(path_), "old");
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_TRUE(std::ranges::equal(GgufFile::open(path_)->tensor("t")->data, data));
  EXPECT_EQ(files_in(dir_.path()), 1U);
  EXPECT_THAT(writer->readable().status().message(), HasSubstr("read after its commit"));
}

}  // namespace
}  // namespace synfire
