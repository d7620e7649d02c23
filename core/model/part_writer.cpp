#include "core/model/part_writer.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace synfire {
namespace {

// Consecutive parts, made by several threads into one buffer. start(), then finish(), again and
// again; both on one thread.
class Batch {
 public:
  void start(std::span<const TensorPart> parts, std::size_t first, const PartWriting& writing) {
    parts_ = parts;
    first_ = first;
    offsets_.clear();
    std::size_t bytes = 0;
    for (const TensorPart& part : parts) {
      offsets_.push_back(bytes);
      bytes += part.bytes;
    }
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    statuses_.assign(parts.size(), {});
    next_ = 0;
    for (std::uint32_t t = 0; t < std::max(1U, writing.threads); ++t)
      threads_.emplace_back([this, &writing] { make_parts(writing); });
  }
  // Joins; the error of the first part that has one.
  Status finish() {
    threads_.clear();
    for (const Status& status : statuses_) SYNFIRE_RETURN_IF_ERROR(status);
    return {};
  }
  Status write(GgufWriter& writer, const PartWriting& writing) const {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const auto part = std::span(buffer_).subspan(offsets_[i], parts_[i].bytes);
      SYNFIRE_RETURN_IF_ERROR(writer.write(writer.tensors()[parts_[i].tensor].name, part));
      if (writing.written) writing.written(first_ + i);
    }
    return {};
  }
  [[nodiscard]] std::size_t bytes() const {
    return parts_.empty() ? 0 : offsets_.back() + parts_.back().bytes;
  }

 private:
  void make_parts(const PartWriting& writing) {
    for (std::size_t i = next_++; i < parts_.size(); i = next_++)
      statuses_[i] = writing.make(first_ + i, buffer_.data() + offsets_[i]);
  }

  std::span<const TensorPart> parts_;
  std::size_t first_ = 0;             // its place among all parts
  std::vector<std::size_t> offsets_;  // of each part in the buffer
  std::vector<std::byte> buffer_;
  std::vector<Status> statuses_;  // by part
  std::atomic<std::size_t> next_{0};
  std::vector<std::jthread> threads_;
};

// The first parts that fill a batch.
std::span<const TensorPart> batch_of(std::span<const TensorPart> parts, std::size_t batch_bytes) {
  std::size_t n = 0;
  for (std::size_t bytes = 0; n < parts.size() && bytes < batch_bytes; ++n) bytes += parts[n].bytes;
  return parts.first(n);
}

}  // namespace

void append_parts(std::vector<TensorPart>& parts, std::size_t tensor, std::uint64_t rows,
                  std::size_t row_bytes, std::uint64_t rows_at_once) {
  for (std::uint64_t row = 0; row < rows; row += rows_at_once) {
    const std::uint64_t n_rows = std::min(rows_at_once, rows - row);
    parts.push_back({tensor, row, n_rows, n_rows * row_bytes});
  }
}

Status write_parts(GgufWriter& writer, std::span<const TensorPart> parts,
                   const PartWriting& writing) {
  std::uint64_t all = 0, done = 0;
  for (const TensorPart& part : parts) all += part.bytes;
  Batch batches[2];
  std::size_t current = 0, next = 0;  // batch; part to start with
  const auto start_next = [&] {
    const auto batch = batch_of(parts.subspan(next), writing.batch_bytes);
    if (!batch.empty()) batches[current].start(batch, next, writing);
    next += batch.size();
    return !batch.empty();
  };
  for (bool more = start_next(); more;) {
    Batch& made = batches[current];
    SYNFIRE_RETURN_IF_ERROR(made.finish());
    current = 1 - current;
    more = start_next();
    SYNFIRE_RETURN_IF_ERROR(made.write(writer, writing));
    done += made.bytes();
    if (writing.progress) writing.progress(done, all);
  }
  return {};
}

}  // namespace synfire
