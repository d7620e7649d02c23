#include "tests/unit/serve/scripted_engine.hpp"

#include <utility>

namespace synfire::test {

std::unique_ptr<Tokenizer> small_tokenizer() {
  Vocab vocab;
  const auto add = [&vocab](std::string piece, TokenType type) {
    vocab.pieces.push_back(std::move(piece));
    vocab.scores.push_back(0);
    vocab.types.push_back(type);
  };
  add("<unk>", TokenType::unknown);
  add("<s>", TokenType::control);
  add("</s>", TokenType::control);
  for (char letter = 'a'; letter <= 'z'; ++letter) add(std::string(1, letter), TokenType::normal);
  add(std::string(kSentencePieceSpace), TokenType::normal);  // 29
  add("<0xC3>", TokenType::byte);
  add("<0xA4>", TokenType::byte);  // 31
  vocab.unk = 0;
  vocab.bos = 1;
  vocab.eos = 2;
  vocab.add_bos = true;
  vocab.add_eos = true;
  return *Tokenizer::create(std::move(vocab));
}

void ScriptedEngine::Request::token(std::int32_t token_id, const std::string& text) const {
  sink->on_token({.id = token_id, .text = text, .logprob = -0.5, .top = {{token_id, -0.5}}});
}

void ScriptedEngine::Request::finish(FinishReason reason, const std::string& text) const {
  FinishEvent event;
  event.reason = reason;
  if (reason == FinishReason::cancelled) event.status = {StatusCode::cancelled, "request: ended"};
  event.text = text;
  event.usage = {static_cast<std::uint32_t>(request.prompt.size()), 7};
  event.timings = {std::chrono::microseconds(1), std::chrono::microseconds(2),
                   std::chrono::microseconds(3)};
  sink->on_finish(event);
}

void ScriptedEngine::Request::fail(const Status& status) const {
  FinishEvent event;
  event.reason = FinishReason::error;
  event.status = status;
  sink->on_finish(event);
}

ScriptedEngine::ScriptedEngine(bool with_tokenizer)
    : tokenizer_(with_tokenizer ? small_tokenizer() : nullptr) {}

ScriptedEngine::Request ScriptedEngine::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return taken_ < requests_.size(); });
  return requests_[taken_++];
}

void ScriptedEngine::wait_cancelled(RequestId id) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return cancelled_.contains(id); });
}

void ScriptedEngine::wait_draining() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return draining_; });
}

void ScriptedEngine::lose_device(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  lost_reason_ = reason;
}

void ScriptedEngine::let_drain_end() {
  const std::lock_guard lock(mutex_);
  drained_ = true;
  changed_.notify_all();
}

Result<RequestId> ScriptedEngine::submit(GenerateRequest request,
                                         std::shared_ptr<RequestSink> sink) {
  if (refuse) return *refuse;
  std::unique_lock lock(mutex_);
  const Request& added = requests_.emplace_back(
      Request{RequestId{100} + requests_.size(), std::move(request), std::move(sink)});
  const Request copy = added;
  changed_.notify_all();
  lock.unlock();
  if (on_submit) on_submit(copy);
  return copy.id;
}

void ScriptedEngine::cancel(RequestId id) {
  std::unique_lock lock(mutex_);
  if (!cancelled_.insert(id).second) return;
  const Request request = requests_.at(id - 100);
  changed_.notify_all();
  lock.unlock();
  if (on_cancel) on_cancel(request);
}

bool ScriptedEngine::drain(Duration limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  changed_.notify_all();
  return changed_.wait_for(lock, limit, [this] { return drained_; });
}

Result<std::vector<float>> ScriptedEngine::logits(std::span<const std::int32_t>) {
  return error(StatusCode::unimplemented, "logits: not in the script");
}
Status ScriptedEngine::observe(std::span<const std::int32_t>, TapSink&) {
  return error(StatusCode::unimplemented, "observe: not in the script");
}

ModelInfo ScriptedEngine::model() const {
  ModelInfo model{};
  model.name = "scripted \xFF";  // names in files need not be UTF-8
  model.path = "/models/scripted.gguf";
  model.architecture = "llama";
  model.description = "a script";
  model.license = "Apache-2.0";
  model.n_layers = 2;
  model.d_model = 8;
  model.d_ff = 32;
  model.n_heads = 4;
  model.n_kv_heads = 3;
  model.n_vocab = kVocab;
  model.context_trained = 5;
  model.context = kContext;
  model.activation = "relu";
  model.weight_dtype = "Q8_0";
  model.parameters = 6;
  model.weight_bytes = 7;
  return model;
}

std::vector<DeviceStatus> ScriptedEngine::devices() const {
  const std::lock_guard lock(mutex_);
  return {{"cpu:0", "first", false, "", 11, 12, {}},
          {"cpu:1", "second", !lost_reason_.empty(), lost_reason_, 13, 14, {}}};
}

std::vector<PluginStatus> ScriptedEngine::plugins() const {
  return {{"/p/a.so", "cpu", "backend", "1.2", ""}, {"/p/b.so", "", "", "", "no such file"}};
}

PlacementInfo ScriptedEngine::placement() const {
  PlacementInfo info;
  info.kind = "neuron";
  info.predictor = "exact";
  info.epoch = 3;
  info.layers = {{0, "cpu:0", {{"cpu:0", 10}, {"cpu:1", 22}}}};
  info.notes = {"a note"};
  return info;
}

EngineStats ScriptedEngine::stats() const {
  EngineStats stats{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  stats.uptime = std::chrono::microseconds(13);
  return stats;
}

}  // namespace synfire::test
