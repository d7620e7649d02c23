#include "core/model/gguf_parser.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/model/gguf_cursor.hpp"
#include "core/model/gguf_dtype.hpp"
#include "core/model/gguf_format.hpp"
#include "core/model/printable.hpp"

namespace synfire::gguf {

namespace {

constexpr std::size_t kLeastEntryBytes = 8 + 1 + 4 + 1;           // key, type, value
constexpr std::size_t kLeastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;  // name, dims, dtype, offset

class Parser {
 public:
  explicit Parser(std::span<const std::byte> bytes) : bytes_(bytes), in_(bytes) {}

  Result<GgufContents> run() {
    SYNFIRE_RETURN_IF_ERROR(read_header());
    SYNFIRE_RETURN_IF_ERROR(read_metadata());
    SYNFIRE_RETURN_IF_ERROR(read_alignment());
    SYNFIRE_RETURN_IF_ERROR(read_tensors());
    SYNFIRE_RETURN_IF_ERROR(place_tensors());
    SYNFIRE_RETURN_IF_ERROR(check_overlap());
    return std::move(contents_);
  }

 private:
  Status read_header();
  Status read_version();
  Status read_metadata();
  Result<GgufType> read_type(std::string_view what);
  Result<GgufValue> read_value();
  Result<GgufArray> read_array(std::size_t depth);
  Status read_alignment();
  Status read_tensors();
  Status read_tensor(GgufTensor& tensor);
  Result<std::string_view> read_name();
  Status place_tensors();
  Status check_overlap() const;

  std::span<const std::byte> bytes_;
  Cursor in_;
  std::uint64_t n_tensors_ = 0;
  std::uint64_t n_entries_ = 0;
  GgufContents contents_;
};

Status Parser::read_header() {
  if (bytes_.empty()) return invalid_argument("empty, want a GGUF file");
  SYNFIRE_ASSIGN_OR_RETURN(const auto magic_bytes, in_.take(kMagic.size(), "magic"));
  const std::string_view magic(reinterpret_cast<const char*>(magic_bytes.data()), kMagic.size());
  if (magic != kMagic && magic != kPowerInferMagic)
    return invalid_argument("magic \"{}\", want \"{}\" or \"{}\"", printable(magic), kMagic,
                            kPowerInferMagic);
  contents_.is_powerinfer = magic == kPowerInferMagic;
  SYNFIRE_RETURN_IF_ERROR(read_version());
  SYNFIRE_ASSIGN_OR_RETURN(n_tensors_, in_.count("tensor count", kLeastTensorBytes));
  SYNFIRE_ASSIGN_OR_RETURN(n_entries_, in_.count("metadata count", kLeastEntryBytes));
  return {};
}

Status Parser::read_version() {
  SYNFIRE_ASSIGN_OR_RETURN(contents_.version, in_.number<std::uint32_t>("version"));
  const std::uint32_t version = contents_.version;
  if (version >= kOldestVersion && version <= kNewestVersion) return {};
  const std::uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= kNewestVersion)
    return invalid_argument("big-endian (version {}), want a little-endian file", swapped);
  return invalid_argument("version {}, want {} or {}", version, kOldestVersion, kNewestVersion);
}

Result<std::string_view> Parser::read_name() {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string_view name, in_.string("name"));
  if (name.empty() || name.size() > kMaxNameBytes)
    return invalid_argument("name of {} bytes, want 1 to {}", name.size(), kMaxNameBytes);
  return name;
}

Status Parser::read_metadata() {
  contents_.metadata.reserve(n_entries_);
  for (std::uint64_t i = 0; i < n_entries_; ++i) {
    const Result<std::string_view> key = read_name();
    if (!key.ok())
      return key.status().with_context(fmt::format("metadata {} of {}", i + 1, n_entries_));
    Result<GgufValue> value = read_value();
    if (!value.ok()) return value.status().with_context(fmt::format("key {}", printable(*key)));
    contents_.metadata.push_back({*key, *std::move(value)});
  }
  return {};
}

Result<GgufType> Parser::read_type(std::string_view what) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto type, in_.number<std::uint32_t>(what));
  if (type >= kGgufTypes.size())
    return invalid_argument("{} {}, want 0 to {}", what, type, kGgufTypes.size() - 1);
  return static_cast<GgufType>(type);
}

Result<GgufValue> Parser::read_value() {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufType type, read_type("type"));
  const std::size_t start = in_.position();
  if (type == GgufType::array) {
    SYNFIRE_ASSIGN_OR_RETURN(GgufArray array, read_array(1));
    return GgufValue(type, in_.since(start), std::make_shared<const GgufArray>(std::move(array)));
  }
  if (type == GgufType::string) {
    SYNFIRE_RETURN_IF_ERROR(in_.string("string"));
    return GgufValue(type, in_.since(start));
  }
  const GgufTypeInfo& info = gguf_type_info(type);
  SYNFIRE_ASSIGN_OR_RETURN(const auto encoded, in_.take(info.bytes, info.name));
  if (type == GgufType::boolean) SYNFIRE_RETURN_IF_ERROR(read_bool(type, encoded.data()));
  return GgufValue(type, encoded);
}

Result<GgufArray> Parser::read_array(std::size_t depth) {
  if (depth > kMaxArrayDepth)
    return invalid_argument("arrays nested {} deep, want at most {}", depth, kMaxArrayDepth);
  SYNFIRE_ASSIGN_OR_RETURN(const GgufType type, read_type("element type"));
  const GgufTypeInfo& info = gguf_type_info(type);
  SYNFIRE_ASSIGN_OR_RETURN(const auto count, in_.count("array length", info.least_bytes));
  if (type == GgufType::string) {
    std::vector<std::string_view> strings(count);
    for (std::string_view& text : strings) {
      SYNFIRE_ASSIGN_OR_RETURN(text, in_.string("string of an array"));
    }
    return GgufArray(std::move(strings));
  }
  if (type == GgufType::array) {
    std::vector<GgufArray> arrays;
    for (std::uint64_t i = 0; i < count; ++i) {
      SYNFIRE_ASSIGN_OR_RETURN(GgufArray array, read_array(depth + 1));
      arrays.push_back(std::move(array));
    }
    return GgufArray(std::move(arrays));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const auto elements, in_.take(count * info.bytes, "array"));
  if (type == GgufType::boolean)
    for (const std::byte& element : elements) SYNFIRE_RETURN_IF_ERROR(read_bool(type, &element));
  return GgufArray(type, elements);
}

Status Parser::read_alignment() {
  contents_.alignment = kDefaultAlignment;
  for (const GgufEntry& entry : contents_.metadata) {
    if (entry.key != kAlignmentKey) continue;
    const Result<std::uint64_t> value = entry.value.as<std::uint64_t>();
    if (!value.ok()) return value.status().with_context(fmt::format("key {}", kAlignmentKey));
    if (!is_alignment(*value))
      return invalid_argument("key {}: {}, want a power of two from {} to {}", kAlignmentKey,
                              *value, kLeastAlignment, kMostAlignment);
    contents_.alignment = *value;
  }
  return {};
}

Status Parser::read_tensors() {
  // The metadata has taken its part of the file since the count was checked first.
  SYNFIRE_RETURN_IF_ERROR(in_.check_count("tensor count", n_tensors_, kLeastTensorBytes));
  contents_.tensors.reserve(n_tensors_);
  for (std::uint64_t i = 0; i < n_tensors_; ++i) {
    const Result<std::string_view> name = read_name();
    if (!name.ok())
      return name.status().with_context(fmt::format("tensor {} of {}", i + 1, n_tensors_));
    GgufTensor& tensor = contents_.tensors.emplace_back();
    tensor.name = *name;
    if (Status status = read_tensor(tensor); !status.ok())
      return status.with_context(fmt::format("tensor {}", printable(*name)));
  }
  return {};
}

// Leaves in `offset` what the file says, and in `data` only the right size: the data's start is
// known later.
Status Parser::read_tensor(GgufTensor& tensor) {
  SYNFIRE_ASSIGN_OR_RETURN(tensor.n_dims, in_.number<std::uint32_t>("number of dimensions"));
  if (tensor.n_dims < 1 || tensor.n_dims > kGgufMaxDims)
    return invalid_argument("{} dimensions, want 1 to {}", tensor.n_dims, kGgufMaxDims);
  tensor.dims.fill(1);
  for (std::uint32_t d = 0; d < tensor.n_dims; ++d) {
    SYNFIRE_ASSIGN_OR_RETURN(tensor.dims[d], in_.number<std::uint64_t>("shape"));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const auto code, in_.number<std::uint32_t>("dtype"));
  SYNFIRE_ASSIGN_OR_RETURN(tensor.offset, in_.number<std::uint64_t>("offset"));
  SYNFIRE_ASSIGN_OR_RETURN(tensor.dtype, dtype_from_code(code, contents_.is_powerinfer));
  return {};
}

Status Parser::place_tensors() {
  const std::uint64_t start = align_up(in_.position(), contents_.alignment);
  const std::uint64_t size = bytes_.size();
  for (GgufTensor& tensor : contents_.tensors) {
    const std::string name = fmt::format("tensor {}", printable(tensor.name));
    const Result<std::uint64_t> bytes = tensor_bytes(tensor.dtype, tensor.shape());
    if (!bytes.ok()) return bytes.status().with_context(name);
    if (tensor.offset % contents_.alignment != 0)
      return invalid_argument("{}: offset {}, want a multiple of {}", name, tensor.offset,
                              contents_.alignment);
    const std::uint64_t room = size > start ? size - start : 0;
    if (*bytes > room || tensor.offset > room - *bytes)
      return invalid_argument(
          "{}: {} bytes at offset {} of the tensor data, want at most {} bytes of tensor data in "
          "the file (truncated?)",
          name, *bytes, tensor.offset, room);
    tensor.offset += start;
    tensor.data = bytes_.subspan(tensor.offset, *bytes);
  }
  return {};
}

Status Parser::check_overlap() const {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : contents_.tensors) order.push_back(&tensor);
  std::ranges::sort(order, {}, &GgufTensor::offset);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::uint64_t end = order[i - 1]->offset + order[i - 1]->data.size();
    if (order[i]->offset < end)
      return invalid_argument("tensor {}: data at {} overlaps tensor {}, want at least {}",
                              printable(order[i]->name), order[i]->offset,
                              printable(order[i - 1]->name), end);
  }
  return {};
}

}  // namespace

Result<GgufContents> parse_contents(std::span<const std::byte> bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kLeastAlignment != 0)
    return invalid_argument("bytes at an address that is no multiple of {}", kLeastAlignment);
  return Parser(bytes).run();
}

}  // namespace synfire::gguf
