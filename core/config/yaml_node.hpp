#pragma once

#include <string>
#include <vector>

namespace synfire {

// Where something stands in a file, counted from 1.
struct YamlMark {
  int line = 1;
  int column = 1;
};

struct YamlEntry;

// A YAML document as plain data, each part with its place. Made by parse_yaml(), which bounds its
// depth.
struct YamlNode {
  enum class Kind { null, scalar, sequence, map };

  Kind kind = Kind::null;
  YamlMark mark;
  std::string text;             // of scalars
  bool quoted = false;          // a scalar in quotes or a block: a string, whatever it looks like
  std::vector<YamlNode> items;  // of sequences
  std::vector<YamlEntry> entries;  // of maps

  // "a map", "'8001'", "nothing": for errors.
  [[nodiscard]] std::string describe() const;
};

struct YamlEntry {
  YamlNode key;  // a scalar, once in its map
  YamlNode value;
};

}  // namespace synfire
