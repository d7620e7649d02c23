#pragma once

#include <cstdint>
#include <memory>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/error.hpp"
#include "plugins/sdk/option_reader.hpp"
#include "plugins/sdk/predictor_layer.hpp"
#include "plugins/sdk/predictor_model.hpp"

// C++ sugar over the predictor ABI: write a class that makes one PredictorLayer per layer, and one
// macro makes the plugin. Exceptions become sf_errors here.
namespace synfire::sdk {

// The C table of a predictor class P:
//   static constexpr const char *kName, *kVersion, *kDescription;
//   P(const PredictorModel& model, OptionReader& options);   // both borrowed for the call
//   PredictorLayer& layer(std::uint32_t index);              // lives as long as the P
// Options that P did not ask for are refused after it was made.
template <typename P>
struct PredictorTable {
  static sf_error* initialize(const sf_host* table) {
    host() = table;
    return nullptr;
  }
  static void shutdown() {}
  static sf_error* open(const sf_model_desc* model, const sf_options* options,
                        sf_predictor** predictor) {
    return guard([&] {
      OptionReader reader("", *options);
      auto made = std::make_unique<P>(PredictorModel(*model), reader);
      reader.finish();
      *predictor = reinterpret_cast<sf_predictor*>(made.release());
    });
  }
  static void close(sf_predictor* predictor) { delete reinterpret_cast<P*>(predictor); }
  static sf_error* describe_layer(sf_predictor* predictor, std::uint32_t index,
                                  sf_predictor_layer* out) {
    return guard([&] { reinterpret_cast<P*>(predictor)->layer(index).describe(*out); });
  }

  static constexpr sf_predictor_api kApi = {sizeof(sf_predictor_api), 0,      &open, &close,
                                            &describe_layer,          nullptr};
  static constexpr sf_plugin kPlugin = {
      sizeof(sf_plugin), SYNFIRE_ABI_MAJOR, SYNFIRE_ABI_MINOR, SF_PLUGIN_PREDICTOR, P::kName,
      P::kVersion,       P::kDescription,   &initialize,       &shutdown,           &kApi};
};

}  // namespace synfire::sdk

// The plugin's one exported symbol, for a predictor class.
#define SYNFIRE_PREDICTOR_PLUGIN(P)                                       \
  extern "C" SYNFIRE_EXPORT const sf_plugin* synfire_plugin_query(void) { \
    return &::synfire::sdk::PredictorTable<P>::kPlugin;                   \
  }
