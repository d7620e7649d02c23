#include "core/model/convert/converter.hpp"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/model/gguf_file.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/model/convert/safetensors_bytes.hpp"

namespace synfire::convert {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::write_file;
using testing::EndsWith;
using testing::HasSubstr;

// A copy of a family's folder, to spoil, and a file to write.
class ConverterTest : public testing::Test {
 protected:
  void copy(const std::string& family) {
    fs::remove_all(model());
    fs::copy(test::data_file("families/" + family), model());
  }
  [[nodiscard]] fs::path model() const { return folder_.path() / "model"; }
  [[nodiscard]] fs::path out() const { return folder_.path() / "out.gguf"; }

  void replace(const std::string& file, const std::string& text, const std::string& with) {
    std::string content = read_file(model() / file);
    const std::size_t at = content.find(text);
    ASSERT_NE(at, std::string::npos) << text;
    write_file(model() / file, content.replace(at, text.size(), with));
  }
  // In config.json, whose numbers are JSON's.
  void set(const std::string& key, const std::string& was, const std::string& now) {
    replace("config.json", '"' + key + "\": " + was, '"' + key + "\": " + now);
  }
  // The last bytes of the data: of whatever tensor lies there.
  void put_at_end(const std::string& file, std::string_view bytes) {
    std::string content = read_file(model() / file);
    content.replace(content.size() - bytes.size(), bytes.size(), bytes);
    write_file(model() / file, content);
  }
  Result<Report> convert(const Options& options = {}) {
    return convert_folder(model(), out(), options);
  }
  std::string refusal(const Options& options = {}) {
    const auto report = convert(options);
    EXPECT_FALSE(report.ok());
    EXPECT_FALSE(fs::exists(out()));
    return report.status().message();
  }

  test::TempDir folder_;
};

TEST_F(ConverterTest, TheSameFolderGivesTheSameBytes) {
  copy("llama");
  ASSERT_TRUE(convert().ok());
  const std::string once = read_file(out());
  ASSERT_TRUE(convert().ok());
  EXPECT_EQ(read_file(out()), once);
}

TEST_F(ConverterTest, EveryFamilyBecomesAProgram) {
  for (const char* family : {"llama", "mistral", "bamboo", "qwen2", "arcee", "nemotron", "opt",
                             "falcon_7b", "falcon_40b", "falcon_11b"}) {
    copy(family);
    for (const bool neuron_major : {false, true}) {
      const auto report = convert({.neuron_major = neuron_major});
      ASSERT_TRUE(report.ok()) << family << ": " << report.status().to_string();
      const auto file = GgufFile::open(out());
      ASSERT_TRUE(file.ok()) << file.status().to_string();
      EXPECT_EQ(report->tensors, file->tensors().size());
      const auto program = build_program(*file);
      EXPECT_TRUE(program.ok()) << program.status().to_string();
      EXPECT_EQ(file->tensor("blk.1.ffn_down_t.weight") != nullptr, neuron_major);
    }
  }
}

TEST_F(ConverterTest, MatricesHaveTheWantedDtypeVectorsAreF32) {
  copy("llama");  // stored in BF16
  const struct {
    std::optional<DType> wanted;
    DType got;
    std::uint32_t file_type;
  } cases[] = {{{}, DType::bf16, 32}, {DType::f16, DType::f16, 1}, {DType::f32, DType::f32, 0}};
  for (const auto& c : cases) {
    ASSERT_TRUE(convert({.dtype = c.wanted}).ok());
    const auto file = GgufFile::open(out());
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->tensor("blk.0.ffn_up.weight")->dtype, c.got);
    EXPECT_EQ(file->tensor("blk.0.attn_norm.weight")->dtype, DType::f32);
    EXPECT_EQ(file->tensor("blk.0.attn_q.bias")->dtype, DType::f32);
    EXPECT_EQ(*file->get<std::uint32_t>("general.file_type"), c.file_type);
  }
}

TEST_F(ConverterTest, TheUsersActivationWins) {
  copy("mistral");
  ASSERT_TRUE(convert().ok());
  EXPECT_EQ(*GgufFile::open(out())->get<std::string>("synfire.ffn.activation"), "silu");
  ASSERT_TRUE(convert({.ffn_activation = "drelu"}).ok());
  EXPECT_EQ(*GgufFile::open(out())->get<std::string>("synfire.ffn.activation"), "drelu");
}

TEST_F(ConverterTest, ASlidingWindowIsTheContext) {
  copy("mistral");
  set("sliding_window", "null", "16");
  const auto report = convert();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  ASSERT_EQ(report->warnings.size(), 1U);
  EXPECT_THAT(report->warnings[0], HasSubstr("sliding window of 16 tokens"));
  EXPECT_EQ(*GgufFile::open(out())->get<std::uint32_t>("llama.context_length"), 16U);
}

TEST_F(ConverterTest, AFailureLeavesWhatWasThere) {
  copy("arcee");
  write_file(out(), "before");
  const float nan = __builtin_nanf("");
  put_at_end("model.safetensors", {reinterpret_cast<const char*>(&nan), sizeof nan});
  EXPECT_FALSE(convert().ok());
  EXPECT_EQ(read_file(out()), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2);
}

TEST_F(ConverterTest, NumbersThatAreNotFinite) {
  copy("arcee");
  const float nan = __builtin_nanf("");
  put_at_end("model.safetensors", {reinterpret_cast<const char*>(&nan), sizeof nan});
  EXPECT_THAT(refusal(), HasSubstr("nan in the checkpoint, want a finite number"));
  EXPECT_THAT(refusal(), HasSubstr("tensor model."));
  copy("arcee");
  const float large = 1e5F;
  put_at_end("model.safetensors", {reinterpret_cast<const char*>(&large), sizeof large});
  EXPECT_TRUE(convert().ok());
}

TEST_F(ConverterTest, NumbersThatTheDtypeCannotHold) {
  copy("llama");
  // The last tensor of the first shard is a matrix; 0x4880 is 2^18 in BF16.
  put_at_end("model-00001-of-00004.safetensors", std::string_view("\x80\x48", 2));
  EXPECT_TRUE(convert().ok());
  fs::remove(out());
  EXPECT_THAT(refusal({.dtype = DType::f16}), HasSubstr("inf in F16, want a finite number"));
}

TEST_F(ConverterTest, AMissingShard) {
  copy("llama");
  fs::remove(model() / "model-00002-of-00004.safetensors");
  EXPECT_EQ(refusal(), (model() / "model-00002-of-00004.safetensors").string() +
                           ": missing, named in model.safetensors.index.json");
}

TEST_F(ConverterTest, ShapesThatTheConfigurationDoesNotHave) {
  copy("arcee");
  set("intermediate_size", "64", "63");
  EXPECT_EQ(refusal(), model().string() +
                           ": tensor model.layers.0.mlp.up_proj.weight: shape [64, 32], want "
                           "[63, 32]");
}

TEST_F(ConverterTest, TensorsTooFewOrTooMany) {
  copy("arcee");
  set("num_hidden_layers", "2", "3");
  EXPECT_EQ(refusal(),
            model().string() + ": tensor model.layers.2.input_layernorm.weight: missing");
  copy("arcee");
  set("num_hidden_layers", "2", "1");
  EXPECT_THAT(refusal(), EndsWith("not known in this family, so the model would be another"));
  copy("arcee");
  set("model_type", "\"arcee\"", "\"llama\"");
  EXPECT_EQ(refusal(), model().string() + ": tensor model.layers.0.mlp.gate_proj.weight: missing");
}

TEST_F(ConverterTest, ConfigurationsThatNoProgramHas) {
  const struct {
    const char *family, *key, *was, *now, *says;
  } cases[] = {
      {"llama", "model_type", "\"llama\"", "\"mamba\"",
       "model_type 'mamba', want one of: llama, mistral"},
      {"llama", "hidden_act", "\"relu\"", "\"gelu_new\"",
       "key hidden_act: 'gelu_new', want silu, relu, relu2 or gelu"},
      {"llama", "hidden_size", "32", "-1", "key hidden_size: -1, want a whole number"},
      {"llama", "num_hidden_layers", "2", "4000000000", "layers: 4000000000, want 1 to 1024"},
      {"llama", "num_attention_heads", "4", "0", "heads: 0, want 1 to"},
      {"llama", "rope_type", "\"llama3\"", "\"longrope\"", "RoPE scaling 'longrope'"},
      {"opt", "do_layer_norm_before", "true", "false",
       "key do_layer_norm_before: false (opt-350m's norm after each part), want true"},
      {"opt", "word_embed_proj_dim", "32", "16",
       "key word_embed_proj_dim: 16 (opt-350m's projected embedding), want hidden_size 32"},
      {"falcon_7b", "alibi", "false", "true", "key alibi: true, want false, with RoPE"},
      {"falcon_7b", "parallel_attn", "true", "false", "key parallel_attn: false, want true"},
      {"nemotron", "partial_rotary_factor", "0.5", "1.5", "over 0, at most 1"},
  };
  for (const auto& c : cases) {
    copy(c.family);
    set(c.key, c.was, c.now);
    EXPECT_THAT(refusal(), HasSubstr(c.says));
  }
}

TEST_F(ConverterTest, NoFolderNoConfiguration) {
  EXPECT_EQ(refusal(), model().string() + ": no folder");
  fs::create_directory(model());
  EXPECT_THAT(refusal(), HasSubstr("config.json: cannot open: No such file"));
  write_file(model() / "config.json", R"({"model_type": "llama"})");
  EXPECT_THAT(refusal(), HasSubstr("neither model.safetensors nor"));
}

}  // namespace
}  // namespace synfire::convert
