#include "core/serve/grpc_server.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "core/base/log.hpp"
#include "core/serve/bind_check.hpp"
#include "core/serve/call_registry.hpp"
#include "core/serve/control_service.hpp"
#include "core/serve/grpc_log.hpp"
#include "core/serve/health_watch.hpp"
#include "core/serve/inference_service.hpp"

namespace synfire {
namespace {

// For answers that are on their way.
constexpr Duration kShutdownGrace = std::chrono::milliseconds(200);

constexpr int kKeepaliveMs = 30'000;         // between pings of silent clients
constexpr int kKeepaliveTimeoutMs = 10'000;  // for the answer; then the client is gone

// gRPC keeps these two switches per process.
void enable_extensions() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void set_arguments(grpc::ServerBuilder& builder, const ServerConfig& config) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  builder.SetMaxReceiveMessageSize(static_cast<int>(std::min(config.max_request_bytes, kMost)));
  // Two servers on one port would share its calls by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const ServerConfig& config, Engine& engine)
      : endpoint_(config.listen),
        cancel_grace_(config.cancel_grace),
        engine_(engine),
        inference_(engine, calls_, config.max_lag_bytes),
        control_(engine) {}

  ~Impl() { stop(); }

  Status start(const ServerConfig& config);
  bool drain(Duration limit);
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  void set_health(bool serving);
  void stop();

  Endpoint endpoint_;
  const Duration cancel_grace_;
  Engine& engine_;
  CallRegistry calls_;
  InferenceService inference_;
  ControlService control_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<HealthWatch> watch_;  // after server_: it speaks to the server's health service
  std::once_flag drained_;
  bool all_finished_ = false;  // by drain()
};

Status GrpcServer::Impl::start(const ServerConfig& config) {
  SYNFIRE_RETURN_IF_ERROR(check_bind(config.listen));
  enable_extensions();
  grpc::ServerBuilder builder;
  set_arguments(builder, config);
  int port = 0;
  builder.AddListeningPort(endpoint_.to_string(), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&inference_);
  builder.RegisterService(&control_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0)
    return error(StatusCode::unavailable, "listen {}: gRPC refused it", endpoint_.to_string());
  endpoint_.port = static_cast<std::uint16_t>(port);
  if (!is_loopback(endpoint_.host))
    log::warning("listen {}: open to others, without encryption", endpoint_.to_string());
  set_health(true);
  watch_.emplace(engine_, config.health_interval, [this](const DeviceStatus& device) {
    log::error("device {}: lost: {}", device.name, device.lost_reason);
    set_health(false);
  });
  return {};
}

void GrpcServer::Impl::set_health(bool serving) {
  constexpr std::array kServices = {"", "synfire.v1.Inference", "synfire.v1.Control"};
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  for (const char* service : kServices) health->SetServingStatus(service, serving);
}

bool GrpcServer::Impl::drain(Duration limit) {
  std::call_once(drained_, [&] {
    const TimePoint end = SteadyClock().now() + limit;
    server_->GetHealthCheckService()->Shutdown();  // NOT_SERVING, for good
    calls_.close();
    const bool all_ended = engine_.drain(limit);
    if (!all_ended) calls_.cancel_all();
    // What ended may still be on its way to its client.
    const Duration left = std::max(end - SteadyClock().now(), Duration::zero());
    const bool all_sent = calls_.wait_until_empty(all_ended ? left : cancel_grace_);
    all_finished_ = all_ended && all_sent;
    stop();
  });
  return all_finished_;
}

void GrpcServer::Impl::stop() {
  if (server_ == nullptr) return;
  calls_.close();
  calls_.cancel_all();
  // Calls that are still open then are cancelled by gRPC, and end without the engine's help.
  server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  server_->Wait();
}

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(const ServerConfig& config, Engine& engine) {
  route_grpc_log();
  auto impl = std::make_unique<Impl>(config, engine);
  SYNFIRE_RETURN_IF_ERROR(impl->start(config));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

const Endpoint& GrpcServer::endpoint() const { return impl_->endpoint(); }
bool GrpcServer::drain(Duration limit) { return impl_->drain(limit); }

}  // namespace synfire
