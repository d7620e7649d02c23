#include "core/runtime/sampling/sampling_params.hpp"

#include <cstddef>

namespace synfire {
namespace {

constexpr double kMaxTemperature = 100;
constexpr double kMaxPenalty = 1000;  // with float logits no sum can overflow

// Comparisons are false for NaN, so NaN fails them all.
Status in_range(std::string_view field, double value, double min, double max) {
  if (value >= min && value <= max) return {};
  return invalid_argument("{}: {}, want a number from {} to {}", field, value, min, max);
}

Status above_zero(std::string_view field, double value, double max) {
  if (value > 0 && value <= max) return {};
  return invalid_argument("{}: {}, want a number above 0, up to {}", field, value, max);
}

Status check_bias(std::size_t index, const LogitBias& bias, std::uint32_t n_vocab) {
  if (bias.id < 0 || static_cast<std::uint32_t>(bias.id) >= n_vocab) {
    return invalid_argument("logit_bias[{}]: token {}, want an id below {}", index, bias.id,
                            n_vocab);
  }
  return in_range(fmt::format("logit_bias[{}]", index), bias.bias, -kMaxPenalty, kMaxPenalty);
}

}  // namespace

Status SamplingParams::validate(std::uint32_t n_vocab) const {
  SYNFIRE_RETURN_IF_ERROR(in_range("temperature", temperature, 0, kMaxTemperature));
  SYNFIRE_RETURN_IF_ERROR(above_zero("top_p", top_p, 1));
  SYNFIRE_RETURN_IF_ERROR(in_range("min_p", min_p, 0, 1));
  SYNFIRE_RETURN_IF_ERROR(above_zero("repeat_penalty", repeat_penalty, kMaxPenalty));
  SYNFIRE_RETURN_IF_ERROR(
      in_range("presence_penalty", presence_penalty, -kMaxPenalty, kMaxPenalty));
  SYNFIRE_RETURN_IF_ERROR(
      in_range("frequency_penalty", frequency_penalty, -kMaxPenalty, kMaxPenalty));
  for (std::size_t i = 0; i < logit_bias.size(); ++i) {
    SYNFIRE_RETURN_IF_ERROR(check_bias(i, logit_bias[i], n_vocab));
  }
  return {};
}

}  // namespace synfire
