#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/engine/messages.hpp"

namespace synfire::test {

// Messages of every type with random contents; the same seed gives the same ones on every machine.
class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  // `type`: a place in WireMessage.
  WireMessage of_type(std::size_t type) {
    switch (type) {
      case 0: return run_step();
      case 1: return StepDone{header(), number(), status(), random_(), random_(), counts()};
      case 2: return activation(below(2) == 0);
      case 3: return CancelStep{header()};
      case 4: return StopDevice{};
      default: return DeviceDown{number(), status()};
    }
  }

  Activation activation(bool sparse) {
    constexpr ElementType kTypes[] = {ElementType::f32, ElementType::f16, ElementType::bf16};
    Activation a{header(), number(), event(), kTypes[below(3)], below(5), below(20),
                 sparse,   {},       {}};
    for (std::uint32_t col = 0; sparse && col < a.cols; ++col)
      if (below(2) == 0) a.indices.push_back(col);
    const std::size_t row = sparse ? a.indices.size() : a.cols;
    a.payload.resize(a.rows * row * (a.dtype == ElementType::f32 ? 4 : 2));
    for (std::byte& byte : a.payload) byte = static_cast<std::byte>(below(256));
    return a;
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }
  MessageHeader header() { return {random_(), random_(), random_()}; }
  EventRef event() { return {number(), random_()}; }

  DeviceCounts counts() {
    return {random_(), random_(), random_(), random_(), random_(), random_(),
            random_(), random_(), random_(), random_(), random_()};
  }

  Status status() {
    std::string text(below(12), ' ');
    for (char& c : text) c = static_cast<char>(below(256));
    return {static_cast<StatusCode>(below(16)), text};
  }

  template <typename T>
  std::vector<T> numbers() {
    std::vector<T> values(below(6));
    for (T& value : values) value = static_cast<T>(random_());
    return values;
  }

  std::vector<PortMessage> ports() {
    std::vector<PortMessage> made(below(4));
    for (PortMessage& port : made) {
      const auto kind = below(2) == 0 ? MemoryKind::host : MemoryKind::device;
      port = {{number(), kind, random_(), random_()}, event()};
    }
    return made;
  }

  RunStep run_step() {
    RunStep step{header(), {}, std::vector<StageRun>(below(4))};
    step.batch.tokens = numbers<std::int32_t>();
    step.batch.positions = numbers<std::uint32_t>();
    step.batch.sequences = numbers<std::uint32_t>();
    step.batch.wanted = numbers<std::uint32_t>();
    step.batch.block_tables = numbers<std::uint32_t>();
    step.batch.max_blocks = number();
    for (StageRun& run : step.runs) run = {{random_(), number(), number()}, ports(), ports()};
    return step;
  }

  std::mt19937_64 random_;
};

}  // namespace synfire::test
