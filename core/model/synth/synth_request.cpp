#include "core/model/synth/synth_request.hpp"

#include <algorithm>

#include "core/model/gguf_dtype.hpp"
#include "core/model/synth/design.hpp"

namespace synfire::synth {
namespace {

constexpr std::uint32_t kMost = 1U << 20;

Status check_number(std::string_view name, std::uint64_t value, std::uint32_t multiple) {
  if (value > 0 && value <= kMost && value % multiple == 0) return {};
  return invalid_argument("{}: {}, want a multiple of {} up to {}", name, value, multiple, kMost);
}

Status check_shape(const Shape& shape, DType dtype) {
  const std::uint32_t block = std::max(kConstantDims, dtype_info(dtype).block_size);
  SYNFIRE_RETURN_IF_ERROR(check_number("d-model", shape.d_model, block));
  SYNFIRE_RETURN_IF_ERROR(check_number("d-ff", shape.d_ff, block));
  SYNFIRE_RETURN_IF_ERROR(check_number("layers", shape.n_layers, 1));
  SYNFIRE_RETURN_IF_ERROR(check_number("heads", shape.n_heads, 1));
  SYNFIRE_RETURN_IF_ERROR(check_number("kv-heads", shape.n_kv_heads, 1));
  SYNFIRE_RETURN_IF_ERROR(check_number("vocab", shape.n_vocab, 1));
  if (shape.d_model < 2 * kConstantDims)
    return invalid_argument("d-model: {}, want at least {}", shape.d_model, 2 * kConstantDims);
  if (shape.d_model % (2 * shape.n_heads) != 0)
    return invalid_argument("heads: {}, want d-model {} to be an even number of times that",
                            shape.n_heads, shape.d_model);
  if (shape.n_heads % shape.n_kv_heads != 0)
    return invalid_argument("kv-heads: {}, want a divisor of heads {}", shape.n_kv_heads,
                            shape.n_heads);
  return {};
}

Status check_rank(const Request& request) {
  const std::uint32_t least = kConstantDims + 2 * latents_of(request.shape);
  const std::uint32_t block = std::max(32U, dtype_info(request.dtype).block_size);
  if (request.predictor_rank >= least && request.predictor_rank % block == 0 &&
      request.predictor_rank <= kMost)
    return {};
  return invalid_argument("predictor-rank: {}, want a multiple of {} from {} to {}",
                          request.predictor_rank, block, least, kMost);
}

Status check_family(const Request& request) {
  if (request.family != "llama" && request.family != "arcee")
    return invalid_argument("family: '{}', want llama or arcee", request.family);
  if (request.family == "llama") return {};
  if (request.silu) return invalid_argument("family: {}, want llama for SiLU", request.family);
  if (request.layout == Layout::powerinfer)
    return invalid_argument("family: {}, want llama for layout powerinfer", request.family);
  return {};
}

}  // namespace

std::uint32_t default_rank(const Shape& shape) {
  const std::uint32_t usual = shape.d_model * 3 / 8 / 32 * 32;
  return std::max(usual, kConstantDims + 2 * latents_of(shape));
}

Result<Request> checked(Request request) {
  if (!dtype_info(request.dtype).is_weight)
    return invalid_argument("dtype: {}, want that of a weight", dtype_info(request.dtype).name);
  SYNFIRE_RETURN_IF_ERROR(check_shape(request.shape, request.dtype));
  if (!(request.active > 0 && request.active <= 1))
    return invalid_argument("active: {}, want a share above 0, up to 1", request.active);
  SYNFIRE_RETURN_IF_ERROR(check_family(request));
  if (request.layout != Layout::powerinfer) {
    if (request.predictor_rank != 0)
      return invalid_argument("predictor-rank: {}, want layout powerinfer, which has predictors",
                              request.predictor_rank);
    return request;
  }
  if (request.silu) return invalid_argument("layout: powerinfer, want a ReLU activation");
  if (!gguf::code_of_dtype(request.dtype, true))
    return invalid_argument("dtype: {}, which PowerInfer's files cannot hold",
                            dtype_info(request.dtype).name);
  if (request.predictor_rank == 0) request.predictor_rank = default_rank(request.shape);
  SYNFIRE_RETURN_IF_ERROR(check_rank(request));
  return request;
}

}  // namespace synfire::synth
