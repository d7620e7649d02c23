#include "core/config/yaml_reader.hpp"

#include <algorithm>
#include <exception>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <unordered_set>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace synfire {
namespace {

// An error without a place of its own stands at the start.
YamlMark place_of(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

// What the builder throws through yaml-cpp, whose parser ends in no other way.
struct Refused {
  YamlMark mark;
  std::string text;
};

// Makes YamlNodes of the parser's events. Its depth bounds the parser's recursion too: each level
// of that is an event here first.
class Builder final : public YAML::EventHandler {
 public:
  [[nodiscard]] YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) refuse(mark, "a second document, want one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(node(mark, anchor, "", YamlNode::Kind::null));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    refuse(mark, "an alias, want the value itself");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode scalar = node(mark, anchor, tag, YamlNode::Kind::scalar);
    scalar.text = value;
    scalar.quoted = tag == "!";  // so yaml-cpp marks every scalar that is not plain
    leaf(std::move(scalar));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(node(mark, anchor, tag, YamlNode::Kind::sequence));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(node(mark, anchor, tag, YamlNode::Kind::map));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    YamlNode node;
    std::optional<YamlNode> key;  // read, its value not yet
    std::unordered_set<std::string> keys;
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string text) {
    throw Refused{place_of(mark), std::move(text)};
  }

  static YamlNode node(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag,
                       YamlNode::Kind kind) {
    if (anchor != 0) refuse(mark, "an anchor, want the value alone");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "a tag, want the value alone");
    YamlNode made;
    made.kind = kind;
    made.mark = place_of(mark);
    return made;
  }

  void open(YamlNode node) {
    if (levels_.size() >= kYamlMaxDepth) {
      throw Refused{node.mark, fmt::format("nested deeper than {} levels", kYamlMaxDepth)};
    }
    levels_.push_back({std::move(node), std::nullopt, {}});
  }

  void close() {
    YamlNode done = std::move(levels_.back().node);
    levels_.pop_back();
    leaf(std::move(done));
  }

  void leaf(YamlNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::sequence) {
      level.node.items.push_back(std::move(node));
    } else if (level.key) {
      level.node.entries.push_back({*std::move(level.key), std::move(node)});
      level.key.reset();
    } else {
      set_key(level, std::move(node));
    }
  }

  static void set_key(Level& level, YamlNode key) {
    if (key.kind != YamlNode::Kind::scalar) {
      throw Refused{key.mark, fmt::format("{} as a key, want a name", key.describe())};
    }
    if (!level.keys.insert(key.text).second) {
      throw Refused{key.mark, fmt::format("key {} twice, want it once", key.describe())};
    }
    level.key = std::move(key);
  }

  YamlNode root_;
  std::vector<Level> levels_;
  bool started_ = false;
};

// Its messages are about the syntax; ours put the place in front.
Status parse_document(std::string_view text, std::string_view file_name, Builder& builder) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return {};
  } catch (const Refused& refused) {
    return invalid_argument("{}: got {}", yaml_place(file_name, refused.mark), refused.text);
  } catch (const YAML::Exception& e) {
    return invalid_argument("{}: not YAML: {}", yaml_place(file_name, place_of(e.mark)), e.msg);
  } catch (const std::exception& e) {
    return invalid_argument("{}: not YAML: {}", file_name, e.what());
  }
}

}  // namespace

std::string YamlNode::describe() const {
  switch (kind) {
    case Kind::null: return "nothing";
    case Kind::scalar: {
      const std::string start = text.size() > 80 ? text.substr(0, 80) + "..." : text;
      return quoted ? fmt::format("the text \"{}\"", start) : fmt::format("'{}'", start);
    }
    case Kind::sequence: return "a list";
    case Kind::map: return "a map";
  }
  return {};
}

Result<YamlNode> parse_yaml(std::string_view text, std::string_view file_name) {
  Builder builder;
  SYNFIRE_RETURN_IF_ERROR(parse_document(text, file_name, builder));
  YamlNode root = builder.take();
  if (root.kind == YamlNode::Kind::null) root.kind = YamlNode::Kind::map;
  return root;
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    return invalid_argument("{}: a folder, want a file", path.string());
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return error(StatusCode::not_found, "{}: cannot be opened", path.string());
  std::string text(max_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto length = static_cast<std::size_t>(stream.gcount());
  if (length > max_bytes) {
    return invalid_argument("{}: larger than {} bytes, want no more", path.string(), max_bytes);
  }
  text.resize(length);
  return text;
}

std::string yaml_place(std::string_view file_name, const YamlMark& mark) {
  return fmt::format("{}:{}:{}", file_name, mark.line, mark.column);
}

}  // namespace synfire
