#include "plugins/host/options.hpp"

namespace synfire::host {

OptionsView::OptionsView(const Options& options) {
  keys_.reserve(options.size());
  values_.reserve(options.size());
  for (const auto& [key, value] : options) {
    keys_.push_back(key.c_str());
    values_.push_back(value.c_str());
  }
  view_ = {static_cast<std::uint32_t>(options.size()), 0, keys_.data(), values_.data()};
}

}  // namespace synfire::host
