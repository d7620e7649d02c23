#include "core/serve/grpc_client.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <grpcpp/create_channel.h>

#include "core/serve/control_translate.hpp"
#include "core/serve/grpc_log.hpp"
#include "core/serve/grpc_status.hpp"
#include "core/serve/grpc_translate.hpp"
#include "synfire/v1/synfire.grpc.pb.h"

namespace synfire {
namespace {

using SystemTime = std::chrono::system_clock::time_point;
using CancelOnStop = std::stop_callback<std::function<void()>>;

// How often a wait for a connection looks whether it should stop.
constexpr Duration kLook = std::chrono::milliseconds(100);

SystemTime after(Duration duration) {
  constexpr Duration kMost = std::chrono::hours(24 * 365);
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<SystemTime::duration>(std::min(duration, kMost));
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void set_deadline(const GrpcClient::CallOptions& options, grpc::ClientContext& context) {
  if (options.deadline) context.set_deadline(after(*options.deadline));
}

v1::GenerateRequest to_message(const GrpcClient::Prompt& prompt, const GenerateRequest& request) {
  v1::GenerateRequest message;
  if (const auto* text = std::get_if<std::string>(&prompt.input)) {
    message.set_text(*text);
  } else {
    const auto& ids = std::get<std::vector<std::int32_t>>(prompt.input);
    message.mutable_token_ids()->mutable_ids()->Add(ids.begin(), ids.end());
  }
  message.set_parse_special(prompt.parse_special);
  *message.mutable_sampling() = to_proto(request.sampling);
  message.set_max_tokens(request.max_tokens);
  for (const std::string& stop : request.stop) message.add_stop(stop);
  message.set_ignore_eos(request.ignore_eos);
  message.set_logprobs(request.logprobs);
  message.set_top_logprobs(request.top_logprobs);
  return message;
}

TokenEvent to_token(std::int32_t id, const v1::Logprob& logprob) {
  TokenEvent token;
  token.id = id;
  token.text = logprob.text();
  token.logprob = logprob.logprob();
  for (const auto& other : logprob.top()) token.top.emplace_back(other.token_id(), other.logprob());
  return token;
}

GrpcClient::Chunk to_chunk(const v1::GenerateResponse& message) {
  GrpcClient::Chunk chunk;
  chunk.text = message.text();
  chunk.ids.assign(message.token_ids().begin(), message.token_ids().end());
  const int n = std::min(message.logprobs_size(), message.token_ids_size());
  for (int i = 0; i < n; ++i)
    chunk.tokens.push_back(to_token(message.token_ids(i), message.logprobs(i)));
  return chunk;
}

// Takes out of a last chunk the text that belongs to none of its tokens. Where no logprobs came, it
// cannot be told from theirs and stays.
std::string take_held_back(GrpcClient::Chunk& chunk) {
  std::size_t of_tokens = chunk.ids.empty() || !chunk.tokens.empty() ? 0 : chunk.text.size();
  for (const TokenEvent& token : chunk.tokens) of_tokens += token.text.size();
  of_tokens = std::min(of_tokens, chunk.text.size());
  std::string held_back = chunk.text.substr(of_tokens);
  chunk.text.resize(of_tokens);
  return held_back;
}

}  // namespace

class GrpcClient::Impl {
 public:
  explicit Impl(const Endpoint& server)
      : name_(server.to_string()),
        channel_(grpc::CreateChannel(name_, grpc::InsecureChannelCredentials())),
        inference_(v1::Inference::NewStub(channel_)),
        control_(v1::Control::NewStub(channel_)) {}

  Status wait(Duration limit, const std::stop_token& stop);
  Result<FinishEvent> generate(const v1::GenerateRequest& request,
                               const std::function<void(const Chunk&)>& on_chunk,
                               const CallOptions& options);
  Result<ModelInfo> model(const CallOptions& options);

 private:
  const std::string name_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Inference::Stub> inference_;
  std::unique_ptr<v1::Control::Stub> control_;
};

Status GrpcClient::Impl::wait(Duration limit, const std::stop_token& stop) {
  for (Duration waited{}; waited < limit; waited += kLook) {
    if (stop.stop_requested()) return {StatusCode::cancelled, "server " + name_ + ": cancelled"};
    if (channel_->WaitForConnected(after(std::min(kLook, limit - waited)))) return {};
  }
  return error(StatusCode::unavailable, "server {}: no answer within {:g} s", name_,
               seconds(limit));
}

Result<FinishEvent> GrpcClient::Impl::generate(const v1::GenerateRequest& request,
                                               const std::function<void(const Chunk&)>& on_chunk,
                                               const CallOptions& options) {
  grpc::ClientContext context;
  set_deadline(options, context);
  const CancelOnStop cancel(options.stop, [&context] { context.TryCancel(); });
  const auto reader = inference_->Generate(&context, request);
  std::optional<FinishEvent> finish;
  v1::GenerateResponse message;
  while (reader->Read(&message)) {
    Chunk chunk = to_chunk(message);
    if (message.has_finish()) {
      finish = from_proto(message.finish());
      finish->text = take_held_back(chunk);
    }
    if (!chunk.ids.empty() || !chunk.text.empty()) on_chunk(chunk);
  }
  if (const Status status = from_grpc(reader->Finish()); !status.ok()) return status;
  if (!finish) return error(StatusCode::internal, "server {}: ended without a finish", name_);
  return *std::move(finish);
}

Result<ModelInfo> GrpcClient::Impl::model(const CallOptions& options) {
  grpc::ClientContext context;
  set_deadline(options, context);
  const CancelOnStop cancel(options.stop, [&context] { context.TryCancel(); });
  v1::GetModelInfoResponse response;
  const grpc::Status status = control_->GetModelInfo(&context, {}, &response);
  if (!status.ok()) return from_grpc(status);
  return from_proto(response);
}

GrpcClient::GrpcClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcClient::~GrpcClient() = default;

Result<std::unique_ptr<GrpcClient>> GrpcClient::connect(const Endpoint& server, Duration limit,
                                                        const std::stop_token& stop) {
  route_grpc_log();
  auto impl = std::make_unique<Impl>(server);
  SYNFIRE_RETURN_IF_ERROR(impl->wait(limit, stop));
  return std::unique_ptr<GrpcClient>(new GrpcClient(std::move(impl)));
}

Result<FinishEvent> GrpcClient::generate(const Prompt& prompt, const GenerateRequest& request,
                                         const std::function<void(const Chunk&)>& on_chunk,
                                         const CallOptions& options) {
  return impl_->generate(to_message(prompt, request), on_chunk, options);
}

Result<ModelInfo> GrpcClient::model(const CallOptions& options) { return impl_->model(options); }

}  // namespace synfire
