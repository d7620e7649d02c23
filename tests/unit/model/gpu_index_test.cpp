#include "core/model/gpu_index.hpp"

#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/gguf_writer.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Tensor {
  std::string name;
  DType dtype;
  std::vector<std::int32_t> values;  // floats, too, have 4 bytes
};

// Files as PowerInfer's exporter writes them (powerinfer-py/powerinfer/export_split.py): its own
// magic, three keys, and of each layer `gpu_idx`, a flag for every neuron, and perhaps
// `gpu_bucket`, the numbers of those with a 1.
class GpuIndexTest : public testing::Test {
 protected:
  Result<GpuIndex> read(const std::vector<Tensor>& tensors,
                        GgufHeader::Magic magic = GgufHeader::Magic::powerinfer) {
    GgufHeader header(magic);
    header.set("general.architecture", "generic.gpu_index");
    header.set("generic.gpu_index.block_count", static_cast<std::uint32_t>(tensors.size()));
    header.set("split.vram_capacity", std::uint64_t{1} << 30);
    for (const Tensor& tensor : tensors)
      SYNFIRE_RETURN_IF_ERROR(header.add_tensor(tensor.name, tensor.dtype,
                                                std::vector<std::uint64_t>{tensor.values.size()}));
    const auto path = dir_.path() / "model.gpuidx";
    SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, header));
    for (const Tensor& tensor : tensors)
      SYNFIRE_RETURN_IF_ERROR(
          writer.write(tensor.name, std::as_bytes(std::span<const std::int32_t>(tensor.values))));
    SYNFIRE_RETURN_IF_ERROR(writer.finish());
    SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(path));
    return read_gpu_index(file);
  }
  std::string refusal(const std::vector<Tensor>& tensors) {
    return read(tensors).status().message();
  }

 private:
  test::TempDir dir_;
};

TEST_F(GpuIndexTest, FlagsOfEveryLayer) {
  const auto index = read({{"blk.0.gpu_idx", DType::i32, {0, 1, 1, 0}},
                           {"blk.0.gpu_bucket", DType::i32, {1, 2}},
                           {"blk.1.gpu_idx", DType::i32, {1, 0, 0, 0}},
                           {"blk.1.gpu_bucket", DType::i32, {0}}});
  ASSERT_TRUE(index.ok()) << index.status().message();
  ASSERT_EQ(index->size(), 2U);
  EXPECT_THAT((*index)[0], ElementsAre(false, true, true, false));
  EXPECT_THAT((*index)[1], ElementsAre(true, false, false, false));
}

TEST_F(GpuIndexTest, BucketsMayBeAbsentAndInAnyOrder) {
  EXPECT_TRUE(read({{"blk.0.gpu_idx", DType::i32, {0, 1}}}).ok());
  EXPECT_TRUE(
      read({{"blk.0.gpu_bucket", DType::i32, {2, 0}}, {"blk.0.gpu_idx", DType::i32, {1, 0, 1}}})
          .ok());
}

TEST_F(GpuIndexTest, MayHaveTheMagicOfAnyGguf) {
  EXPECT_TRUE(read({{"blk.0.gpu_idx", DType::i32, {0, 1}}}, GgufHeader::Magic::gguf).ok());
}

TEST_F(GpuIndexTest, NamesWhatIsWrong) {
  EXPECT_THAT(refusal({{"blk.0.weight", DType::f32, {0}}}),
              HasSubstr("no tensor blk.0.gpu_idx, want PowerInfer's GPU index"));
  EXPECT_THAT(refusal({{"blk.0.gpu_idx", DType::f32, {0, 0}}}),
              HasSubstr("tensor blk.0.gpu_idx: dtype F32, want I32"));
  EXPECT_THAT(refusal({{"blk.0.gpu_idx", DType::i32, {0, 2}}}),
              HasSubstr("tensor blk.0.gpu_idx: value 2, want 0 or 1"));
  const Tensor flags{"blk.0.gpu_idx", DType::i32, {0, 1, 1}};
  EXPECT_THAT(refusal({flags, {"blk.0.gpu_bucket", DType::i32, {1}}}),
              HasSubstr("tensor blk.0.gpu_bucket: 1 neurons, gpu_idx has 2 on the GPU"));
  for (const std::int32_t neuron : {0, 3, -1})
    EXPECT_THAT(refusal({flags, {"blk.0.gpu_bucket", DType::i32, {1, neuron}}}),
                HasSubstr("neuron " + std::to_string(neuron) + ", want one that gpu_idx has"));
}

TEST_F(GpuIndexTest, LayersAfterAGapAreNone) {
  const auto index = read({{"blk.0.gpu_idx", DType::i32, {0}}, {"blk.2.gpu_idx", DType::i32, {0}}});
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index->size(), 1U);  // whoever uses it says that the model has more
}

}  // namespace
}  // namespace synfire
