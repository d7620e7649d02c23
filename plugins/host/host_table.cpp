#include "plugins/host/host_table.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

struct sf_error {
  std::int32_t code;
  std::string message;
};

namespace synfire::host {
namespace {

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

sf_error* error_create(std::int32_t code, const char* message) {
  constexpr auto kInternal = static_cast<std::int32_t>(StatusCode::internal);
  return new sf_error{code == 0 ? kInternal : code, std::string(text_of(message))};
}

std::int32_t error_code(const sf_error* error) { return error == nullptr ? 0 : error->code; }

const char* error_message(const sf_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}

void error_destroy(sf_error* error) { delete error; }

// Numbers that gRPC does not know become UNKNOWN, as gRPC does it.
StatusCode code_of(std::int32_t number) {
  const bool known = number > 0 && number <= static_cast<std::int32_t>(StatusCode::data_loss);
  return known ? static_cast<StatusCode>(number) : StatusCode::unknown;
}

log::Level level_of(std::int32_t level) {
  switch (level) {
    case SF_LOG_DEBUG: return log::Level::debug;
    case SF_LOG_INFO: return log::Level::info;
    case SF_LOG_WARNING: return log::Level::warning;
    default: return log::Level::error;
  }
}

void write_to_log(log::Level level, std::string_view plugin, std::string_view message) {
  if (log::enabled(level)) log::write(level, fmt::format("plugin {}: {}", plugin, message));
}

// The sink of the process. A line under way keeps the sink that it began with.
class Sink {
 public:
  std::shared_ptr<const LogSink> get() {
    const std::lock_guard lock(mutex_);
    return sink_;
  }
  void set(LogSink sink) {
    auto fresh = std::make_shared<const LogSink>(sink ? std::move(sink) : LogSink(write_to_log));
    const std::lock_guard lock(mutex_);
    sink_.swap(fresh);
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const LogSink> sink_ = std::make_shared<const LogSink>(write_to_log);
};

// Never destroyed: plugins may log until the process ends.
Sink& sink() {
  static Sink& instance = *new Sink;
  return instance;
}

void log_line(std::int32_t level, const char* plugin, const char* message) {
  (*sink().get())(level_of(level), text_of(plugin), text_of(message));
}

constexpr sf_host kHost = {sizeof(sf_host), SYNFIRE_ABI_MAJOR, SYNFIRE_ABI_MINOR, 0,
                           &error_create,   &error_code,       &error_message,    &error_destroy,
                           &log_line};

}  // namespace

const sf_host& host_table() { return kHost; }

Status take_error(sf_error* error, std::string_view context) {
  if (error == nullptr) return {};
  const std::unique_ptr<sf_error> owned(error);
  return Status(code_of(owned->code), std::move(owned->message)).with_context(context);
}

void set_log_sink(LogSink new_sink) { sink().set(std::move(new_sink)); }

}  // namespace synfire::host
