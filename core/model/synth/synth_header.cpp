#include "core/model/synth/synth_header.hpp"

#include <string>

#include <fmt/format.h>

#include "core/model/file_type.hpp"
#include "core/model/synth/made_vocabulary.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::synth {
namespace {

constexpr float kNormEps = 1e-5F;
constexpr float kRopeBase = 10000.0F;

void set_shape(GgufHeader& header, const Request& request) {
  const Shape& shape = request.shape;
  const std::string a(request.family);
  header.set(a + ".vocab_size", shape.n_vocab);
  header.set(a + ".context_length", request.context);
  header.set(a + ".embedding_length", shape.d_model);
  header.set(a + ".block_count", shape.n_layers);
  header.set(a + ".feed_forward_length", shape.d_ff);
  header.set(a + ".attention.head_count", shape.n_heads);
  header.set(a + ".attention.head_count_kv", shape.n_kv_heads);
  header.set(a + ".attention.layer_norm_rms_epsilon", kNormEps);
  header.set(a + ".rope.freq_base", kRopeBase);
  header.set(a + ".rope.dimension_count", shape.head_dim());
}

std::string_view activation_name(std::uint32_t activation) {
  if (activation == SF_ACTIVATION_SILU) return "silu";
  return activation == SF_ACTIVATION_RELU2 ? "relu2" : "relu";
}

void set_activity(GgufHeader& header, const Request& request, const Activity& activity) {
  header.set("synfire.synth.seed", request.seed);
  if (request.silu) return;
  const auto set = [&](const char* key, double share) {
    if (share >= 0) header.set(key, static_cast<float>(share));
  };
  set("synfire.synth.wanted_share", request.active);
  set("synfire.activity.active_share", activity.active);
  set("synfire.activity.token_overlap", activity.overlap);
  set("synfire.activity.predicted_share", activity.predicted);
  set("synfire.activity.recall", activity.recall);
  set("synfire.activity.precision", activity.precision);
}

}  // namespace

Result<GgufHeader> header_of(const SynthModel& model, const Activity& activity) {
  const Request& request = model.request();
  const bool powerinfer = request.layout == Layout::powerinfer;
  GgufHeader header(powerinfer ? GgufHeader::Magic::powerinfer : GgufHeader::Magic::gguf);
  header.set("general.architecture", request.family);
  header.set("general.name",
             fmt::format("synthetic {} {}", request.shape.name, dtype_info(request.dtype).name));
  header.set("general.file_type", file_type_of(request.dtype));
  set_shape(header, request);
  if (powerinfer) header.set("powerinfer.sparse_threshold", 0.0F);
  header.set("synfire.ffn.activation", activation_name(model.design().activation));
  set_activity(header, request, activity);
  set_vocabulary(header, request.shape.n_vocab);
  for (const Tensor& tensor : model.tensors())
    SYNFIRE_RETURN_IF_ERROR(header.add_tensor(tensor.name, tensor.dtype, tensor.shape));
  return header;
}

}  // namespace synfire::synth
