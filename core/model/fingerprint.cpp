#include "core/model/fingerprint.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "core/base/crc32c.hpp"

namespace synfire {
namespace {

constexpr std::size_t kSampledBytes = 64;

class Sum {
 public:
  void add(std::span<const std::byte> bytes) { value_ = crc32c(bytes, value_); }
  // With its end, so that what two texts share cannot move from one to the other.
  void add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
    add(std::as_bytes(std::span("", 1)));
  }
  void add(std::uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }
  [[nodiscard]] std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 0;
};

}  // namespace

std::uint32_t model_fingerprint(const GgufFile& model) {
  const Result<std::string> architecture = model.get_or<std::string>("general.architecture", "");
  const std::string prefix = (architecture.ok() ? *architecture : "") + ".";
  Sum sum;
  for (const GgufEntry& entry : model.metadata()) {
    if (!entry.key.starts_with(prefix)) continue;
    sum.add(entry.key);
    sum.add(entry.value.to_string());
  }
  for (const GgufTensor& tensor : model.tensors()) {
    sum.add(tensor.name);
    sum.add(static_cast<std::uint64_t>(tensor.dtype));
    for (const std::uint64_t dim : tensor.shape()) sum.add(dim);
    const std::size_t n = std::min(kSampledBytes, tensor.data.size());
    sum.add(tensor.data.first(n));
    sum.add(tensor.data.subspan((tensor.data.size() - n) / 2, n));
  }
  return sum.value();
}

}  // namespace synfire
