#include "core/model/gguf_copy.hpp"

#include <utility>

#include "core/model/gguf_writer.hpp"

namespace synfire {

Status copy_gguf(const GgufFile& file, const std::filesystem::path& path,
                 const std::function<void(GgufHeader&)>& edit) {
  GgufHeader header;
  header.set_all(file);
  edit(header);
  for (const GgufTensor& tensor : file.tensors())
    SYNFIRE_RETURN_IF_ERROR(header.add_tensor(tensor.name, tensor.dtype, tensor.shape()));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  for (const GgufTensor& tensor : file.tensors())
    SYNFIRE_RETURN_IF_ERROR(writer.write(tensor.name, tensor.data));
  return writer.finish();
}

}  // namespace synfire
