#include "core/model/convert/checkpoint.hpp"

#include <set>
#include <utility>

#include "core/model/convert/json_object.hpp"
#include "core/model/printable.hpp"

namespace synfire::convert {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

using WeightMap = std::map<std::string, std::string>;  // tensor -> file

Result<WeightMap> read_index(const fs::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject index, JsonObject::open(path));
  SYNFIRE_ASSIGN_OR_RETURN(const JsonObject entries, index.object("weight_map"));
  WeightMap map;
  for (const auto& [key, value] : entries.values()) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::string file, entries.text(key));
    // Names of files in the folder, and nowhere else.
    if (file.empty() || fs::path(file).filename() != file || file == "." || file == "..")
      return entries.bad(printable(key), fmt::format("'{}'", printable(file)),
                         "the name of a file");
    map.emplace(key, file);
  }
  return map;
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& folder) {
  Checkpoint checkpoint(folder.string());
  std::error_code ignored;
  if (!fs::exists(folder / kIndex, ignored)) {
    if (!fs::exists(folder / kFile, ignored))
      return error(StatusCode::not_found, "{}: neither {} nor {}", folder.string(), kFile, kIndex);
    SYNFIRE_RETURN_IF_ERROR(checkpoint.add(folder / kFile));
    return checkpoint;
  }
  SYNFIRE_ASSIGN_OR_RETURN(const WeightMap map, read_index(folder / kIndex));
  std::set<std::string> files;
  for (const auto& [tensor, file] : map) files.insert(file);
  for (const std::string& file : files)
    if (!fs::exists(folder / file, ignored))
      return error(StatusCode::not_found, "{}: missing, named in {}", (folder / file).string(),
                   kIndex);
  for (const std::string& file : files) SYNFIRE_RETURN_IF_ERROR(checkpoint.add(folder / file));
  for (const auto& [tensor, file] : map)
    if (!checkpoint.tensors_.contains(tensor))
      return error(StatusCode::not_found, "{}: tensor {}: missing, though {} names it",
                   (folder / file).string(), printable(tensor), kIndex);
  return checkpoint;
}

Status Checkpoint::add(const fs::path& file) {
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<SafeTensor> tensors, open_safetensors(file));
  for (SafeTensor& tensor : tensors) {
    std::string name = tensor.name;
    if (!tensors_.try_emplace(std::move(name), std::move(tensor)).second)
      return error(StatusCode::already_exists, "{}: tensor {}: in another file too", file.string(),
                   printable(tensor.name));
  }
  return {};
}

const SafeTensor* Checkpoint::find(std::string_view name) const {
  auto found = tensors_.find(name);
  if (const std::size_t dot = name.find('.'); found == tensors_.end() && dot != name.npos)
    found = tensors_.find(name.substr(dot + 1));
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<const SafeTensor*> Checkpoint::require(std::string_view name,
                                              std::span<const std::uint64_t> shape) const {
  const SafeTensor* const tensor = find(name);
  if (tensor == nullptr)
    return error(StatusCode::not_found, "{}: tensor {}: missing", folder_, name);
  if (!std::ranges::equal(tensor->shape, shape))
    return invalid_argument("{}: tensor {}: shape {}, want {}", folder_, name,
                            shape_text(tensor->shape), shape_text(shape));
  if (!tensor->dtype)
    return error(StatusCode::unimplemented, "{}: tensor {}: dtype {}, want F32, F16 or BF16",
                 folder_, name, tensor->dtype_name);
  return tensor;
}

}  // namespace synfire::convert
