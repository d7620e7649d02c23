#include "core/model/gguf_writer.hpp"

#include <utility>
#include <vector>

#include "core/model/gguf_format.hpp"

namespace synfire {

Result<GgufWriter> GgufWriter::create(const std::filesystem::path& path, GgufHeader header) {
  const Result<std::uint64_t> alignment = header.alignment();
  if (!alignment.ok()) return alignment.status().with_context(path.string());
  const Result<std::vector<std::byte>> encoded = header.encode();
  if (!encoded.ok()) return encoded.status().with_context(path.string());
  SYNFIRE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  SYNFIRE_RETURN_IF_ERROR(file.write(*encoded));
  return GgufWriter(std::move(file), std::move(header), *alignment);
}

Status GgufWriter::check_turn(std::string_view tensor, std::size_t bytes) const {
  const std::string path = file_.path().string();
  if (current_ == header_.tensors().size())
    return error(StatusCode::failed_precondition, "{}: tensor {}: all tensors are written", path,
                 tensor);
  const GgufTensorSpec& spec = header_.tensors()[current_];
  if (tensor != spec.name)
    return error(StatusCode::failed_precondition, "{}: data of tensor {}, want that of {}", path,
                 tensor, spec.name);
  if (bytes > spec.bytes - written_)
    return error(StatusCode::out_of_range, "{}: tensor {}: {} more bytes after {}, want {} in all",
                 path, tensor, bytes, written_, spec.bytes);
  return {};
}

Status GgufWriter::write(std::string_view tensor, std::span<const std::byte> part) {
  SYNFIRE_RETURN_IF_ERROR(check_turn(tensor, part.size()));
  SYNFIRE_RETURN_IF_ERROR(file_.write(part));
  written_ += part.size();
  if (written_ < header_.tensors()[current_].bytes) return {};
  return end_tensor();
}

Status GgufWriter::end_tensor() {
  const std::uint64_t padding = gguf::align_up(written_, alignment_) - written_;
  SYNFIRE_RETURN_IF_ERROR(file_.write(std::vector<std::byte>(padding)));
  ++current_;
  written_ = 0;
  return {};
}

Status GgufWriter::check_whole() const {
  if (current_ == header_.tensors().size()) return {};
  const GgufTensorSpec& spec = header_.tensors()[current_];
  return error(StatusCode::failed_precondition, "{}: tensor {}: {} bytes written, want {}",
               file_.path().string(), spec.name, written_, spec.bytes);
}

Status GgufWriter::finish() {
  SYNFIRE_RETURN_IF_ERROR(check_whole());
  return file_.commit();
}

Result<std::filesystem::path> GgufWriter::readable() {
  SYNFIRE_RETURN_IF_ERROR(check_whole());
  return file_.readable();
}

}  // namespace synfire
