#include "tests/unit/serve/raw_call.hpp"

#include <vector>

namespace synfire::test {
namespace {

std::string to_string(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return {};
  std::string text;
  for (const grpc::Slice& slice : slices)
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

}  // namespace

RawCall::RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                 const std::string& message)
    : stream_(grpc::GenericStub(channel).PrepareCall(&context_, method, &queue_)) {
  stream_->StartCall(nullptr);
  step();
  const grpc::Slice slice(message);
  stream_->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  step();
}

RawCall::~RawCall() {
  context_.TryCancel();
  grpc::Status status;
  stream_->Finish(&status, nullptr);
  step();
  queue_.Shutdown();
  while (step()) continue;
}

std::optional<std::string> RawCall::read() {
  grpc::ByteBuffer buffer;
  stream_->Read(&buffer, nullptr);
  if (!step()) return std::nullopt;
  return to_string(buffer);
}

bool RawCall::step() {
  void* tag = nullptr;
  bool ok = false;
  return queue_.Next(&tag, &ok) && ok;
}

std::string health_request(const std::string& service) {
  std::string message = "\x0A";  // field 1, of bytes
  message += static_cast<char>(service.size());
  return message + service;
}

}  // namespace synfire::test
