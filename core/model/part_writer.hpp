#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/status.hpp"
#include "core/model/gguf_writer.hpp"

namespace synfire {

// Consecutive rows of one tensor of a file to be written: what a thread makes at a time.
struct TensorPart {
  std::size_t tensor;  // of the header's
  std::uint64_t first_row, n_rows;
  std::size_t bytes;
};

// Appends a tensor's parts, of at most `rows_at_once` rows each.
void append_parts(std::vector<TensorPart>& parts, std::size_t tensor, std::uint64_t rows,
                  std::size_t row_bytes, std::uint64_t rows_at_once);

struct PartWriting {
  // Fills the bytes of parts[i]; called on any thread, for several parts at once.
  std::function<Status(std::size_t i, std::byte* out)> make;
  // Called on the caller's thread, in order.
  std::function<void(std::size_t i)> written = {};
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};  // bytes
  std::uint32_t threads = 1;                                                 // that make parts
  std::size_t batch_bytes = std::size_t{32} << 20;  // made while as much is written
};

// Writes the data of all tensors, `parts` in their order, and holds two batches of it at a time.
// What is written does not depend on the threads, nor does which error is returned.
Status write_parts(GgufWriter& writer, std::span<const TensorPart> parts,
                   const PartWriting& writing);

}  // namespace synfire
