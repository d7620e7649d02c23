#include "core/model/part_writer.hpp"

#include <cstring>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/gguf_file.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;

// Two tensors of bytes: 10 rows of 3 and 1 row of 5.
class PartWriterTest : public testing::Test {
 protected:
  PartWriterTest() {
    EXPECT_TRUE(header_.add_tensor("a", DType::i8, std::vector<std::uint64_t>{3, 10}).ok());
    EXPECT_TRUE(header_.add_tensor("b", DType::i8, std::vector<std::uint64_t>{5}).ok());
    append_parts(parts_, 0, 10, 3, 4);
    append_parts(parts_, 1, 1, 5, 4);
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "parts.gguf"; }

  Status write(const PartWriting& writing) {
    SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path(), header_));
    SYNFIRE_RETURN_IF_ERROR(write_parts(writer, parts_, writing));
    return writer.finish();
  }

  test::TempDir folder_;
  GgufHeader header_;
  std::vector<TensorPart> parts_;
};

TEST_F(PartWriterTest, PartsCoverTheRows) {
  std::vector<std::uint64_t> first_rows, rows;
  for (const TensorPart& part : parts_) {
    first_rows.push_back(part.first_row);
    rows.push_back(part.n_rows);
  }
  EXPECT_THAT(first_rows, ElementsAre(0, 4, 8, 0));
  EXPECT_THAT(rows, ElementsAre(4, 4, 2, 1));
  EXPECT_EQ(parts_[2].bytes, 6U);
}

TEST_F(PartWriterTest, TheFileIsTheSameWithAnyThreadsAndBatches) {
  for (const std::uint32_t threads : {1U, 3U})
    for (const std::size_t batch_bytes : {1U, 20U, 1000U}) {
      std::vector<std::size_t> written;
      std::vector<std::uint64_t> done;
      const Status status =
          write({.make =
                     [&](std::size_t i, std::byte* out) {
                       std::memset(out, static_cast<int>(i + 1), parts_[i].bytes);
                       return Status();
                     },
                 .written = [&](std::size_t i) { written.push_back(i); },
                 .progress = [&](std::uint64_t bytes, std::uint64_t) { done.push_back(bytes); },
                 .threads = threads,
                 .batch_bytes = batch_bytes});
      ASSERT_TRUE(status.ok()) << status.to_string();
      EXPECT_THAT(written, ElementsAre(0, 1, 2, 3));
      EXPECT_EQ(done.back(), 35U);
      const auto file = GgufFile::open(path());
      ASSERT_TRUE(file.ok());
      const auto a = *file->tensor("a")->as<std::int8_t>();
      EXPECT_EQ(std::accumulate(a.begin(), a.end(), 0), 12 * 1 + 12 * 2 + 6 * 3);
      EXPECT_EQ(a[12], 2);
      EXPECT_EQ(file->tensor("b")->data[4], std::byte{4});
    }
}

TEST_F(PartWriterTest, TheFirstErrorInTheFilesOrderIsTheOne) {
  for (const std::uint32_t threads : {1U, 4U}) {
    const Status status = write(
        {.make = [&](std::size_t i,
                     std::byte*) { return i == 0 ? Status() : invalid_argument("part {}", i); },
         .threads = threads});
    EXPECT_EQ(status.message(), "part 1");
    EXPECT_FALSE(std::filesystem::exists(path()));
  }
}

}  // namespace
}  // namespace synfire
