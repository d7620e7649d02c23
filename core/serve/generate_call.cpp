#include "core/serve/generate_call.hpp"

#include <utility>

#include "core/serve/grpc_status.hpp"
#include "core/serve/grpc_translate.hpp"

namespace synfire {
namespace {

// About what a token takes in a message.
std::size_t size_of(const TokenEvent& token) {
  constexpr std::size_t kPerNumber = 16;
  return token.text.size() + kPerNumber * (1 + token.top.size());
}

}  // namespace

std::shared_ptr<GenerateCall> GenerateCall::make(Engine& engine, CallRegistry& calls,
                                                 Limits limits) {
  std::shared_ptr<GenerateCall> call(new GenerateCall(engine, calls, limits));
  call->self_ = call;
  return call;
}

GenerateCall::GenerateCall(Engine& engine, CallRegistry& calls, Limits limits)
    : engine_(engine), calls_(calls), limits_(limits) {}

void GenerateCall::submit(GenerateRequest request) {
  registered_ = calls_.enter(*this);
  if (!registered_) return refuse({StatusCode::unavailable, "server: draining"});
  Result<RequestId> id = engine_.submit(std::move(request), shared_from_this());
  if (!id.ok()) return refuse(id.status());
  bool cancel_now = false;
  {
    const std::lock_guard lock(mutex_);
    id_ = *id;
    cancel_now = cancel_wanted_;
  }
  if (cancel_now) engine_.cancel(*id);
}

void GenerateCall::refuse(const Status& status) { end(to_grpc(status)); }

void GenerateCall::cancel() {
  std::optional<RequestId> id;
  {
    const std::lock_guard lock(mutex_);
    cancel_wanted_ = true;
    id = id_;
  }
  if (id) engine_.cancel(*id);
}

void GenerateCall::on_token(const TokenEvent& token) {
  std::unique_lock lock(mutex_);
  if (end_ || gone_) return;
  append(token, limits_.logprobs, next_);
  next_bytes_ += size_of(token);
  if (next_bytes_ <= limits_.max_lag_bytes) return pump(std::move(lock));

  end_ = to_grpc(error(StatusCode::resource_exhausted,
                       "client: {} bytes behind, the server keeps {} for a call", next_bytes_,
                       limits_.max_lag_bytes));
  next_.Clear();
  next_bytes_ = 0;
  pump(std::move(lock));
  cancel();
}

void GenerateCall::on_finish(const FinishEvent& finish) {
  if (!finish.status.ok()) return end(to_grpc(finish.status));
  std::unique_lock lock(mutex_);
  if (end_) return;
  append(finish, next_);
  next_bytes_ += 1;
  end_ = grpc::Status::OK;
  pump(std::move(lock));
}

void GenerateCall::end(grpc::Status status) {
  std::unique_lock lock(mutex_);
  if (end_) return;
  end_ = std::move(status);
  pump(std::move(lock));
}

// Starts what may start now. gRPC is called without the lock: the flags, set under it, say that
// nobody else calls gRPC meanwhile.
void GenerateCall::pump(std::unique_lock<std::mutex> lock) {
  if (writing_ || finished_) return;
  const bool write = next_bytes_ > 0 && !gone_;
  if (!write && !end_) return;
  if (write) {
    std::swap(leaving_, next_);
    next_.Clear();
    next_bytes_ = 0;
  }
  writing_ = write;
  const bool finish = finished_ = end_.has_value();
  lock.unlock();

  if (!finish) return StartWrite(&leaving_);
  if (write) return StartWriteAndFinish(&leaving_, grpc::WriteOptions(), *end_);
  Finish(*end_);
}

void GenerateCall::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  if (!ok) gone_ = true;
  pump(std::move(lock));
  if (!ok) cancel();
}

void GenerateCall::OnCancel() {
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
  }
  cancel();
  // Without waiting for the engine: a device that hangs must not keep the call, or the server.
  end({grpc::StatusCode::CANCELLED, "call: cancelled"});
}

void GenerateCall::OnDone() {
  const std::shared_ptr<GenerateCall> last = std::move(self_);
  if (registered_) calls_.leave(*this);
}

}  // namespace synfire
