#include "core/engine/message_codec.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/crc32c.hpp"
#include "core/engine/wire_reader.hpp"
#include "core/engine/wire_writer.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kMagic = 0x474D4653;  // "SFMG"
constexpr std::uint32_t kSparse = 1;

constexpr std::array<std::string_view, std::variant_size_v<WireMessage>> kTypeNames{
    "run_step", "step_done", "activation", "cancel_step", "stop_device", "device_down"};

constexpr std::array kMemoryKinds{MemoryKind::host, MemoryKind::device};
constexpr std::array kElementTypes{ElementType::f32, ElementType::f16, ElementType::bf16};

struct WireHeader {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kMessageVersion;
  std::uint16_t type = 0;
  MessageHeader about;
  std::uint32_t sequence = 0, dtype = 0, rows = 0, cols = 0, flags = 0, checksum = 0;
  std::uint64_t length = 0;
};

// A T to be read into, or a const T to be written.
template <typename M, typename T>
concept Either = std::same_as<std::remove_const_t<M>, T>;

// ---- Fields. Each function describes one type for WireReader and WireWriter alike. ----

template <typename Io, Either<WireHeader> H>
void fields(Io& io, H& header) {
  io.number("magic", header.magic);
  io.number("version", header.version);
  io.number("message type", header.type);
  io.number("epoch", header.about.epoch);
  io.number("request", header.about.request);
  io.number("step", header.about.step);
  io.number("sequence", header.sequence);
  io.number("dtype", header.dtype);
  io.number("rows", header.rows);
  io.number("cols", header.cols);
  io.number("flags", header.flags);
  io.number("checksum", header.checksum);
  io.number("payload length", header.length);
}

template <typename Io, Either<Status> S>
void fields(Io& io, S& status) {
  std::int32_t code = static_cast<std::int32_t>(status.code());
  std::string text = status.message();
  io.number("status.code", code);
  io.text("status.message", text);
  if constexpr (!std::is_const_v<S>) {
    constexpr auto kLast = static_cast<std::int32_t>(StatusCode::data_loss);
    if (code < 0 || code > kLast)
      return io.fail(invalid_argument("status.code: {}, want 0 to {}", code, kLast));
    status = Status(static_cast<StatusCode>(code), std::move(text));
  }
}

template <typename Io, Either<EventRef> E>
void fields(Io& io, E& event) {
  io.number("event.slot", event.slot);
  io.number("event.value", event.value);
}

template <typename Io, Either<PortMessage> P>
void fields(Io& io, P& port) {
  io.number("buffer.region", port.buffer.region);
  io.choice("buffer.kind", port.buffer.kind, kMemoryKinds);
  io.number("buffer.offset", port.buffer.offset);
  io.number("buffer.length", port.buffer.length);
  fields(io, port.event);
}

template <typename Io, Either<StageRun> R>
void fields(Io& io, R& run) {
  constexpr std::size_t kPortBytes = 36;
  io.number("stage.epoch", run.stage.epoch);
  io.number("stage.slot", run.stage.slot);
  io.number("stage.generation", run.stage.generation);
  io.list("inputs", run.inputs, kPortBytes, [&](auto& port) { fields(io, port); });
  io.list("outputs", run.outputs, kPortBytes, [&](auto& port) { fields(io, port); });
}

// What encode() puts into the header of any message, and what decode() takes from it.
template <typename M, Either<WireHeader> H>
void header_fields(M& message, H& header) {
  if constexpr (requires { message.header; }) {
    if constexpr (std::is_const_v<M>)
      header.about = message.header;
    else
      message.header = header.about;
  }
}

template <typename Io, Either<RunStep> M>
void fields(Io& io, M& run_step) {
  constexpr std::size_t kLeastRunBytes = 24;
  io.numbers("batch.tokens", run_step.batch.tokens);
  io.numbers("batch.positions", run_step.batch.positions);
  io.numbers("batch.sequences", run_step.batch.sequences);
  io.numbers("batch.wanted", run_step.batch.wanted);
  io.numbers("batch.block_tables", run_step.batch.block_tables);
  io.number("batch.max_blocks", run_step.batch.max_blocks);
  io.list("runs", run_step.runs, kLeastRunBytes, [&](auto& run) { fields(io, run); });
}

template <typename Io, Either<DeviceCounts> C>
void fields(Io& io, C& counts) {
  io.number("counts.stages", counts.stages);
  io.number("counts.tokens", counts.tokens);
  io.number("counts.busy_ns", counts.busy_ns);
  io.number("counts.wait_ns", counts.wait_ns);
  io.number("counts.weight_bytes", counts.weight_bytes);
  io.number("counts.neuron_bytes", counts.neuron_bytes);
  io.number("counts.neurons", counts.neurons);
  io.number("counts.active", counts.active);
  io.number("counts.gate_rows", counts.gate_rows);
  io.number("counts.up_rows", counts.up_rows);
  io.number("counts.down_rows", counts.down_rows);
}

template <typename Io, Either<StepDone> M>
void fields(Io& io, M& done) {
  io.number("device", done.device);
  fields(io, done.status);
  io.number("busy_ns", done.busy_ns);
  io.number("wait_ns", done.wait_ns);
  fields(io, done.counts);
}

template <typename Io, Either<Activation> M>
void fields(Io& io, M& activation) {
  fields(io, activation.event);
  io.numbers("indices", activation.indices);
  io.rest("payload", activation.payload);
}

template <typename Io, Either<DeviceDown> M>
void fields(Io& io, M& down) {
  io.number("device", down.device);
  fields(io, down.status);
}

template <typename Io, Either<CancelStep> M>
void fields(Io&, M&) {}
template <typename Io, Either<StopDevice> M>
void fields(Io&, M&) {}

// ---- Checks ----

Status check_zero(std::string_view name, std::uint64_t got, std::string_view type) {
  if (got == 0) return {};
  return invalid_argument("{}: {}, want 0 in a {}", name, got, type);
}

// A header says nothing that its message has no place for.
template <typename M>
Status check_unused(const WireHeader& h, std::string_view type) {
  if constexpr (!requires(M m) { m.header; }) {
    SYNFIRE_RETURN_IF_ERROR(check_zero("epoch", h.about.epoch, type));
    SYNFIRE_RETURN_IF_ERROR(check_zero("request", h.about.request, type));
    SYNFIRE_RETURN_IF_ERROR(check_zero("step", h.about.step, type));
  }
  if constexpr (!std::same_as<M, Activation>) {
    SYNFIRE_RETURN_IF_ERROR(check_zero("sequence", h.sequence, type));
    SYNFIRE_RETURN_IF_ERROR(check_zero("dtype", h.dtype, type));
    SYNFIRE_RETURN_IF_ERROR(check_zero("rows", h.rows, type));
    SYNFIRE_RETURN_IF_ERROR(check_zero("cols", h.cols, type));
    SYNFIRE_RETURN_IF_ERROR(check_zero("flags", h.flags, type));
  }
  return {};
}

Status check_indices(const Activation& a) {
  if (!a.sparse) {
    if (a.indices.empty()) return {};
    return invalid_argument("indices: {} entries, want none in a dense activation",
                            a.indices.size());
  }
  for (std::size_t i = 0; i < a.indices.size(); ++i) {
    if (a.indices[i] >= a.cols)
      return invalid_argument("indices[{}]: {}, want less than cols {}", i, a.indices[i], a.cols);
    if (i > 0 && a.indices[i] <= a.indices[i - 1])
      return invalid_argument("indices[{}]: {}, want more than the {} before it", i, a.indices[i],
                              a.indices[i - 1]);
  }
  return {};
}

Status check_activation(const Activation& a) {
  SYNFIRE_RETURN_IF_ERROR(check_indices(a));
  const std::uint64_t element = a.dtype == ElementType::f32 ? 4 : 2;
  const std::uint64_t row = a.sparse ? a.indices.size() : a.cols;
  const std::uint64_t elements = a.rows * row;  // below 2^64: both are below 2^32
  if (elements != a.payload.size() / element || a.payload.size() % element != 0)
    return invalid_argument("payload: {} bytes, want {} rows of {} elements of {} bytes",
                            a.payload.size(), a.rows, row, element);
  return {};
}

Status read_shape(const WireHeader& h, Activation& a) {
  const auto dtype = std::find_if(kElementTypes.begin(), kElementTypes.end(), [&](ElementType t) {
    return static_cast<std::uint32_t>(t) == h.dtype;
  });
  if (dtype == kElementTypes.end())
    return invalid_argument("dtype: {}, want 0 (F32), 1 (F16) or 30 (BF16)", h.dtype);
  if ((h.flags & ~kSparse) != 0)
    return invalid_argument("flags: {:#x}, want no other than {:#x}", h.flags, kSparse);
  a.dtype = *dtype;
  a.sequence = h.sequence;
  a.rows = h.rows;
  a.cols = h.cols;
  a.sparse = (h.flags & kSparse) != 0;
  return {};
}

template <typename M>
Status read_message(const WireHeader& header, std::string_view type,
                    std::span<const std::byte> body, M& message) {
  SYNFIRE_RETURN_IF_ERROR(check_unused<M>(header, type));
  if constexpr (std::same_as<M, Activation>) SYNFIRE_RETURN_IF_ERROR(read_shape(header, message));
  header_fields(message, header);
  WireReader reader(body);
  fields(reader, message);
  SYNFIRE_RETURN_IF_ERROR(reader.status());
  if (reader.left() != 0)
    return invalid_argument("payload length: {} bytes, want {}: the message ends there",
                            body.size(), body.size() - reader.left());
  if constexpr (std::same_as<M, Activation>) return check_activation(message);
  return {};
}

// Tries the message types from `Index` on.
template <std::size_t Index = 0>
Result<WireMessage> read_as(const WireHeader& header, std::span<const std::byte> body) {
  if constexpr (Index == kTypeNames.size()) {
    return invalid_argument("message type: {}, want 1 to {}", header.type, kTypeNames.size());
  } else {
    if (header.type != Index + 1) return read_as<Index + 1>(header, body);
    WireMessage message(std::in_place_index<Index>);
    Status status = read_message(header, kTypeNames[Index], body, std::get<Index>(message));
    if (!status.ok()) return status.with_context(kTypeNames[Index]);
    return message;
  }
}

Status check_frame(const WireHeader& header, std::span<const std::byte> bytes) {
  if (header.magic != kMagic)
    return invalid_argument("magic: {:#010x}, want {:#010x}", header.magic, kMagic);
  if (header.version > kMessageVersion)
    return error(StatusCode::unimplemented, "version: {}, want at most {}", header.version,
                 kMessageVersion);
  if (header.version == 0) return invalid_argument("version: 0, want 1 to {}", kMessageVersion);
  const std::size_t body = bytes.size() - kMessageHeaderBytes;
  if (header.length != body)
    return error(header.length > body ? StatusCode::data_loss : StatusCode::invalid_argument,
                 "payload length: {} bytes, but {} follow the header", header.length, body);
  const std::uint32_t wanted = message_checksum(bytes);
  if (header.checksum != wanted)
    return error(StatusCode::data_loss, "checksum: {:#010x}, want {:#010x}", header.checksum,
                 wanted);
  return {};
}

void put_number(std::vector<std::byte>& bytes, std::size_t offset, std::uint64_t value,
                std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace

std::vector<std::byte> encode(const WireMessage& message) {
  WireHeader header;
  header.type = static_cast<std::uint16_t>(message.index() + 1);
  WireWriter writer;
  if (const auto* const activation = std::get_if<Activation>(&message)) {
    header.sequence = activation->sequence;
    header.dtype = static_cast<std::uint32_t>(activation->dtype);
    header.rows = activation->rows;
    header.cols = activation->cols;
    header.flags = activation->sparse ? kSparse : 0;
  }
  std::visit([&](const auto& held) { header_fields(held, header); }, message);
  fields(writer, std::as_const(header));
  std::visit([&](const auto& held) { fields(writer, held); }, message);
  std::vector<std::byte> bytes = writer.take();
  put_number(bytes, kMessageHeaderBytes - 8, bytes.size() - kMessageHeaderBytes, 8);
  put_number(bytes, kMessageChecksumOffset, message_checksum(bytes), 4);
  return bytes;
}

Result<WireMessage> decode(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxMessageBytes)
    return invalid_argument("message: {} bytes, want at most {}", bytes.size(), kMaxMessageBytes);
  if (bytes.size() < kMessageHeaderBytes)
    return error(StatusCode::data_loss, "message: {} bytes, want at least the {} of a header",
                 bytes.size(), kMessageHeaderBytes);
  WireHeader header;
  WireReader reader(bytes.first(kMessageHeaderBytes));
  fields(reader, header);
  Status status = check_frame(header, bytes);
  if (!status.ok()) return status.with_context("message");
  return read_as(header, bytes.subspan(kMessageHeaderBytes));
}

std::uint32_t message_checksum(std::span<const std::byte> message) {
  constexpr std::array<std::byte, 4> kZeros{};
  const std::uint32_t before = crc32c(message.first(kMessageChecksumOffset));
  return crc32c(message.subspan(kMessageChecksumOffset + kZeros.size()), crc32c(kZeros, before));
}

}  // namespace synfire
