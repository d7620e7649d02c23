// A complete Synfire backend in one file, to start your own from.
//
// A backend offers devices; a device holds weights and KV storage and runs stages: lists of ops of
// the table in plugins/sdk/ops.h. The C ABI is plugins/abi/synfire_backend.h; this file uses the
// C++ sugar over it. KernelDevice keeps everything in host memory and runs stages op by op, so what
// is left to write is one kernel per op. (A device with memory of its own derives sdk::Device.) One
// thread owns a device. What is thrown becomes an error of the ABI; it ends the stage, and the
// device lives on.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "plugins/sdk/block_codec.hpp"
#include "plugins/sdk/kernel_device.hpp"
#include "plugins/sdk/option_reader.hpp"

namespace {
using namespace synfire;
using sdk::OpCall;

// Kernels. Values are rows of floats: one per token of the batch, or per token whose logits are
// wanted. Operands, widths and parameters were checked when the stage was compiled; a kernel checks
// what only the batch can bring. Weights have a model file's own dtype; dequantize_row knows them
// all.

std::vector<float> row_of(const sdk::HostWeights& weights, std::size_t r) {
  std::vector<float> row(weights.cols);
  dequantize_row(weights.dtype, weights.row(r), weights.cols, row.data());
  return row;
}

float dot(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
  return static_cast<float>(sum);
}

void embed(void*, const OpCall& call) {
  const sdk::HostWeights& table = call.weights(0);  // [n_vocab, d]
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t) {
    const auto token = static_cast<std::uint32_t>(call.batch().tokens[t]);
    if (token >= table.rows)  // ids come from outside: say what was got and what was wanted
      throw sdk::Error(sdk::kInvalidArgument, std::string("embed: token ") + std::to_string(token) +
                                                  ": want less than " + std::to_string(table.rows));
    float* const out = call.output(0) + t * table.cols;
    dequantize_row(table.dtype, table.row(token), table.cols, out);
    for (std::size_t i = 0; i < table.cols; ++i) out[i] *= call.params<sf_embed_params>().scale;
  }
}

void rms_norm(void*, const OpCall& call) {
  const std::size_t d = call.input_width(0);
  const std::vector<float> weight = row_of(call.weights(0), 0);
  for (std::size_t r = 0; r < call.input_rows(0); ++r) {
    const float* const x = call.input(0) + r * d;
    const float mean = dot(x, x, d) / static_cast<float>(d);
    const float scale = 1 / std::sqrt(mean + call.params<sf_norm_params>().eps);
    for (std::size_t i = 0; i < d; ++i) call.output(0)[r * d + i] = x[i] * scale * weight[i];
  }
}

void linear(void*, const OpCall& call) {
  const sdk::HostWeights& weights = call.weights(0);              // [rows, cols]
  const sdk::HostWeights* const bias = call.optional_weights(1);  // [1, rows], or null
  const std::vector<float> offsets =
      bias == nullptr ? std::vector<float>(weights.rows) : row_of(*bias, 0);
  for (std::size_t r = 0; r < weights.rows; ++r) {
    const std::vector<float> row = row_of(weights, r);  // read once for all tokens
    for (std::size_t t = 0; t < call.input_rows(0); ++t)
      call.output(0)[t * weights.rows + r] =
          dot(row.data(), call.input(0) + t * weights.cols, weights.cols) + offsets[r];
  }
}

void rope(void*, const OpCall& call) {
  const auto& p = call.params<sf_rope_params>();
  if (p.ext_factor != 0) throw sdk::Error(sdk::kUnimplemented, "example: YaRN");
  const bool adjacent = p.style == SF_ROPE_ADJACENT;  // pairs (2i, 2i+1), else (i, i + n_rot/2)
  const sdk::HostWeights* const weight = call.optional_weights(0);
  const std::vector<float> factors =
      weight == nullptr ? std::vector<float>(p.n_rot / 2, 1.0f) : row_of(*weight, 0);
  for (std::size_t row = 0; row < std::size_t{call.batch().n_tokens} * p.n_heads; ++row) {
    const float* const x = call.input(0) + row * p.head_dim;
    float* const y = call.output(0) + row * p.head_dim;
    std::copy_n(x, p.head_dim, y);
    for (std::uint32_t i = 0; i < p.n_rot / 2; ++i) {
      const double theta = call.batch().positions[row / p.n_heads] * p.freq_scale / factors[i] *
                           std::pow(p.freq_base, -2.0 * i / p.n_rot);
      const double c = std::cos(theta) * p.attn_factor, s = std::sin(theta) * p.attn_factor;
      const std::uint32_t a = adjacent ? 2 * i : i, b = adjacent ? a + 1 : a + p.n_rot / 2;
      y[a] = static_cast<float>(x[a] * c - x[b] * s);
      y[b] = static_cast<float>(x[a] * s + x[b] * c);
    }
  }
}

// The KV cache is paged: block tables say where a sequence's positions lie; kv_row() looks there,
// and throws where a table does not reach so far.
void kv_write(void*, const OpCall& call) {
  const sf_kv_desc& kv = call.kv().desc();
  const std::uint32_t layer = call.params<sf_kv_params>().layer;
  for (std::size_t row = 0; row < std::size_t{call.batch().n_tokens} * kv.n_kv_heads; ++row)
    for (const bool value : {false, true}) {
      const std::size_t t = row / kv.n_kv_heads;
      std::byte* const to = call.kv_row(value, layer, call.batch().sequences[t],
                                        call.batch().positions[t], row % kv.n_kv_heads);
      quantize_row(call.kv().dtype(), call.input(value) + row * kv.head_dim, kv.head_dim, to);
    }
}

void attention(void*, const OpCall& call) {
  const auto& p = call.params<sf_attention_params>();
  std::vector<float> row(p.head_dim);
  const auto load = [&](bool value, std::size_t t, std::uint32_t position, std::uint32_t head) {
    const std::byte* from = call.kv_row(value, p.layer, call.batch().sequences[t], position, head);
    dequantize_row(call.kv().dtype(), from, p.head_dim, row.data());
    return row.data();
  };
  for (std::size_t i = 0; i < std::size_t{call.batch().n_tokens} * p.n_heads; ++i) {
    const std::size_t t = i / p.n_heads, head = i % p.n_heads / (p.n_heads / p.n_kv_heads);
    const float* const q = call.input(0) + i * p.head_dim;
    float* const out = call.output(0) + i * p.head_dim;
    std::vector<float> shares(call.batch().positions[t] + 1);  // causal: up to its own position
    for (std::size_t at = 0; at < shares.size(); ++at)
      shares[at] = dot(q, load(false, t, at, head), p.head_dim) * p.scale;
    const float largest = *std::max_element(shares.begin(), shares.end());
    double total = 0;
    for (float& share : shares) total += share = std::exp(share - largest);
    std::fill_n(out, p.head_dim, 0.0f);
    for (std::size_t at = 0; at < shares.size(); ++at) {
      const float* const value = load(true, t, at, head);
      for (std::size_t d = 0; d < p.head_dim; ++d) out[d] += shares[at] / total * value[d];
    }
  }
}

void add(void*, const OpCall& call) {
  for (std::size_t i = 0; i < call.input_size(0); ++i)
    call.output(0)[i] = call.input(0)[i] + call.input(1)[i];
}

float act(std::uint32_t kind, float x) {
  if (kind == SF_ACTIVATION_SILU) return x / (1 + std::exp(-x));
  if (kind == SF_ACTIVATION_GELU) return x / 2 * (1 + std::erf(x / std::sqrt(2.0f)));
  return std::max(x, 0.0f) * (kind == SF_ACTIVATION_RELU2 ? x : 1);
}

void activate(void*, const OpCall& call) {
  const std::uint32_t kind = call.params<sf_activate_params>().activation;
  const float* const up = call.input(1);  // optional: null where the op has none
  for (std::size_t i = 0; i < call.input_size(0); ++i) {
    const float u = up == nullptr ? 1 : kind == SF_ACTIVATION_DRELU ? act(kind, up[i]) : up[i];
    call.output(0)[i] = act(kind, call.input(0)[i]) * u;
  }
}

void gather_wanted(void*, const OpCall& call) {
  const std::size_t d = call.input_width(0);
  for (std::uint32_t i = 0; i < call.batch().n_wanted; ++i)
    std::copy_n(call.input(0) + call.batch().wanted[i] * d, d, call.output(0) + i * d);
}

// What is not here is refused: the engine asks supports() and runs models only where all their ops
// are known. Copies, which move values through a stage's ports, are the interpreter's own.
sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info) {
  static constexpr std::pair<std::uint32_t, sdk::HostStage::Kernel> kKernels[] = {
      {SF_OP_COPY, nullptr},        {SF_OP_EMBED, embed},
      {SF_OP_RMS_NORM, rms_norm},   {SF_OP_LINEAR, linear},
      {SF_OP_ROPE, rope},           {SF_OP_KV_WRITE, kv_write},
      {SF_OP_ATTENTION, attention}, {SF_OP_ADD, add},
      {SF_OP_ACTIVATE, activate},   {SF_OP_GATHER_WANTED, gather_wanted}};
  for (const auto& [id, kernel] : kKernels)
    if (id == info.id) return kernel;
  throw sdk::Error(sdk::kUnimplemented, std::string("example: op ") + info.name);
}

struct Example {
  static constexpr const char* kName = "example";
  static constexpr const char* kVersion = "1.0.0";
  static constexpr const char* kDescription = "a backend to start from";
  static std::uint32_t device_count() { return 1; }
  static void describe(std::uint32_t, sf_device_info& info) {
    info.kind = SF_DEVICE_CPU;
    info.flags = SF_DEVICE_UNIFIED;  // its memory is host memory
    info.cores = 1;
    sdk::set_description(info, "one core");
  }
  static std::unique_ptr<sdk::Device> open(std::uint32_t, const sf_options& options) {
    sdk::OptionReader("example", options).finish();  // it knows no options, and says so
    return std::make_unique<sdk::KernelDevice>(find_kernel);
  }
};

}  // namespace

SYNFIRE_BACKEND_PLUGIN(Example)  // the one symbol that a plugin exports
