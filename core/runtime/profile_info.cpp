#include "core/runtime/profile_info.hpp"

#include "core/model/fingerprint.hpp"

namespace synfire {

ProfileInfo ProfileInfo::of(const GgufFile& model, const Program& program) {
  const Hparams& h = program.hparams;
  ProfileInfo info;
  info.model = model_fingerprint(model);
  info.activation = activation_name(h.activation);
  info.n_layers = h.n_layers;
  info.d_model = h.d_model;
  info.d_ff = h.d_ff;
  return info;
}

bool ProfileInfo::has_activity() const {
  const Result<std::uint32_t> known = parse_activation(activation);
  return known.ok() && is_relu_family(*known);
}

}  // namespace synfire
