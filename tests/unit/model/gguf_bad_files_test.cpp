// Every file of tests/data/gguf-bad (see make.py there) gives the one error that names its
// fault; every file of gguf-good is accepted.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "core/model/gguf_file.hpp"
#include "core/model/golden.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string>& expected_errors() {
  static const std::map<std::string, std::string> errors = {
      {"alignment-0", "key general.alignment: 0, want a power of two from 8 to 1073741824"},
      {"alignment-4", "key general.alignment: 4, want a power of two from 8 to 1073741824"},
      {"alignment-48", "key general.alignment: 48, want a power of two from 8 to 1073741824"},
      {"alignment-huge",
       "key general.alignment: 9223372036854775808, want a power of two from 8 to 1073741824"},
      {"alignment-negative", "key general.alignment: value -32, want 0 to 18446744073709551615"},
      {"alignment-string", "key general.alignment: type STRING, want an unsigned integer"},
      {"array-cut", "key tokenizer.ggml.scores: array length 4, want at most 3: 15 bytes are left"},
      {"array-length-huge",
       "key x: array length 4611686018427387904, want at most 2: 16 bytes are left"},
      {"array-length-overflow",
       "key x: array length 2305843009213693952, want at most 2: 16 bytes are left"},
      {"array-of-arrays-huge",
       "key x: array length 1099511627776, want at most 5: 64 bytes are left"},
      {"array-of-strings-cut",
       "key tokenizer.ggml.tokens: truncated: string of an array wants 4 bytes at offset 88, got "
       "3"},
      {"array-of-strings-huge",
       "key x: array length 1099511627776, want at most 8: 64 bytes are left"},
      {"array-too-deep", "key x: arrays nested 5 deep, want at most 4"},
      {"array-type-unknown", "key x: element type 99, want 0 to 12"},
      {"big-endian", "big-endian (version 3), want a little-endian file"},
      {"bool-7", "key tokenizer.ggml.add_bos_token: boolean 7, want 0 or 1"},
      {"bool-in-array-2", "key x: boolean 2, want 0 or 1"},
      {"counts-cut", "truncated: tensor count wants 8 bytes at offset 8, got 7"},
      {"data-cut",
       "tensor b: 32 bytes at offset 32 of the tensor data, want at most 63 bytes of tensor data "
       "in the file (truncated?)"},
      {"data-missing-before-padding",
       "tensor a: 32 bytes at offset 0 of the tensor data, want at most 0 bytes of tensor data in "
       "the file (truncated?)"},
      {"data-missing",
       "tensor a: 32 bytes at offset 0 of the tensor data, want at most 0 bytes of tensor data in "
       "the file (truncated?)"},
      {"data-overlap", "tensor b: data at 192 overlaps tensor a, want at least 196"},
      {"data-same", "tensor b: data at 160 overlaps tensor a, want at least 192"},
      {"dims-0", "tensor a: 0 dimensions, want 1 to 4"},
      {"dims-5", "tensor a: 5 dimensions, want 1 to 4"},
      {"dims-huge", "tensor a: 4294967295 dimensions, want 1 to 4"},
      {"dtype-bf16-in-powerinfer",
       "tensor a: dtype 30, want one of F32 F16 Q8_0 Q4_0 Q4_1 Q4_K Q5_K Q6_K I8 I16 I32"},
      {"dtype-q3-k",
       "tensor blk.0.ffn_up.weight: dtype Q3_K (11), want one of F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q4_K "
       "Q5_K Q6_K I8 I16 I32 I64 F64"},
      {"dtype-unknown",
       "tensor blk.0.ffn_up.weight: dtype 4711, want one of F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q4_K "
       "Q5_K Q6_K I8 I16 I32 I64 F64"},
      {"empty", "empty, want a GGUF file"},
      {"f64-cut", "key x: truncated: FLOAT64 wants 8 bytes at offset 82, got 7"},
      {"key-count-huge", "metadata count 4611686018427387904, want at most 3: 45 bytes are left"},
      {"key-count-more", "metadata 2 of 2: name of 0 bytes, want 1 to 65535"},
      {"key-empty", "metadata 1 of 2: name of 0 bytes, want 1 to 65535"},
      {"key-length-huge",
       "metadata 1 of 1: truncated: name wants 4611686018427387904 bytes at offset 32, got 28"},
      {"key-twice", "key llama.block_count: there twice, want once"},
      {"key-unprintable-twice", "key a\\x0a\\x1b[1m: there twice, want once"},
      {"magic-short", "truncated: magic wants 4 bytes at offset 0, got 2"},
      {"magic-wrong", "magic \"GGML\", want \"GGUF\" or \"PWRI\""},
      {"offset-huge",
       "tensor a: 32 bytes at offset 18446744073709551584 of the tensor data, want at most 64 "
       "bytes of tensor data in the file (truncated?)"},
      {"offset-odd", "tensor a: offset 4, want a multiple of 32"},
      {"offset-past-end",
       "tensor a: 32 bytes at offset 64 of the tensor data, want at most 64 bytes of tensor data "
       "in the file (truncated?)"},
      {"offset-unaligned-to-key", "tensor b: offset 32, want a multiple of 64"},
      {"row-not-of-blocks",
       "tensor blk.0.ffn_up.weight: shape [33, 2], want rows of a multiple of 32 elements for "
       "Q8_0"},
      {"shape-overflow-bytes",
       "tensor a: shape [4611686018427387904, 2], want at most 2^62 bytes of F32"},
      {"shape-overflow",
       "tensor a: shape [4294967296, 4294967296], want at most 2^62 bytes of F32"},
      {"shape-wraps-to-small",
       "tensor a: shape [8589934592, 2147483648, 2], want at most 2^62 bytes of F32"},
      {"shape-zero", "tensor a: shape [8, 0], want every dimension at least 1"},
      {"string-cut", "key general.name: truncated: string wants 6 bytes at offset 56, got 4"},
      {"string-length-huge",
       "key general.name: truncated: string wants 18446744073709551615 bytes at offset 56, got 16"},
      {"tensor-count-huge", "tensor count 4611686018427387904, want at most 1: 53 bytes are left"},
      {"tensor-count-more", "tensor 3 of 3: name of 0 bytes, want 1 to 65535"},
      {"tensor-count-over-metadata", "tensor count 2, want at most 0: 0 bytes are left"},
      {"tensor-info-cut",
       "tensor output.weight: truncated: offset wants 8 bytes at offset 106, got 5"},
      {"tensor-name-cut", "tensor 1 of 1: truncated: name wants 64 bytes at offset 77, got 51"},
      {"tensor-name-empty", "tensor 1 of 1: name of 0 bytes, want 1 to 65535"},
      {"tensor-twice", "tensor a: there twice, want once"},
      {"type-cut",
       "key general.quantization_version: truncated: type wants 4 bytes at offset 60, got 2"},
      {"type-unknown", "key llama.block_count: type 13, want 0 to 12"},
      {"u32-cut", "key llama.block_count: truncated: UINT32 wants 4 bytes at offset 98, got 3"},
      {"version-0", "version 0, want 2 or 3"},
      {"version-1", "version 1, want 2 or 3"},
      {"version-4", "version 4, want 2 or 3"},
      {"version-cut", "truncated: version wants 4 bytes at offset 4, got 2"},
  };
  return errors;
}

class GgufBadFile : public testing::TestWithParam<std::pair<const std::string, std::string>> {};

TEST_P(GgufBadFile, GivesItsError) {
  const fs::path path = test::data_file("gguf-bad") / (GetParam().first + ".gguf");
  ASSERT_TRUE(fs::exists(path));
  const auto file = GgufFile::open(path);
  ASSERT_FALSE(file.ok()) << "accepted";
  EXPECT_EQ(file.status().message(), path.string() + ": " + GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(Files, GgufBadFile, testing::ValuesIn(expected_errors()),
                         [](const auto& test) {
                           std::string name = test.param.first;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GgufBadFiles, EachIsExpected) {
  std::set<std::string> expected, found;
  for (const auto& [name, text] : expected_errors()) expected.insert(name);
  for (const auto& entry : fs::directory_iterator(test::data_file("gguf-bad")))
    if (entry.path().extension() == ".gguf") found.insert(entry.path().stem().string());
  EXPECT_EQ(found, expected);
}

TEST(GgufGoodFiles, AreAccepted) {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(test::data_file("gguf-good"))) {
    const auto file = GgufFile::open(entry.path());
    EXPECT_TRUE(file.ok()) << file.status().message();
    ++files;
  }
  EXPECT_EQ(files, 5U);
  const auto golden = Golden::open(test::data_file("gguf-good/golden.gguf"));
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  EXPECT_EQ(golden->layers().size(), 2U);
}

}  // namespace
}  // namespace synfire
