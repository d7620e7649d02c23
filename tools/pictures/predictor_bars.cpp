#include <array>

#include "tools/pictures/chart.hpp"
#include "tools/pictures/predictor_picture.hpp"

namespace synfire::cli {

std::string predictor_bars(const std::string& name,
                           const std::vector<PredictorLayerQuality>& layers) {
  Chart chart(fmt::format("Predictor {}, on held-out inputs", name),
              Axis::steps("layer", layers.size()), Axis::percent("share"));
  chart.draw_axes(Chart::Grid::none);
  struct Bar {
    double PredictorLayerQuality::*value;
    const char* text;
  };
  constexpr std::array<Bar, 4> kBars{{{&PredictorLayerQuality::recall, "recall: of what fires"},
                                      {&PredictorLayerQuality::precision, "precision: of guesses"},
                                      {&PredictorLayerQuality::predicted, "predicted, of all"},
                                      {&PredictorLayerQuality::fired, "fire, of all"}}};
  constexpr double kWidth = 0.8 / kBars.size();  // of a layer's step
  for (std::size_t b = 0; b < kBars.size(); ++b) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const double left = static_cast<double>(i) + 0.1 + kWidth * static_cast<double>(b);
      chart.box(left, 0, left + kWidth * 0.92, layers[i].*kBars[b].value, thing_colour(b));
    }
    chart.legend_box(thing_colour(b), kBars[b].text);
  }
  return chart.finish();
}

}  // namespace synfire::cli
