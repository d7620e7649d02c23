#include "core/model/gguf_header.hpp"

#include <algorithm>
#include <cstring>

#include "core/model/gguf_dtype.hpp"
#include "core/model/gguf_format.hpp"
#include "core/model/gguf_tensor.hpp"
#include "core/model/printable.hpp"

namespace synfire {

namespace {

using Bytes = std::vector<std::byte>;

void append(Bytes& out, std::span<const std::byte> bytes) {
  const std::size_t size = out.size();
  out.resize(size + bytes.size());
  if (!bytes.empty()) std::memcpy(out.data() + size, bytes.data(), bytes.size());
}
template <typename T>
void append_number(Bytes& out, T value) {
  append(out, std::as_bytes(std::span(&value, 1)));
}
void append_string(Bytes& out, std::string_view text) {
  append_number(out, std::uint64_t{text.size()});
  append(out, std::as_bytes(std::span(text)));
}

Status check_name(std::string_view what, std::string_view name) {
  if (!name.empty() && name.size() <= gguf::kMaxNameBytes) return {};
  return invalid_argument("{} {}: name of {} bytes, want 1 to {}", what, printable(name),
                          name.size(), gguf::kMaxNameBytes);
}

}  // namespace

void GgufHeader::put(std::string_view key, GgufType type, std::span<const std::byte> encoded) {
  Entry entry{std::string(key), type, Bytes(encoded.begin(), encoded.end())};
  const auto known = std::ranges::find(entries_, key, &Entry::key);
  if (known != entries_.end()) {
    *known = std::move(entry);
  } else {
    entries_.push_back(std::move(entry));
  }
}

void GgufHeader::put_array(std::string_view key, GgufType element, std::size_t count,
                           std::span<const std::byte> encoded_elements) {
  Bytes encoded;
  encoded.reserve(12 + encoded_elements.size());
  append_number(encoded, static_cast<std::uint32_t>(element));
  append_number(encoded, std::uint64_t{count});
  append(encoded, encoded_elements);
  put(key, GgufType::array, encoded);
}

void GgufHeader::set(std::string_view key, std::string_view text) {
  Bytes encoded;
  append_string(encoded, text);
  put(key, GgufType::string, encoded);
}

void GgufHeader::set(std::string_view key, std::span<const std::string_view> texts) {
  Bytes encoded;
  for (const std::string_view text : texts) append_string(encoded, text);
  put_array(key, GgufType::string, texts.size(), encoded);
}

void GgufHeader::set(std::string_view key, const std::vector<std::string>& texts) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  set(key, std::span<const std::string_view>(views));
}

void GgufHeader::set(std::string_view key, const GgufValue& value) {
  put(key, value.type(), value.encoded());
}

void GgufHeader::set_all(const GgufFile& file) {
  for (const GgufEntry& entry : file.metadata()) set(entry.key, entry.value);
}

bool GgufHeader::erase(std::string_view key) {
  return std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; }) > 0;
}

Status GgufHeader::add_tensor(std::string_view name, DType dtype,
                              std::span<const std::uint64_t> shape) {
  SYNFIRE_RETURN_IF_ERROR(check_name("tensor", name));
  if (std::ranges::find(tensors_, name, &GgufTensorSpec::name) != tensors_.end())
    return error(StatusCode::already_exists, "tensor {}: there twice, want once", name);
  if (!gguf::code_of_dtype(dtype, magic_ == Magic::powerinfer))
    return invalid_argument("tensor {}: dtype {}, which PowerInfer's files cannot hold", name,
                            dtype_info(dtype).name);
  const Result<std::uint64_t> bytes = tensor_bytes(dtype, shape);
  if (!bytes.ok()) return bytes.status().with_context(fmt::format("tensor {}", name));
  tensors_.push_back({std::string(name), dtype, {shape.begin(), shape.end()}, *bytes});
  return {};
}

Result<std::uint64_t> GgufHeader::alignment() const {
  const auto found = std::ranges::find(entries_, gguf::kAlignmentKey, &Entry::key);
  if (found == entries_.end()) return gguf::kDefaultAlignment;
  const GgufValue value(found->type, found->encoded);
  const Result<std::uint64_t> alignment = value.as<std::uint64_t>();
  if (!alignment.ok())
    return alignment.status().with_context(fmt::format("key {}", gguf::kAlignmentKey));
  if (!gguf::is_alignment(*alignment))
    return invalid_argument("key {}: {}, want a power of two from {} to {}", gguf::kAlignmentKey,
                            *alignment, gguf::kLeastAlignment, gguf::kMostAlignment);
  return alignment;
}

Result<Bytes> GgufHeader::encode() const {
  if (version_ < gguf::kOldestVersion || version_ > gguf::kNewestVersion)
    return invalid_argument("version {}, want {} or {}", version_, gguf::kOldestVersion,
                            gguf::kNewestVersion);
  SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t alignment, this->alignment());
  const bool powerinfer = magic_ == Magic::powerinfer;
  Bytes out;
  append(out, std::as_bytes(std::span(powerinfer ? gguf::kPowerInferMagic : gguf::kMagic)));
  append_number(out, version_);
  append_number(out, std::uint64_t{tensors_.size()});
  append_number(out, std::uint64_t{entries_.size()});
  for (const Entry& entry : entries_) {
    SYNFIRE_RETURN_IF_ERROR(check_name("key", entry.key));
    append_string(out, entry.key);
    append_number(out, static_cast<std::uint32_t>(entry.type));
    append(out, entry.encoded);
  }
  std::uint64_t offset = 0;
  for (const GgufTensorSpec& tensor : tensors_) {
    append_string(out, tensor.name);
    append_number(out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::uint64_t dim : tensor.shape) append_number(out, dim);
    append_number(out, *gguf::code_of_dtype(tensor.dtype, powerinfer));
    append_number(out, offset);
    offset = gguf::align_up(offset + tensor.bytes, alignment);
  }
  if (!tensors_.empty()) out.resize(gguf::align_up(out.size(), alignment));
  return out;
}

}  // namespace synfire
