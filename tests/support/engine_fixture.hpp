#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/engine.hpp"

namespace synfire::test {

// A configuration over this build's plugins, the tests' own included. `devices` as users write
// them.
EngineConfig engine_config(std::string_view model, std::string_view devices);

// Keeps what a request produced, and lets a test wait for its end.
class RecordingSink final : public RequestSink {
 public:
  void on_token(const TokenEvent& token) override;
  void on_finish(const FinishEvent& finish) override;

  // Waits; the test's own timeout ends one that never comes.
  FinishEvent wait();
  std::vector<TokenEvent> tokens() const;
  std::vector<std::int32_t> ids() const;
  std::string text() const;
  int ends() const;
  // Waits until `count` tokens came, or the end.
  void wait_for_tokens(std::size_t count);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TokenEvent> tokens_;
  std::optional<FinishEvent> finish_;
  int ends_ = 0;
};

// Greedy, `n` tokens after `prompt`.
GenerateRequest greedy(std::vector<std::int32_t> prompt, std::uint32_t n);

}  // namespace synfire::test
