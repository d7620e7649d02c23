#include "core/config/config_file.hpp"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/options.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

OptionValues loaded(Command command, std::string_view text) {
  OptionValues values(command);
  const Status status = load_config_text(values, text, "a.yaml");
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

TEST(ConfigFile, SetsEachTypeWithItsPlace) {
  const OptionValues values = loaded(Command::serve,
                                     "model:\n"
                                     "  path: 'my model.gguf'\n"
                                     "  context: 512\n"
                                     "devices: {plugin_dirs: [/a, /b], step_timeout: 2s}\n"
                                     "placement: {kind: layer, split: 0.25}\n"
                                     "serve: {listen: '[::1]:0'}\n");
  EXPECT_EQ(values.get<std::string>("model"), "my model.gguf");
  EXPECT_EQ(values.get<std::uint64_t>("ctx"), 512U);
  EXPECT_EQ(values.origin("ctx"), "a.yaml:3:12: model.context");
  EXPECT_THAT(values.get<std::vector<std::string>>("plugin-dir"), ElementsAre("/a", "/b"));
  EXPECT_EQ(values.get<Duration>("step-timeout"), std::chrono::seconds(2));
  EXPECT_EQ(values.get<std::string>("placement"), "layer");
  EXPECT_EQ(values.get<double>("split"), 0.25);
  EXPECT_EQ(values.get<Endpoint>("listen"), (Endpoint{"::1", 0}));
}

TEST(ConfigFile, DevicesAreATextOrAList) {
  const OptionValues text = loaded(Command::run, "devices: {use: 'cpu:0[cores=0-1],reference:0'}");
  const OptionValues list =
      loaded(Command::run, "devices:\n  use:\n    - cpu:0[cores=0-1]\n    - reference:0\n");
  const auto devices = text.get<std::vector<DeviceSpec>>("device");
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].to_string(), "cpu:0[cores=0-1]");
  EXPECT_EQ(list.get<std::vector<DeviceSpec>>("device"), devices);
}

TEST(ConfigFile, StopStringsAndBiases) {
  const OptionValues values =
      loaded(Command::run, "sampling:\n  stop: [\"\\n\\n\", 5]\n  logit_bias: [17=-100, 4=2.5]\n");
  EXPECT_THAT(values.get<std::vector<std::string>>("stop"), ElementsAre("\n\n", "5"));
  EXPECT_THAT(values.get<std::vector<LogitBias>>("logit-bias"),
              ElementsAre(LogitBias{17, -100}, LogitBias{4, 2.5}));
}

TEST(ConfigFile, OptionsOfOtherCommandsAreCheckedAndLeft) {
  const OptionValues values = loaded(Command::devices, "serve: {queue: 3}");
  EXPECT_FALSE(values.has("queue"));
  OptionValues again(Command::devices);
  EXPECT_FALSE(load_config_text(again, "serve: {queue: many}", "a.yaml").ok());
}

TEST(ConfigFile, NothingAndNullSetNothing) {
  for (const char* text : {"", "# only a comment\n", "---\n", "model:\n", "model: {context: }",
                           "model: {context: null}", "model: {context: ~}", "sampling: {stop: }"}) {
    const OptionValues values = loaded(Command::run, text);
    EXPECT_FALSE(values.is_set("ctx")) << text;
    EXPECT_FALSE(values.is_set("stop")) << text;
  }
}

TEST(ConfigFile, EnvironmentAndFlagsGoBeforeIt) {
  OptionValues values(Command::run);
  const Option& seed = *find_option(Command::run, "seed");
  ASSERT_TRUE(values.set_from_text(seed, "7", {SourceKind::flag, {}}).ok());
  ASSERT_TRUE(load_config_text(values, "sampling: {seed: 1, top_k: 1}", "a.yaml").ok());
  const auto read = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SYNFIRE_TOP_K") return "2";
    return std::nullopt;
  };
  ASSERT_TRUE(load_environment(values, read).ok());
  EXPECT_EQ(values.get<std::uint64_t>("seed"), 7U);
  EXPECT_EQ(values.get<std::uint64_t>("top-k"), 2U);
}

TEST(ConfigFile, MissingFileAndFolderAreNamed) {
  const test::TempDir dir;
  OptionValues values(Command::run);
  const Status missing = load_config_file(values, dir.path() / "no.yaml");
  EXPECT_EQ(missing.code(), StatusCode::not_found);
  EXPECT_THAT(missing.message(), HasSubstr("no.yaml: cannot be opened"));
  EXPECT_THAT(load_config_file(values, dir.path()).message(), HasSubstr("a folder, want a file"));
}

TEST(ConfigFile, TooLongIsRefused) {
  OptionValues values(Command::run);
  const Status status =
      load_config_text(values, std::string((std::size_t{1} << 20) + 1, '#'), "a.yaml");
  EXPECT_EQ(status.message(), "a.yaml: 1048577 bytes, want 1048576 at most");
}

}  // namespace
}  // namespace synfire
