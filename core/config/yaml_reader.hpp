#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/config/yaml_node.hpp"

namespace synfire {

inline constexpr int kYamlMaxDepth = 16;

// Reads one YAML document into plain data. Errors are INVALID_ARGUMENT "file:line:column: ...".
// Refused: more than kYamlMaxDepth levels, a key twice, keys that are no scalars, anchors, aliases,
// tags, a second document. An empty text is an empty map.
[[nodiscard]] Result<YamlNode> parse_yaml(std::string_view text, std::string_view file_name);

// The whole of a file of at most `max_bytes`.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& path,
                                                 std::size_t max_bytes);

// "plan.yaml:3:12".
[[nodiscard]] std::string yaml_place(std::string_view file_name, const YamlMark& mark);

}  // namespace synfire
