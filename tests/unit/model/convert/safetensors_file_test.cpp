#include "core/model/convert/safetensors_file.hpp"

#include <gtest/gtest.h>

#include "tests/unit/model/convert/safetensors_bytes.hpp"

namespace synfire::convert {
namespace {

using test::safetensors_bytes;

Result<std::vector<SafeTensor>> parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "m.safetensors");
}

TEST(SafetensorsFile, GivesItsTensors) {
  const std::string bytes = safetensors_bytes(
      R"({"__metadata__": {"format": "pt"},
          "b": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [8, 20]},
          "a": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]}})",
      20);
  const auto tensors = parse(bytes);
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  ASSERT_EQ(tensors->size(), 2U);
  const SafeTensor& b = (*tensors)[0];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.dtype, DType::bf16);
  EXPECT_EQ(b.shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(b.elements(), 6U);
  EXPECT_EQ(b.data.size(), 12U);
  EXPECT_EQ(b.data.data() - reinterpret_cast<const std::byte*>(bytes.data()),
            static_cast<std::ptrdiff_t>(bytes.size() - 12));
  EXPECT_FALSE((*tensors)[1].dtype);
  EXPECT_EQ((*tensors)[1].dtype_name, "I64");
}

TEST(SafetensorsFile, FaultsAreNamed) {
  const auto entry = [](const char* fields) {
    return safetensors_bytes(std::string(R"({"a": {)") + fields + "}}", 8);
  };
  const struct {
    std::string bytes;
    const char* says;
  } cases[] = {
      {"abc", "3 bytes, want the length of a header"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10),
       "header of 9223372036854775807 bytes"},
      {safetensors_bytes("[]", 0), "an array, want an object"},
      {safetensors_bytes("{", 0), "no JSON"},
      {safetensors_bytes(R"({"a": 1})", 0), "tensor a: entry 1, want an object"},
      {entry(R"("shape": [2], "data_offsets": [0, 8])"), "tensor a: dtype missing"},
      {entry(R"("dtype": "F33", "shape": [2], "data_offsets": [0, 8])"), "dtype \"F33\""},
      {entry(R"("dtype": "F32", "data_offsets": [0, 8])"), "shape missing"},
      {entry(R"("dtype": "F32", "shape": [-2], "data_offsets": [0, 8])"), "shape -2"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [0])"), "data_offsets [0]"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [8, 0])"), "data_offsets [8, 0]"},
      {entry(R"("dtype": "F32", "shape": [3], "data_offsets": [0, 12])"),
       "data_offsets [0, 12], want two that rise, up to 8"},
      {entry(R"("dtype": "F32", "shape": [3], "data_offsets": [0, 8])"),
       "data 8 bytes, want 12 for F32 [3]"},
      {entry(R"("dtype": "F32", "shape": [4611686018427387904], "data_offsets": [0, 8])"),
       "want one that fits into 64 bits"},
      {entry(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 8])"),
       "begins at byte 4, want 0"},
      {entry(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 4])"),
       "8 bytes of data, want the 4 of its tensors"},
      {safetensors_bytes(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                             "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",
                         4),
       "begins at byte 0, want 4"},
  };
  for (const auto& c : cases) {
    const auto tensors = parse(c.bytes);
    ASSERT_FALSE(tensors.ok()) << c.says;
    EXPECT_EQ(tensors.status().message().find("m.safetensors: "), 0U);
    EXPECT_NE(tensors.status().message().find(c.says), std::string::npos)
        << tensors.status().message() << "\nwant " << c.says;
  }
}

TEST(SafetensorsFile, EmptyTensorsTakeNoPlace) {
  EXPECT_TRUE(parse(safetensors_bytes(
                        R"({"b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                            "a": {"dtype": "F32", "shape": [0, 9], "data_offsets": [0, 0]}})",
                        4))
                  .ok());
}

}  // namespace
}  // namespace synfire::convert
