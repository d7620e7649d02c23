#pragma once

#include <memory>
#include <optional>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

namespace synfire::test {

// A call of any method with messages as bytes: for the services whose .proto files this project
// does not have. Blocks; one thread.
class RawCall {
 public:
  // "/package.Service/Method". Sends one message.
  RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
          const std::string& message);
  ~RawCall();
  RawCall(const RawCall&) = delete;
  RawCall& operator=(const RawCall&) = delete;

  // The next message, or nothing after the last.
  std::optional<std::string> read();

 private:
  bool step();  // waits for the one operation on its way

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

// HealthCheckResponse.status of a service: 1 SERVING, 2 NOT_SERVING.
inline constexpr char kServing[] = "\x08\x01";
inline constexpr char kNotServing[] = "\x08\x02";

// HealthCheckRequest of a service with a name shorter than 128 bytes.
std::string health_request(const std::string& service);

}  // namespace synfire::test
