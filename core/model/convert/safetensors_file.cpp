#include "core/model/convert/safetensors_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/model/convert/json_object.hpp"
#include "core/model/printable.hpp"

namespace synfire::convert {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // as the format's own reader has it

struct KnownDType {
  std::string_view name;
  std::uint32_t bytes;
  std::optional<DType> dtype;
};
constexpr std::array<KnownDType, 14> kKnownDTypes{{
    {"F32", 4, DType::f32},
    {"F16", 2, DType::f16},
    {"BF16", 2, DType::bf16},
    {"F64", 8, {}},
    {"F8_E4M3", 1, {}},
    {"F8_E5M2", 1, {}},
    {"I64", 8, {}},
    {"I32", 4, {}},
    {"I16", 2, {}},
    {"I8", 1, {}},
    {"U8", 1, {}},
    {"U16", 2, {}},
    {"U32", 4, {}},
    {"BOOL", 1, {}},
}};

// Reads one entry of the header.
class Entry {
 public:
  Entry(std::string_view name, const json::value& value, const std::string& file)
      : name_(name), value_(value), file_(file) {}

  Result<SafeTensor> read(std::span<const std::byte> data) {
    if (!value_.is_object()) return bad("entry", shown(value_), "an object");
    SafeTensor tensor;
    tensor.name = name_;
    SYNFIRE_ASSIGN_OR_RETURN(const KnownDType* const dtype, read_dtype());
    tensor.dtype_name = dtype->name;
    tensor.dtype = dtype->dtype;
    SYNFIRE_ASSIGN_OR_RETURN(tensor.shape, numbers("shape"));
    SYNFIRE_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> offsets, numbers("data_offsets"));
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
      return bad("data_offsets", shape_text(offsets),
                 fmt::format("two that rise, up to {}", data.size()));
    SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t bytes, bytes_of(tensor.shape, dtype->bytes));
    if (bytes != offsets[1] - offsets[0])
      return bad("data", fmt::format("{} bytes", offsets[1] - offsets[0]),
                 fmt::format("{} for {} {}", bytes, dtype->name, shape_text(tensor.shape)));
    tensor.data = data.subspan(offsets[0], bytes);
    return tensor;
  }

 private:
  [[nodiscard]] Status bad(std::string_view what, std::string_view got,
                           std::string_view wanted) const {
    return invalid_argument("{}: tensor {}: {} {}, want {}", file_, printable(name_), what, got,
                            wanted);
  }
  [[nodiscard]] const json::value* field(std::string_view key) const {
    return value_.get_object().if_contains(key);
  }

  Result<const KnownDType*> read_dtype() const {
    const json::value* const value = field("dtype");
    if (value == nullptr || !value->is_string())
      return bad("dtype", value == nullptr ? "missing" : shown(*value), "a string");
    const auto* const found =
        std::ranges::find(kKnownDTypes, std::string_view(value->get_string()), &KnownDType::name);
    if (found == kKnownDTypes.end()) return bad("dtype", shown(*value), "one that is known");
    return found;
  }

  Result<std::vector<std::uint64_t>> numbers(std::string_view key) const {
    const json::value* const value = field(key);
    if (value == nullptr || !value->is_array())
      return bad(key, value == nullptr ? "missing" : shown(*value), "an array of numbers");
    std::vector<std::uint64_t> numbers;
    for (const json::value& element : value->get_array()) {
      json::error_code failed;
      numbers.push_back(element.to_number<std::uint64_t>(failed));
      if (failed) return bad(key, shown(element), "whole numbers from 0 on");
    }
    return numbers;
  }

  Result<std::uint64_t> bytes_of(const std::vector<std::uint64_t>& shape,
                                 std::uint64_t element) const {
    std::uint64_t bytes = element;
    for (const std::uint64_t dim : shape)
      if (__builtin_mul_overflow(bytes, dim, &bytes))
        return bad("shape", shape_text(shape), "one that fits into 64 bits");
    return bytes;
  }

  std::string_view name_;
  const json::value& value_;
  const std::string& file_;
};

// Tensors one after another, from the first byte to the last.
Status check_layout(const std::vector<SafeTensor>& tensors, std::span<const std::byte> data,
                    const std::string& name) {
  std::vector<const SafeTensor*> order;
  for (const SafeTensor& tensor : tensors) order.push_back(&tensor);
  // An empty one before what begins at the same byte.
  std::ranges::sort(order, {}, [](const SafeTensor* tensor) {
    return std::pair(tensor->data.data(), tensor->data.size());
  });
  const std::byte* end = data.data();
  for (const SafeTensor* const tensor : order) {
    if (tensor->data.data() != end)
      return invalid_argument("{}: tensor {}: begins at byte {}, want {}", name,
                              printable(tensor->name), tensor->data.data() - data.data(),
                              end - data.data());
    end += tensor->data.size();
  }
  if (end != data.data() + data.size())
    return invalid_argument("{}: {} bytes of data, want the {} of its tensors", name, data.size(),
                            end - data.data());
  return {};
}

}  // namespace

std::uint64_t SafeTensor::elements() const {
  std::uint64_t count = 1;
  for (const std::uint64_t dim : shape) count *= dim;
  return count;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::vector<SafeTensor>> parse_safetensors(std::span<const std::byte> bytes,
                                                  const std::string& name) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length)
    return invalid_argument("{}: {} bytes, want the length of a header", name, bytes.size());
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::span<const std::byte> rest = bytes.subspan(sizeof length);
  if (length > rest.size() || length > kMaxHeaderBytes)
    return invalid_argument("{}: header of {} bytes, want at most {}", name, length,
                            std::min<std::uint64_t>(rest.size(), kMaxHeaderBytes));
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), length);
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject header, JsonObject::parse(text, name));
  const std::span<const std::byte> data = rest.subspan(length);
  std::vector<SafeTensor> tensors;
  for (const auto& [key, value] : header.values()) {
    if (key == "__metadata__") continue;
    SYNFIRE_ASSIGN_OR_RETURN(SafeTensor tensor, Entry(key, value, name).read(data));
    tensors.push_back(std::move(tensor));
  }
  SYNFIRE_RETURN_IF_ERROR(check_layout(tensors, data, name));
  return tensors;
}

Result<std::vector<SafeTensor>> open_safetensors(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<SafeTensor> tensors,
                           parse_safetensors(file->bytes(), path.string()));
  for (SafeTensor& tensor : tensors) tensor.file = file;
  return tensors;
}

}  // namespace synfire::convert
