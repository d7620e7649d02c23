#include "tests/unit/model/synth/cut_model.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "core/model/gguf_writer.hpp"

namespace synfire::test {
namespace {

constexpr std::string_view kOutput = "output.weight";

// The layer of "blk.N.name".
std::optional<std::uint32_t> layer_of(std::string_view tensor) {
  std::uint32_t layer = 0;
  if (!tensor.starts_with("blk.")) return {};
  std::from_chars(tensor.data() + 4, tensor.data() + tensor.size(), layer);
  return layer;
}

bool stays(const GgufTensor& tensor, std::uint32_t last_layer) {
  const bool is_predictor = tensor.name.find(".fc") != std::string_view::npos;
  return layer_of(tensor.name).value_or(0) <= last_layer && !is_predictor;
}

std::vector<float> unit_matrix(const GgufTensor& output) {
  const std::uint64_t d_model = output.dims[0];
  std::vector<float> values(d_model * output.rows());
  for (std::uint64_t i = 0; i < d_model; ++i) values[i * d_model + i] = 1;
  return values;
}

}  // namespace

Status cut_before_ffn(const GgufFile& file, std::uint32_t layer, const std::filesystem::path& out) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto family, file.get<std::string>("general.architecture"));
  GgufHeader header(file.is_powerinfer() ? GgufHeader::Magic::powerinfer : GgufHeader::Magic::gguf);
  header.set_all(file);
  header.set(family + ".block_count", layer + 1);
  for (const GgufTensor& tensor : file.tensors())
    if (stays(tensor, layer))
      SYNFIRE_RETURN_IF_ERROR(header.add_tensor(
          tensor.name, tensor.name == kOutput ? DType::f32 : tensor.dtype, tensor.shape()));
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(out, header));
  const std::string prefix = fmt::format("blk.{}.", layer);
  for (const GgufTensor& tensor : file.tensors()) {
    if (!stays(tensor, layer)) continue;
    if (tensor.name == kOutput) {
      SYNFIRE_RETURN_IF_ERROR(writer.write_values<float>(kOutput, unit_matrix(tensor)));
      continue;
    }
    std::vector<std::byte> data(tensor.data.begin(), tensor.data.end());
    if (tensor.name == "output_norm.weight") {
      const auto norm = file.tensor(prefix + "ffn_norm.weight")->data;
      data.assign(norm.begin(), norm.end());
    }
    if (tensor.name.starts_with(prefix + "ffn_down")) std::ranges::fill(data, std::byte{0});
    SYNFIRE_RETURN_IF_ERROR(writer.write(tensor.name, data));
  }
  return writer.finish();
}

}  // namespace synfire::test
