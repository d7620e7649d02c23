#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/status.hpp"

// What actors say to each other: plain data, no pointers, no callbacks, so that a device actor can
// move to another machine. message_codec.hpp gives each its bytes.
namespace synfire {

using DeviceId = std::uint32_t;  // index into the engine's devices

enum class MemoryKind : std::uint8_t { host = 1, device = 2 };

// A stretch of a memory region that the engine made known to the devices.
struct BufferRef {
  std::uint32_t region = 0;
  MemoryKind kind = MemoryKind::host;
  std::uint64_t offset = 0, length = 0;  // bytes
  friend bool operator==(const BufferRef&, const BufferRef&) = default;
};

// Signalled once the counter in `slot` has reached `value`.
struct EventRef {
  std::uint32_t slot = 0;
  std::uint64_t value = 0;
  friend bool operator==(const EventRef&, const EventRef&) = default;
};

// Who a message is about.
struct MessageHeader {
  std::uint64_t epoch = 0;    // of the placement; a message of another epoch is dropped
  std::uint64_t request = 0;  // 0: of no single request
  std::uint64_t step = 0;
  friend bool operator==(const MessageHeader&, const MessageHeader&) = default;
};

// One step's tokens; the fields of sf_batch.
struct StepBatch {
  std::vector<std::int32_t> tokens;
  std::vector<std::uint32_t> positions;     // [n_tokens]
  std::vector<std::uint32_t> sequences;     // [n_tokens] rows of block_tables
  std::vector<std::uint32_t> wanted;        // token indices whose logits are wanted, rising
  std::vector<std::uint32_t> block_tables;  // [n_sequences, max_blocks]
  std::uint32_t max_blocks = 0;
  friend bool operator==(const StepBatch&, const StepBatch&) = default;

  [[nodiscard]] std::uint32_t n_tokens() const { return static_cast<std::uint32_t>(tokens.size()); }
  [[nodiscard]] std::uint32_t n_sequences() const {
    return max_blocks == 0 ? 0 : static_cast<std::uint32_t>(block_tables.size() / max_blocks);
  }
};

struct PortMessage {
  BufferRef buffer;
  EventRef event;
  friend bool operator==(const PortMessage&, const PortMessage&) = default;
};

// A compiled stage of a device. The generation rises when the slot is compiled anew.
struct StageHandle {
  std::uint64_t epoch = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const StageHandle&, const StageHandle&) = default;
};

struct StageRun {
  StageHandle stage;
  std::vector<PortMessage> inputs, outputs;
  friend bool operator==(const StageRun&, const StageRun&) = default;
};

// Scheduler to device: run these stages in this order, each as soon as its inputs are signalled.
struct RunStep {
  MessageHeader header;
  StepBatch batch;
  std::vector<StageRun> runs;
  friend bool operator==(const RunStep&, const RunStep&) = default;
};

// What a device did since it was opened; sf_counters says what each means. All 0: it does not
// count.
struct DeviceCounts {
  std::uint64_t stages = 0, tokens = 0;
  std::uint64_t busy_ns = 0, wait_ns = 0;
  std::uint64_t weight_bytes = 0, neuron_bytes = 0;
  std::uint64_t neurons = 0, active = 0;
  std::uint64_t gate_rows = 0, up_rows = 0, down_rows = 0;
  friend bool operator==(const DeviceCounts&, const DeviceCounts&) = default;
};

// Device to scheduler: the step's stages on this device have ended. Exactly one per RunStep.
struct StepDone {
  MessageHeader header;
  DeviceId device = 0;
  Status status;
  std::uint64_t busy_ns = 0;  // in stages
  std::uint64_t wait_ns = 0;  // for input events
  DeviceCounts counts = {};
  friend bool operator==(const StepDone&, const StepDone&) = default;
};

enum class ElementType : std::uint32_t { f32 = 0, f16 = 1, bf16 = 30 };  // GGUF's numbers

// A hidden state, or a partial sum, on its way to another machine. Dense: [rows, cols] elements.
// Sparse: `indices` name the columns that are sent, the same for all rows; the others are zero.
struct Activation {
  MessageHeader header;
  std::uint32_t sequence = 0;
  EventRef event;  // signalled when the payload has arrived
  ElementType dtype = ElementType::f32;
  std::uint32_t rows = 0, cols = 0;
  bool sparse = false;
  std::vector<std::uint32_t> indices;  // rising; empty when dense
  std::vector<std::byte> payload;      // rows x (cols or indices) elements
  friend bool operator==(const Activation&, const Activation&) = default;
};

// Control lane: to a device.
struct CancelStep {
  MessageHeader header;
  friend bool operator==(const CancelStep&, const CancelStep&) = default;
};
struct StopDevice {
  friend bool operator==(const StopDevice&, const StopDevice&) = default;
};
// Control lane: to the scheduler.
struct DeviceDown {
  DeviceId device = 0;
  Status status;
  friend bool operator==(const DeviceDown&, const DeviceDown&) = default;
};

using WireMessage = std::variant<RunStep, StepDone, Activation, CancelStep, StopDevice, DeviceDown>;

}  // namespace synfire
