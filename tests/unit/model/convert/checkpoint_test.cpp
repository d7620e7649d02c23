#include "core/model/convert/checkpoint.hpp"

#include <gtest/gtest.h>

#include "tests/support/paths.hpp"
#include "tests/unit/model/convert/safetensors_bytes.hpp"

namespace synfire::convert {
namespace {

using test::safetensors_bytes;
using test::write_file;

std::string one_tensor(const std::string& name) {
  return safetensors_bytes(
      "{\"" + name + R"(": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}})", 8);
}

class CheckpointTest : public testing::Test {
 protected:
  void write(const char* name, std::string_view text) { write_file(folder_.path() / name, text); }
  std::string error() {
    const auto checkpoint = Checkpoint::open(folder_.path());
    return checkpoint.ok() ? "" : checkpoint.status().message();
  }
  [[nodiscard]] std::string in_folder(const std::string& text) const {
    return (folder_.path() / text).string();
  }

  test::TempDir folder_;
};

TEST_F(CheckpointTest, OneFile) {
  write("model.safetensors", one_tensor("model.a"));
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().to_string();
  EXPECT_NE(checkpoint->find("model.a"), nullptr);
  EXPECT_EQ(checkpoint->find("model.b"), nullptr);
  const std::vector<std::uint64_t> shape{2, 1}, other{1, 2};
  EXPECT_TRUE(checkpoint->require("model.a", shape).ok());
  EXPECT_EQ(checkpoint->require("model.a", other).status().message(),
            folder_.path().string() + ": tensor model.a: shape [2, 1], want [1, 2]");
  EXPECT_EQ(checkpoint->require("model.b", shape).status().message(),
            folder_.path().string() + ": tensor model.b: missing");
}

TEST_F(CheckpointTest, NamesWithoutTheirFirstPart) {
  write("model.safetensors", one_tensor("layers.0.a"));
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_NE(checkpoint->find("model.layers.0.a"), nullptr);
}

TEST_F(CheckpointTest, Shards) {
  write("x.safetensors", one_tensor("a"));
  write("y.safetensors", one_tensor("b"));
  write("model.safetensors.index.json",
        R"({"weight_map": {"a": "x.safetensors", "b": "y.safetensors"}})");
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().to_string();
  EXPECT_EQ(checkpoint->tensors().size(), 2U);
}

TEST_F(CheckpointTest, FaultsAreNamed) {
  EXPECT_EQ(error(), folder_.path().string() +
                         ": neither model.safetensors nor model.safetensors.index.json");
  write("model.safetensors.index.json", R"({"weight_map": {"a": "x.safetensors"}})");
  EXPECT_EQ(error(),
            in_folder("x.safetensors") + ": missing, named in model.safetensors.index.json");
  write("x.safetensors", one_tensor("b"));
  EXPECT_EQ(error(), in_folder("x.safetensors") +
                         ": tensor a: missing, though model.safetensors.index.json names it");
  write("y.safetensors", one_tensor("b"));
  write("model.safetensors.index.json",
        R"({"weight_map": {"a": "x.safetensors", "b": "y.safetensors"}})");
  EXPECT_EQ(error(), in_folder("y.safetensors") + ": tensor b: in another file too");
  for (const char* name : {"../x.safetensors", "/etc/passwd", "..", ""}) {
    write("model.safetensors.index.json", std::string(R"({"weight_map": {"a": ")") + name + "\"}}");
    EXPECT_NE(error().find("want the name of a file"), std::string::npos) << error();
  }
}

}  // namespace
}  // namespace synfire::convert
