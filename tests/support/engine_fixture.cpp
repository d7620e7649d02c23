#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include "core/base/device_spec.hpp"
#include "tests/support/paths.hpp"

namespace synfire::test {

EngineConfig engine_config(std::string_view model, std::string_view devices) {
  EngineConfig config;
  config.model = data_file(model);
  config.plugin_dirs = {plugin_dir(), test_plugin_dir()};
  auto specs = parse_device_specs(devices);
  EXPECT_TRUE(specs.ok()) << specs.status().to_string();
  if (specs.ok()) config.devices = *specs;
  return config;
}

void RecordingSink::on_token(const TokenEvent& token) {
  const std::lock_guard lock(mutex_);
  tokens_.push_back(token);
  changed_.notify_all();
}

void RecordingSink::on_finish(const FinishEvent& finish) {
  const std::lock_guard lock(mutex_);
  finish_ = finish;
  ++ends_;
  changed_.notify_all();
}

FinishEvent RecordingSink::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finish_.has_value(); });
  return *finish_;
}

void RecordingSink::wait_for_tokens(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finish_.has_value() || tokens_.size() >= count; });
}

std::vector<TokenEvent> RecordingSink::tokens() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

std::vector<std::int32_t> RecordingSink::ids() const {
  std::vector<std::int32_t> ids;
  for (const TokenEvent& token : tokens()) ids.push_back(token.id);
  return ids;
}

std::string RecordingSink::text() const {
  std::string text;
  for (const TokenEvent& token : tokens()) text += token.text;
  const std::lock_guard lock(mutex_);
  return finish_ ? text + finish_->text : text;
}

int RecordingSink::ends() const {
  const std::lock_guard lock(mutex_);
  return ends_;
}

GenerateRequest greedy(std::vector<std::int32_t> prompt, std::uint32_t n) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = n;
  return request;
}

}  // namespace synfire::test
