#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// The bytes that each token stands for, in one block of memory. Control tokens stand for their
// names.
//
// Immutable; any thread may read. Views live as long as the table.
class PieceTable {
 public:
  explicit PieceTable(const Vocab& vocab);

  [[nodiscard]] std::size_t size() const { return begins_.size() - 1; }
  // Empty for ids outside of the vocabulary.
  [[nodiscard]] std::string_view piece(std::int32_t id) const;

 private:
  std::string bytes_;
  std::vector<std::size_t> begins_;  // [size + 1]
};

}  // namespace synfire
