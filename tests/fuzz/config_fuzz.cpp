// Reads bytes as a configuration, as a placement plan, and as a list of devices.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/device_spec.hpp"
#include "core/base/options.hpp"
#include "core/config/config_file.hpp"
#include "core/config/plan_file.hpp"

namespace {

using synfire::Command;
using synfire::Status;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// Every error says in which file.
void check(const Status& status) { require(status.ok() || status.message().starts_with("fuzz:")); }

void read_config(std::string_view text) {
  for (const Command command : {Command::run, Command::serve}) {
    synfire::OptionValues values(command);
    check(synfire::load_config_text(values, text, "fuzz"));
  }
}

void read_plan(std::string_view text) {
  const auto plan = synfire::parse_plan_file(text, "fuzz");
  check(plan.status());
  if (!plan.ok()) return;
  require(plan->group_size > 0 && !plan->layers.empty());
  for (const synfire::PlanFile::Layer& layer : plan->layers) {
    for (const synfire::PlanFile::Device& device : layer.devices) {
      require(synfire::parse_device_spec(device.device).ok());
      for (const synfire::PlanFile::Range& range : device.groups)
        require(range.first <= range.last);
    }
  }
}

void read_devices(std::string_view text) {
  const auto devices = synfire::parse_device_specs(text);
  if (!devices.ok()) return;
  for (const synfire::DeviceSpec& device : *devices) {
    const auto again = synfire::parse_device_spec(device.to_string());
    require(again.ok() && *again == device);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_config(text);
  read_plan(text);
  read_devices(text);
  return 0;
}
