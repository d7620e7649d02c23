#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "core/engine/engine.hpp"
#include "core/model/tokenizer/tokenizer.hpp"

namespace synfire::test {

// An engine that does what a test says: the test takes the requests and plays the engine's thread.
// Thread-safe.
class ScriptedEngine final : public Engine {
 public:
  struct Request {
    RequestId id;
    GenerateRequest request;
    std::shared_ptr<RequestSink> sink;

    void token(std::int32_t id, const std::string& text) const;
    void finish(FinishReason reason, const std::string& text = "") const;
    void fail(const Status& status) const;
  };

  static constexpr std::uint32_t kContext = 16;
  static constexpr std::uint32_t kVocab = 64;

  explicit ScriptedEngine(bool with_tokenizer = true);

  // What the engine does, set before it is used.
  std::optional<Status> refuse;                   // every request
  std::function<void(const Request&)> on_submit;  // on the server's thread, before submit() returns
  std::function<void(const Request&)> on_cancel;  // on the canceller's thread

  // The next request that nobody has taken; waits for it.
  Request take();
  // Waits until somebody cancels it.
  void wait_cancelled(RequestId id);
  // Waits until drain() has been called.
  void wait_draining();
  void lose_device(const std::string& reason);
  // drain() returns once this is called, or at its limit.
  void let_drain_end();

  Result<RequestId> submit(GenerateRequest request, std::shared_ptr<RequestSink> sink) override;
  void cancel(RequestId id) override;
  bool drain(Duration limit) override;
  Result<std::vector<float>> logits(std::span<const std::int32_t> tokens) override;
  Status observe(std::span<const std::int32_t> tokens, TapSink& sink) override;
  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }
  ModelInfo model() const override;
  std::vector<DeviceStatus> devices() const override;
  std::vector<PluginStatus> plugins() const override;
  PlacementInfo placement() const override;
  EngineStats stats() const override;

 private:
  const std::unique_ptr<Tokenizer> tokenizer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Request> requests_;  // all, in order
  std::size_t taken_ = 0;
  std::set<RequestId> cancelled_;
  bool draining_ = false, drained_ = false;
  std::string lost_reason_;
};

// Pieces: <unk>, <s>, </s>, the 26 letters and the space, and the two bytes of an umlaut.
std::unique_ptr<Tokenizer> small_tokenizer();

}  // namespace synfire::test
