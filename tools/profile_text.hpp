#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/runtime/profile_info.hpp"

namespace synfire::cli {

// The texts of a profile, read piece by piece, so that memory does not grow with them: plain text,
// or in files named *.jsonl one object per line, whose prompts stand by themselves. A piece follows
// from where it begins alone.
class ProfileText {
 public:
  struct Piece {
    std::vector<std::string> parts;  // a text; or prompts, which know nothing of each other
    std::uint64_t next = 0;          // where the next piece begins
  };

  // Reads all there is once: an error for what is not UTF-8. At most `max_bytes` of all texts
  // together, whole characters.
  [[nodiscard]] static Result<ProfileText> open(const std::vector<std::string>& files,
                                                std::uint64_t max_bytes);

  [[nodiscard]] const std::vector<ProfileInfo::Text>& texts() const { return texts_; }
  [[nodiscard]] std::uint64_t bytes() const;  // of all
  // The piece of a text that begins at byte `first`, which is one that a piece named as the next.
  [[nodiscard]] Result<Piece> piece(std::size_t text, std::uint64_t first) const;

 private:
  std::vector<ProfileInfo::Text> texts_;  // names are paths
};

}  // namespace synfire::cli
