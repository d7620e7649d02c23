#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plugins/abi/synfire_plugin.h"

namespace synfire::host {

// Keys and values for a plugin, as a user wrote them: {"cores", "0-3"}.
using Options = std::vector<std::pair<std::string, std::string>>;

// Options in the ABI's form. Borrows: `options` must outlive it.
class OptionsView {
 public:
  explicit OptionsView(const Options& options);
  OptionsView(const OptionsView&) = delete;
  OptionsView& operator=(const OptionsView&) = delete;

  [[nodiscard]] const sf_options* get() const { return &view_; }

 private:
  std::vector<const char*> keys_;
  std::vector<const char*> values_;
  sf_options view_{};
};

}  // namespace synfire::host
