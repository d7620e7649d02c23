#include "tests/support/tiny_model.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>

#include "plugins/sdk/block_codec.hpp"

namespace synfire::test {
namespace {

// FNV-1a: std::hash differs between standard libraries.
std::uint64_t seed_of(std::string_view name) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

std::vector<std::byte> data_of(const TinyModel::Tensor& tensor) {
  std::mt19937_64 random(seed_of(tensor.name));
  std::uint64_t rows = 1;
  for (std::size_t i = 1; i < tensor.shape.size(); ++i) rows *= tensor.shape[i];
  const bool is_norm = tensor.name.find("norm") != std::string::npos;
  std::vector<float> row(tensor.shape[0]);
  const std::size_t bytes = row_bytes(tensor.dtype, row.size());
  std::vector<std::byte> data(rows * bytes);
  for (std::uint64_t r = 0; r < rows; ++r) {
    for (float& value : row)
      value = is_norm ? 1.0F : static_cast<float>(random() % 2001) / 1000.0F - 1.0F;
    quantize_row(tensor.dtype, row.data(), row.size(), data.data() + r * bytes);
  }
  return data;
}

}  // namespace

TinyModel::TinyModel(const TinyShape& s)
    : header(s.predictor_rank > 0 ? GgufHeader::Magic::powerinfer : GgufHeader::Magic::gguf) {
  const std::string& a = s.architecture;
  const std::uint64_t head_dim = s.d_model / s.n_heads;
  header.set("general.architecture", std::string_view(a));
  header.set(a + ".block_count", s.n_layers);
  header.set(a + ".embedding_length", s.d_model);
  header.set(a + ".feed_forward_length", s.d_ff);
  header.set(a + ".context_length", s.context);
  header.set(a + ".attention.head_count", s.n_heads);
  header.set(a + ".attention.head_count_kv", s.n_kv_heads);
  if (!s.activation.empty()) header.set("synfire.ffn.activation", std::string_view(s.activation));
  const auto add = [&](std::string name, std::vector<std::uint64_t> shape,
                       DType dtype = DType::f32) {
    tensors.push_back({std::move(name), dtype, std::move(shape)});
  };
  add("token_embd.weight", {s.d_model, s.n_vocab});
  for (std::uint32_t layer = 0; layer < s.n_layers; ++layer) {
    const std::string p = "blk." + std::to_string(layer) + ".";
    add(p + "attn_norm.weight", {s.d_model});
    add(p + "attn_q.weight", {s.d_model, s.n_heads * head_dim});
    add(p + "attn_k.weight", {s.d_model, s.n_kv_heads * head_dim});
    add(p + "attn_v.weight", {s.d_model, s.n_kv_heads * head_dim});
    add(p + "attn_output.weight", {s.n_heads * head_dim, s.d_model});
    add(p + "ffn_norm.weight", {s.d_model});
    if (a != "arcee") add(p + "ffn_gate.weight", {s.d_model, s.d_ff});
    add(p + "ffn_up.weight", {s.d_model, s.d_ff});
    if (s.predictor_rank > 0) {
      add(p + "fc1.weight", {s.d_model, s.predictor_rank});
      add(p + "fc2.weight", {s.predictor_rank, s.d_ff});
    }
    if (s.neuron_major_down)
      add(p + "ffn_down_t.weight", {s.d_model, s.d_ff}, s.down_dtype);
    else
      add(p + "ffn_down.weight", {s.d_ff, s.d_model}, s.down_dtype);
  }
  add("output_norm.weight", {s.d_model});
  if (!s.tied) add("output.weight", {s.d_model, s.n_vocab});
}

TinyModel::Tensor& TinyModel::tensor(std::string_view name) {
  for (Tensor& tensor : tensors)
    if (tensor.name == name) return tensor;
  throw std::out_of_range("tiny model: no tensor " + std::string(name));
}

void TinyModel::drop(std::string_view name) {
  std::erase_if(tensors, [&](const Tensor& tensor) { return tensor.name == name; });
}

std::vector<std::byte> TinyModel::bytes() const {
  constexpr std::size_t kAlignment = 32;
  GgufHeader whole = header;
  for (const Tensor& tensor : tensors)
    if (const Status status = whole.add_tensor(tensor.name, tensor.dtype, tensor.shape);
        !status.ok())
      throw std::invalid_argument(status.to_string());
  auto encoded = whole.encode();
  if (!encoded.ok()) throw std::invalid_argument(encoded.status().to_string());
  std::vector<std::byte> all = *std::move(encoded);
  for (const Tensor& tensor : tensors) {
    const std::vector<std::byte> data = data_of(tensor);
    all.insert(all.end(), data.begin(), data.end());
    all.resize((all.size() + kAlignment - 1) / kAlignment * kAlignment);
  }
  return all;
}

Result<GgufFile> TinyModel::parse() const {
  const auto owner = std::make_shared<const std::vector<std::byte>>(bytes());
  return GgufFile::parse(*owner, "tiny.gguf", owner);
}

void TinyModel::save(const std::filesystem::path& path) const {
  const std::vector<std::byte> all = bytes();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(all.data()), static_cast<std::streamsize>(all.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace synfire::test
