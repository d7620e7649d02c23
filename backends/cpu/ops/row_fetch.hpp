#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace synfire::cpu {

// Memory that will be read soon, in that order. Row kernels get it in pieces, and fetch one beside
// each row that they read: so the memory has work while a core computes, and not before it can
// take more. Only a hint: what does not fit in here is left to the reader.
class RowFetch {
 public:
  // Forgets what was not taken: by now it was read, or never will be.
  void clear() { begin_ = end_; }
  void add(const std::byte* from, std::size_t bytes) {
    if (end_ - begin_ < kMost) spans_[end_++ % kMost] = {from, bytes};
  }

  // What a kernel of n rows of `bytes` shall fetch beside them: pieces filled with n addresses, the
  // last one repeated where there are fewer, or null where there is none. Rows much shorter than
  // the kernel's are passed over: it would fetch what nobody reads.
  const std::byte* const* take(std::uint32_t n, std::size_t bytes, const std::byte** pieces) {
    for (std::uint32_t i = 0; i < n; ++i) {
      pieces[i] = take_one(bytes);
      if (pieces[i] != nullptr) continue;
      if (i == 0) return nullptr;
      pieces[i] = pieces[i - 1];
    }
    return n == 0 ? nullptr : pieces;
  }

 private:
  struct Span {
    const std::byte* from;
    std::size_t bytes;
  };
  static constexpr std::uint32_t kMost = 256;

  const std::byte* take_one(std::size_t bytes) {
    while (begin_ != end_ && 2 * spans_[begin_ % kMost].bytes < bytes) ++begin_;
    if (begin_ == end_) return nullptr;
    Span& span = spans_[begin_ % kMost];
    const std::byte* const piece = span.from;
    if (2 * span.bytes < 3 * bytes) {  // what would be left is not worth a piece
      ++begin_;
    } else {
      span.from += bytes;
      span.bytes -= bytes;
    }
    return piece;
  }

  std::array<Span, kMost> spans_;
  std::uint32_t begin_ = 0, end_ = 0;  // count up; modulo kMost they are places
};

}  // namespace synfire::cpu
