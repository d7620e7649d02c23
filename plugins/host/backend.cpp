#include "plugins/host/backend.hpp"

#include "plugins/host/host_table.hpp"

namespace synfire::host {

std::uint32_t Backend::device_count() const { return plugin_->backend().device_count(); }

Status Backend::check_index(std::uint32_t index) const {
  const std::uint32_t count = device_count();
  if (index < count) return {};
  return error(StatusCode::out_of_range, "{}: device {}, want less than {}", plugin_->context(),
               index, count);
}

Result<sf_device_info> Backend::describe(std::uint32_t index) const {
  SYNFIRE_RETURN_IF_ERROR(check_index(index));
  sf_device_info info{};
  info.struct_size = sizeof info;
  SYNFIRE_RETURN_IF_ERROR(
      take_error(plugin_->backend().describe_device(index, &info), plugin_->context()));
  info.description[sizeof info.description - 1] = '\0';
  return info;
}

Result<Device> Backend::open_device(std::uint32_t index, const Options& options) const {
  SYNFIRE_RETURN_IF_ERROR(check_index(index));
  const OptionsView view(options);
  sf_device* device = nullptr;
  SYNFIRE_RETURN_IF_ERROR(
      take_error(plugin_->backend().open_device(index, view.get(), &device), plugin_->context()));
  if (device == nullptr)
    return error(StatusCode::internal, "{}: open_device succeeded but gave nothing",
                 plugin_->context());
  return Device(plugin_, device);
}

}  // namespace synfire::host
