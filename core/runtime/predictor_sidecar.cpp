#include "core/runtime/predictor_sidecar.hpp"

#include <array>
#include <span>
#include <utility>

#include "core/model/sidecar.hpp"

namespace synfire {

GgufHeader sidecar_header(const std::string& type) {
  GgufHeader header;
  header.set("general.architecture", "synfire-predictor");
  header.set("synfire.predictor.type", type);
  return header;
}

Result<GgufWriter> staged_sidecar(const std::filesystem::path& path, GgufHeader header,
                                  const std::vector<FittedLayer>& layers) {
  for (const FittedLayer& layer : layers)
    for (const FittedLayer::Tensor& tensor : layer.tensors) {
      const std::array<std::uint64_t, 2> shape{tensor.cols, tensor.rows};
      SYNFIRE_RETURN_IF_ERROR(header.add_tensor(tensor.name, tensor.dtype,
                                                std::span(shape).first(tensor.rows == 1 ? 1 : 2)));
    }
  SYNFIRE_RETURN_IF_ERROR(make_sidecar_folder(path));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  for (const FittedLayer& layer : layers)
    for (const FittedLayer::Tensor& tensor : layer.tensors)
      SYNFIRE_RETURN_IF_ERROR(writer.write(tensor.name, tensor.data));
  return writer;
}

Status write_sidecar(const std::filesystem::path& path, GgufHeader header,
                     const std::vector<FittedLayer>& layers) {
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, staged_sidecar(path, std::move(header), layers));
  return writer.finish();
}

}  // namespace synfire
