// configs/synfire.yaml: everything that a file can set is in it, at its default.

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/base/options.hpp"
#include "core/config/config_file.hpp"
#include "core/config/yaml_reader.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

std::filesystem::path example() { return test::config_file("synfire.yaml"); }

void expect_default(const Option& option, const YamlNode& value) {
  SCOPED_TRACE(option.yaml);
  switch (value.kind) {
    case YamlNode::Kind::null: EXPECT_TRUE(option.default_text.empty()); break;
    case YamlNode::Kind::scalar: EXPECT_EQ(value.text, option.default_text); break;
    case YamlNode::Kind::sequence:
      EXPECT_TRUE(is_list(option.type));
      EXPECT_TRUE(value.items.empty());
      break;
    case YamlNode::Kind::map: ADD_FAILURE() << "a map"; break;
  }
}

void collect(const YamlNode& node, const std::string& path, std::set<std::string>& paths) {
  for (const auto& [key, value] : node.entries) {
    const std::string child = path.empty() ? key.text : path + "." + key.text;
    if (const Option* option = find_yaml_option(child)) {
      paths.insert(child);
      expect_default(*option, value);
    } else {
      collect(value, child, paths);
    }
  }
}

TEST(Example, HasEveryOptionAtItsDefault) {
  const Result<std::string> text = read_text_file(example(), 1 << 20);
  ASSERT_TRUE(text.ok()) << text.status().message();
  const Result<YamlNode> root = parse_yaml(*text, "synfire.yaml");
  ASSERT_TRUE(root.ok()) << root.status().message();
  std::set<std::string> in_file, in_table;
  collect(*root, "", in_file);
  for (const Option& option : option_table()) {
    if (!option.yaml.empty()) in_table.insert(std::string(option.yaml));
  }
  EXPECT_EQ(in_file, in_table);
}

TEST(Example, LoadsForEveryCommandAndChangesNothing) {
  for (const CommandInfo& info : kCommands) {
    SCOPED_TRACE(info.name);
    OptionValues values(info.command);
    const OptionValues before(info.command);
    const Status status = load_config_file(values, example());
    ASSERT_TRUE(status.ok()) << status.message();
    for (const Option* option : options_of(info.command)) {
      EXPECT_EQ(values.is_set(option->name), before.is_set(option->name)) << option->name;
    }
  }
}

}  // namespace
}  // namespace synfire
