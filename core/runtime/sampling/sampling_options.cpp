#include "core/runtime/sampling/sampling_options.hpp"

namespace synfire {

SamplingParams sampling_from_options(const OptionValues& values) {
  SamplingParams params;
  params.temperature = values.get<double>("temp");
  params.top_k = static_cast<std::uint32_t>(values.get<std::uint64_t>("top-k"));
  params.top_p = values.get<double>("top-p");
  params.min_p = values.get<double>("min-p");
  params.repeat_penalty = values.get<double>("repeat-penalty");
  params.presence_penalty = values.get<double>("presence-penalty");
  params.frequency_penalty = values.get<double>("frequency-penalty");
  params.penalty_window = static_cast<std::uint32_t>(values.get<std::uint64_t>("penalty-window"));
  params.logit_bias = values.get<std::vector<LogitBias>>("logit-bias");
  params.seed = values.get<std::uint64_t>("seed");
  return params;
}

}  // namespace synfire
