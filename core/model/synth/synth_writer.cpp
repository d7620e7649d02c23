#include "core/model/synth/synth_writer.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "core/model/gguf_writer.hpp"
#include "core/model/synth/synth_header.hpp"
#include "core/model/synth/synth_model.hpp"

namespace synfire::synth {
namespace {

constexpr std::size_t kPartBytes = 1U << 20;    // what a thread makes at a time
constexpr std::size_t kBatchBytes = 32U << 20;  // made while the batch before is written

// Rows of one tensor.
struct Part {
  const Tensor* tensor;
  std::uint64_t first_row, n_rows;

  [[nodiscard]] std::size_t bytes() const { return n_rows * tensor->row_bytes(); }
};

std::vector<Part> parts_of(const SynthModel& model) {
  std::vector<Part> parts;
  for (const Tensor& tensor : model.tensors()) {
    const std::uint64_t step = std::max<std::uint64_t>(1, kPartBytes / tensor.row_bytes());
    for (std::uint64_t row = 0; row < tensor.rows(); row += step)
      parts.push_back({&tensor, row, std::min(step, tensor.rows() - row)});
  }
  return parts;
}

// Consecutive parts, made by several threads into one buffer. start(), then finish(), again and
// again; both on one thread.
class Batch {
 public:
  void start(std::span<const Part> parts, std::uint32_t threads) {
    parts_ = parts;
    offsets_.clear();
    std::size_t bytes = 0;
    for (const Part& part : parts) {
      offsets_.push_back(bytes);
      bytes += part.bytes();
    }
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    next_ = 0;
    for (std::uint32_t t = 0; t < threads; ++t) threads_.emplace_back([this] { make_parts(); });
  }
  void finish() { threads_.clear(); }  // joins

  Status write(GgufWriter& writer) const {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      SYNFIRE_RETURN_IF_ERROR(writer.write(
          parts_[i].tensor->name, std::span(buffer_).subspan(offsets_[i], parts_[i].bytes())));
    return {};
  }
  [[nodiscard]] std::size_t bytes() const {
    return parts_.empty() ? 0 : offsets_.back() + parts_.back().bytes();
  }

 private:
  void make_parts() {
    for (std::size_t i = next_++; i < parts_.size(); i = next_++) {
      const Part& part = parts_[i];
      const std::size_t row_bytes = part.tensor->row_bytes();
      std::byte* out = buffer_.data() + offsets_[i];
      for (std::uint64_t r = 0; r < part.n_rows; ++r, out += row_bytes)
        part.tensor->source->write(part.first_row + r, out);
    }
  }

  std::span<const Part> parts_;
  std::vector<std::size_t> offsets_;  // of each part in the buffer
  std::vector<std::byte> buffer_;
  std::atomic<std::size_t> next_{0};
  std::vector<std::jthread> threads_;
};

// The first parts that fill a batch.
std::span<const Part> batch_of(std::span<const Part> parts) {
  std::size_t n = 0;
  for (std::size_t bytes = 0; n < parts.size() && bytes < kBatchBytes; ++n)
    bytes += parts[n].bytes();
  return parts.first(n);
}

Status write_parts(std::span<const Part> parts, GgufWriter& writer, std::uint64_t all,
                   const WriteOptions& options) {
  const std::uint32_t threads = std::max(1U, options.threads);
  Batch batches[2];
  std::size_t current = 0;
  std::uint64_t done = 0;
  batches[current].start(batch_of(parts), threads);
  while (!parts.empty()) {
    Batch& made = batches[current];
    made.finish();
    parts = parts.subspan(batch_of(parts).size());
    current = 1 - current;
    if (!parts.empty()) batches[current].start(batch_of(parts), threads);
    SYNFIRE_RETURN_IF_ERROR(made.write(writer));
    done += made.bytes();
    if (options.progress) options.progress(done, all);
  }
  return {};
}

}  // namespace

Result<Report> write_model(const std::filesystem::path& path, const Request& wanted,
                           const WriteOptions& options) {
  SYNFIRE_ASSIGN_OR_RETURN(const Request request, checked(wanted));
  const SynthModel model(request);
  Report report{.bytes = 0, .parameters = 0, .activity = {}};
  if (!request.silu) report.activity = sample_activity(model);
  for (const Tensor& tensor : model.tensors()) {
    report.bytes += tensor.rows() * tensor.row_bytes();
    report.parameters += tensor.rows() * tensor.shape[0];
  }
  SYNFIRE_ASSIGN_OR_RETURN(GgufHeader header, header_of(model, report.activity));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  const std::vector<Part> parts = parts_of(model);
  SYNFIRE_RETURN_IF_ERROR(write_parts(parts, writer, report.bytes, options));
  SYNFIRE_RETURN_IF_ERROR(writer.finish());
  return report;
}

}  // namespace synfire::synth
