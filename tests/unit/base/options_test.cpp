#include "core/base/options.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr OptionSource kFlag{SourceKind::flag, {}};
constexpr OptionSource kEnvironment{SourceKind::environment, {}};

const Option& option(Command command, std::string_view name) {
  const Option* found = find_option(command, name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

Status set(OptionValues& values, std::string_view name, std::string_view text,
           const OptionSource& source = kFlag) {
  return values.set_from_text(option(values.command(), name), text, source);
}

std::string message(Command command, std::string_view name, std::string_view text) {
  OptionValues values(command);
  return set(values, name, text).message();
}

TEST(OptionTable, EveryRowIsComplete) {
  for (const Option& row : option_table()) {
    SCOPED_TRACE(row.name);
    EXPECT_FALSE(row.help.empty());
    EXPECT_FALSE(row.group.empty());
    EXPECT_FALSE(row.commands.empty());
    EXPECT_EQ(row.type == OptionType::choice, !row.choices.empty());
    EXPECT_EQ(row.type == OptionType::boolean, row.value_name.empty());
    if (!row.default_text.empty()) {
      const auto value = parse_option(row, row.default_text);
      EXPECT_TRUE(value.ok()) << value.status().message();
    }
  }
}

TEST(OptionTable, NamesAreUniqueWithinACommand) {
  for (const CommandInfo& info : kCommands) {
    SCOPED_TRACE(info.name);
    std::set<std::string_view> names, environment;
    std::set<char> shorts = {'h'};  // --help has it
    for (const Option* row : options_of(info.command)) {
      EXPECT_TRUE(names.insert(row->name).second) << row->name;
      EXPECT_TRUE(row->env.empty() || environment.insert(row->env).second) << row->name;
      EXPECT_TRUE(row->short_flag == '\0' || shorts.insert(row->short_flag).second) << row->name;
    }
    EXPECT_TRUE(info.positional.empty() || names.contains(info.positional));
  }
}

TEST(OptionTable, VariablesFollowNamesAndPathsAreUnique) {
  std::set<std::string_view> paths;
  for (const Option& row : option_table()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(row.yaml.empty() || paths.insert(row.yaml).second);
    EXPECT_TRUE(row.yaml.empty() || !row.env.empty());
    if (row.env.empty()) continue;
    std::string env = "SYNFIRE_" + std::string(row.name);
    std::transform(env.begin(), env.end(), env.begin(), [](unsigned char c) {
      return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    EXPECT_EQ(row.env, env);
  }
}

TEST(OptionTable, FlagsThatUsersKnowAreThere) {
  const std::map<Command, std::string> flags = {
      {Command::run, "mpntc"},    {Command::serve, "mtc"},    {Command::generate, "pn"},
      {Command::verify, "mn"},    {Command::tokenize, "mpf"}, {Command::bench, "imnpr"},
      {Command::perplexity, "mf"}};
  for (const auto& [command, letters] : flags) {
    for (const char letter : letters) {
      const auto rows = options_of(command);
      EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [=](const Option* row) {
        return row->short_flag == letter;
      })) << letter;
    }
  }
}

TEST(Options, DefaultsAreSetAndTheRestIsNot) {
  const OptionValues values(Command::run);
  EXPECT_EQ(values.get<std::uint64_t>("n-predict"), 128U);
  EXPECT_EQ(values.origin("n-predict"), "default of --n-predict");
  EXPECT_FALSE(values.get<bool>("json"));
  EXPECT_FALSE(values.is_set("ctx"));
  EXPECT_EQ(values.find<std::uint64_t>("ctx"), nullptr);
  EXPECT_EQ(values.get_or<std::uint64_t>("ctx", 9), 9U);
  EXPECT_FALSE(values.has("golden"));
  EXPECT_EQ(OptionValues(Command::bench).get<std::uint64_t>("n-predict"), 64U);
}

TEST(Options, StrongerSourcesWinInAnyOrder) {
  const OptionSource yaml{SourceKind::yaml, "a.yaml:1:2"};
  OptionValues values(Command::run);
  ASSERT_TRUE(set(values, "seed", "1", yaml).ok());
  EXPECT_EQ(values.origin("seed"), "a.yaml:1:2: sampling.seed");
  ASSERT_TRUE(set(values, "seed", "3", kFlag).ok());
  ASSERT_TRUE(set(values, "seed", "2", kEnvironment).ok());
  ASSERT_TRUE(set(values, "seed", "1", yaml).ok());
  EXPECT_EQ(values.get<std::uint64_t>("seed"), 3U);
  EXPECT_EQ(values.source("seed").kind, SourceKind::flag);
  EXPECT_EQ(values.origin("seed"), "--seed");
}

TEST(Options, AWeakerSourceIsCheckedAllTheSame) {
  OptionValues values(Command::run);
  ASSERT_TRUE(set(values, "seed", "3").ok());
  EXPECT_EQ(set(values, "seed", "x", kEnvironment).message(),
            "SYNFIRE_SEED: got 'x', want a whole number");
}

TEST(Options, ListsAppendWithinASourceAndReplaceAWeakerOne) {
  OptionValues values(Command::run);
  ASSERT_TRUE(set(values, "stop", "a", {SourceKind::yaml, "a.yaml:1:1"}).ok());
  ASSERT_TRUE(set(values, "stop", "b").ok());
  ASSERT_TRUE(set(values, "stop", "c,d").ok());
  EXPECT_THAT(values.get<std::vector<std::string>>("stop"), ElementsAre("b", "c,d"));
}

TEST(Options, BoundsAndChoices) {
  EXPECT_EQ(message(Command::run, "split", "1.5"), "--split: got '1.5', want a number from 0 to 1");
  EXPECT_EQ(message(Command::run, "ctx", "0"),
            "--ctx: got '0', want a whole number from 1 to 16777216");
  EXPECT_EQ(message(Command::run, "top-p", "0"),
            "--top-p: got '0', want a number above 0, up to 1");
  EXPECT_EQ(message(Command::run, "placement", "nueron"),
            "--placement: got 'nueron', want single, layer, neuron or shard (did you mean "
            "'neuron'?)");
  OptionValues convert(Command::convert);
  ASSERT_TRUE(set(convert, "dtype", "bf16").ok());
  EXPECT_EQ(convert.get<std::string>("dtype"), "BF16");
  EXPECT_EQ(message(Command::verify, "max-logit-diff", "-1"),
            "--max-logit-diff: got '-1', want a number of at least 0");
  EXPECT_EQ(message(Command::run, "step-timeout", "0.5ms"),
            "--step-timeout: got '0.5ms', want a duration like 500ms or 2s from 1ms to 86400s");
  EXPECT_EQ(message(Command::serve, "listen", "127.0.0.1:70000"),
            "--listen: got port '70000' in '127.0.0.1:70000', want a whole number from 0 to 65535");
  EXPECT_THAT(message(Command::run, "device", "cpu:0["), StartsWith("--device: device 'cpu:0['"));
  EXPECT_EQ(message(Command::run, "split", "0"), "");
  EXPECT_EQ(message(Command::run, "split", "1"), "");
  EXPECT_EQ(message(Command::run, "top-p", "1"), "");
}

TEST(Options, LongGarbageIsNotRepeated) {
  EXPECT_EQ(message(Command::run, "split", std::string(100000, '9')),
            "--split: got 100000 bytes, want a number from 0 to 1");
}

TEST(Options, TypedValues) {
  OptionValues run(Command::run);
  ASSERT_TRUE(set(run, "logit-bias", "17=-100").ok());
  ASSERT_TRUE(set(run, "logit-bias", "3=0.5").ok());
  EXPECT_THAT(run.get<std::vector<LogitBias>>("logit-bias"),
              ElementsAre(LogitBias{17, -100}, LogitBias{3, 0.5}));
  ASSERT_TRUE(set(run, "step-timeout", "2s").ok());
  EXPECT_EQ(run.get<Duration>("step-timeout"), std::chrono::seconds(2));
  ASSERT_TRUE(set(run, "device", "cpu:0,reference:0").ok());
  EXPECT_EQ(run.get<std::vector<DeviceSpec>>("device").size(), 2U);
  OptionValues tokenize(Command::tokenize);
  ASSERT_TRUE(set(tokenize, "decode", "1,2").ok());
  ASSERT_TRUE(set(tokenize, "decode", "3").ok());
  EXPECT_THAT(tokenize.get<std::vector<std::int32_t>>("decode"), ElementsAre(1, 2, 3));
  EXPECT_FALSE(set(tokenize, "decode", "1,,2").ok());
  EXPECT_FALSE(set(tokenize, "decode", "2147483648").ok());
}

TEST(Options, BytesAndSignedNumbers) {
  constexpr Option kMemory{.name = "memory", .type = OptionType::bytes, .max = 1024};
  EXPECT_EQ(std::get<std::uint64_t>(*parse_option(kMemory, "1KiB")), 1024U);
  EXPECT_EQ(parse_option(kMemory, "2KiB").status().message(),
            "got '2KiB', want a size like 8GiB up to 1024");
  constexpr Option kOffset{.name = "offset", .type = OptionType::integer, .min = -5};
  EXPECT_EQ(std::get<std::int64_t>(*parse_option(kOffset, "-5")), -5);
  EXPECT_FALSE(parse_option(kOffset, "-6").ok());
}

TEST(Options, EnvironmentIsReadByTheTable) {
  const std::map<std::string, std::string> variables = {{"SYNFIRE_PLUGIN_DIR", "/a:/b"},
                                                        {"SYNFIRE_LOGIT_BIAS", "1=2,3=4"},
                                                        {"SYNFIRE_STOP", "a:b,c"},
                                                        {"SYNFIRE_SEED", ""},
                                                        {"SYNFIRE_QUEUE", "not for run"}};
  const auto read = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  OptionValues values(Command::run);
  const Status status = load_environment(values, read);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(values.get<std::vector<std::string>>("plugin-dir"), ElementsAre("/a", "/b"));
  EXPECT_EQ(values.get<std::vector<LogitBias>>("logit-bias").size(), 2U);
  EXPECT_THAT(values.get<std::vector<std::string>>("stop"), ElementsAre("a:b,c"));
  EXPECT_EQ(values.source("seed").kind, SourceKind::defaults);
  OptionValues serve(Command::serve);
  EXPECT_THAT(load_environment(serve, read).message(), StartsWith("SYNFIRE_QUEUE: got 'not for"));
}

TEST(Options, HelpSaysWhatTheTableKnows) {
  EXPECT_EQ(flag_names(option(Command::run, "ctx")), "-c,--ctx");
  EXPECT_EQ(flag_names(option(Command::run, "seed")), "--seed");
  EXPECT_EQ(
      help_text(option(Command::run, "ctx")),
      "tokens that a sequence can hold, prompt and answer (a whole number from 1 to 16777216; "
      "default: the model's) [SYNFIRE_CTX]");
  EXPECT_EQ(help_text(option(Command::run, "json")), "machine-readable output");
  EXPECT_THAT(help_text(option(Command::run, "stop")), HasSubstr("may be repeated"));
}

}  // namespace
}  // namespace synfire
