#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/model/tokenizer/flat_map.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// Finds the names of special tokens in text: user-defined tokens always, control and unknown ones
// where the caller asks for it. The leftmost match counts, and of those the longest.
//
// Immutable; any thread may call.
class SpecialTokens {
 public:
  struct Match {
    std::size_t begin, end;
    std::int32_t id;
  };

  explicit SpecialTokens(const Vocab& vocab);

  // The first match at or after `from`.
  [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t from,
                                          bool parse_control) const;

 private:
  struct Node {
    std::int32_t id = -1;  // of the token that ends here
    bool is_control = false;
  };

  void insert(std::string_view name, std::int32_t id, bool is_control);
  [[nodiscard]] std::optional<Match> match_at(std::string_view text, std::size_t begin,
                                              bool parse_control) const;

  std::vector<Node> nodes_;               // of a trie; 0 is the root
  FlatMap<std::uint32_t> edges_;          // by node << 8 | byte
  std::array<bool, 256> starts_token_{};  // by first byte
};

}  // namespace synfire
