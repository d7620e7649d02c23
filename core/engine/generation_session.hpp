#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.hpp"
#include "core/engine/session.hpp"
#include "core/model/tokenizer/stream_decoder.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "core/runtime/sampling/sampler.hpp"
#include "core/runtime/sampling/stop_strings.hpp"

namespace synfire {

// What a generation is held against.
struct GenerationLimits {
  std::uint32_t n_vocab;
  std::uint32_t context;
};

// Samples tokens until something ends it, and tells the sink.
class GenerationSession final : public Session {
 public:
  // INVALID_ARGUMENT names the field. `tokenizer` may be null and must outlive the session.
  static Result<std::unique_ptr<GenerationSession>> make(RequestId id, GenerateRequest request,
                                                         std::shared_ptr<RequestSink> sink,
                                                         const Tokenizer* tokenizer,
                                                         const GenerationLimits& limits,
                                                         TimePoint now);

  // A session that nobody finished ends with CANCELLED.
  ~GenerationSession() override;

  [[nodiscard]] std::uint32_t max_tokens() const override;
  [[nodiscard]] bool wants_logits(std::uint32_t index) const override {
    return index + 1 == n_tokens();
  }
  void on_start(TimePoint now) override { started_ = now; }
  [[nodiscard]] bool on_logits(std::span<const float> logits, TimePoint now) override;
  void finish(const Status& status, TimePoint now) override;
  void abandon() override { finished_ = true; }

 private:
  GenerationSession(RequestId id, GenerateRequest request, std::shared_ptr<RequestSink> sink,
                    const Tokenizer* tokenizer, Sampler sampler, StopStrings stops,
                    const GenerationLimits& limits, TimePoint now);
  // The token's text as far as it may go out; ends the session where a stop string is met.
  std::string decode(std::int32_t token);
  Status take(std::span<const float> logits);
  [[nodiscard]] bool ends_generation(std::int32_t token) const;

  GenerateRequest request_;  // without its prompt
  std::shared_ptr<RequestSink> sink_;
  const Tokenizer* tokenizer_;
  Sampler sampler_;
  StopStrings stops_;
  std::optional<StreamDecoder> decoder_;
  std::uint32_t context_;
  std::uint32_t n_prompt_;
  std::uint32_t n_completed_ = 0;
  std::optional<FinishReason> reason_;
  bool finished_ = false;
  Status error_;
  TimePoint submitted_;
  std::optional<TimePoint> started_, first_token_, last_token_;
};

}  // namespace synfire
