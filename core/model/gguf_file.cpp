#include "core/model/gguf_file.hpp"

#include "core/model/gguf_parser.hpp"
#include "core/model/mapped_file.hpp"
#include "core/model/printable.hpp"

namespace synfire {

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file->bytes();
  const MappedFile* const mapping = file.get();
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile parsed, parse(bytes, path.string(), std::move(file)));
  parsed.mapping_ = mapping;
  return parsed;
}

void GgufFile::release(std::span<const std::byte> part, bool from_cache) const {
  if (mapping_ != nullptr) mapping_->release(part, from_cache);
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, std::string name,
                                 std::shared_ptr<const void> owner) {
  Result<GgufContents> contents = gguf::parse_contents(bytes);
  if (!contents.ok()) return contents.status().with_context(name);
  GgufFile file(std::move(name), std::move(owner), bytes.size(), *std::move(contents));
  if (Status status = file.index(); !status.ok()) return status.with_context(file.path_);
  return file;
}

GgufFile::GgufFile(std::string path, std::shared_ptr<const void> owner, std::uint64_t file_bytes,
                   GgufContents contents)
    : path_(std::move(path)),
      owner_(std::move(owner)),
      file_bytes_(file_bytes),
      contents_(std::move(contents)) {}

Status GgufFile::index() {
  for (std::size_t i = 0; i < contents_.metadata.size(); ++i)
    if (!key_index_.emplace(contents_.metadata[i].key, i).second)
      return invalid_argument("key {}: there twice, want once",
                              printable(contents_.metadata[i].key));
  for (std::size_t i = 0; i < contents_.tensors.size(); ++i)
    if (!tensor_index_.emplace(contents_.tensors[i].name, i).second)
      return invalid_argument("tensor {}: there twice, want once",
                              printable(contents_.tensors[i].name));
  return {};
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto found = key_index_.find(key);
  return found == key_index_.end() ? nullptr : &contents_.metadata[found->second].value;
}

const GgufTensor* GgufFile::tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &contents_.tensors[found->second];
}

Result<const GgufTensor*> GgufFile::require_tensor(std::string_view name) const {
  if (const GgufTensor* found = tensor(name)) return found;
  return error(StatusCode::not_found, "{}: tensor {}: missing", path_, name);
}

Status GgufFile::in_key(std::string_view key, const Status& status) const {
  return status.with_context(fmt::format("{}: key {}", path_, key));
}

Status GgufFile::missing_key(std::string_view key) const {
  return error(StatusCode::not_found, "{}: key {}: missing", path_, key);
}

}  // namespace synfire
