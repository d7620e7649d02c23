#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/base/option.hpp"
#include "core/base/option_rows/bench.hpp"
#include "core/base/option_rows/convert.hpp"
#include "core/base/option_rows/device.hpp"
#include "core/base/option_rows/general.hpp"
#include "core/base/option_rows/inspect.hpp"
#include "core/base/option_rows/model.hpp"
#include "core/base/option_rows/plan.hpp"
#include "core/base/option_rows/predictor.hpp"
#include "core/base/option_rows/profile.hpp"
#include "core/base/option_rows/quantize.hpp"
#include "core/base/option_rows/sampling.hpp"
#include "core/base/option_rows/service.hpp"
#include "core/base/option_rows/synth.hpp"
#include "core/base/option_rows/text.hpp"
#include "core/base/option_rows/verify.hpp"

// The table itself, from its groups in the order of --help; read it through core/base/options.hpp.
namespace synfire {

template <std::size_t... kSizes>
constexpr auto joined_options(const std::array<Option, kSizes>&... groups) {
  std::array<Option, (kSizes + ...)> all;
  auto next = all.begin();
  ((next = std::copy(groups.begin(), groups.end(), next)), ...);
  return all;
}

inline constexpr auto kOptions = joined_options(
    kModelOptions, kDeviceOptions, kTextOptions, kSamplingOptions, kServiceOptions, kVerifyOptions,
    kProfileOptions, kPredictorOptions, kPlanOptions, kInspectOptions, kBenchOptions,
    kConvertOptions, kQuantizeOptions, kSynthOptions, kGeneralOptions);

}  // namespace synfire
