#include "core/engine/message_codec.hpp"

#include <cstring>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/crc32c.hpp"
#include "core/tensor/host_region.hpp"
#include "tests/unit/engine/random_messages.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kTypes = std::variant_size_v<WireMessage>;

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

template <typename T>
void put(Bytes& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// As an honest sender of these bytes would send them.
Bytes sealed(Bytes bytes) {
  put(bytes, kMessageHeaderBytes - 8, std::uint64_t{bytes.size() - kMessageHeaderBytes});
  put(bytes, kMessageChecksumOffset, message_checksum(bytes));
  return bytes;
}

Status refusal(const Bytes& bytes) {
  const Result<WireMessage> message = decode(bytes);
  EXPECT_FALSE(message.ok());
  return message.status();
}

// `message` with `value` at `offset`, sealed again.
template <typename T>
std::string refused_with(const WireMessage& message, std::size_t offset, T value) {
  Bytes bytes = encode(message);
  put(bytes, offset, value);
  return refusal(sealed(bytes)).message();
}

Activation dense_2x3() {
  return {{7, 8, 9}, 1, {2, 3}, ElementType::f16, 2, 3, false, {}, Bytes(12)};
}
Activation sparse_2x3() {
  return {{7, 8, 9}, 1, {2, 3}, ElementType::f16, 2, 3, true, {0, 2}, Bytes(8)};
}

class MessageCodecType : public testing::TestWithParam<std::size_t> {};

TEST_P(MessageCodecType, RoundTripsWithRandomContents) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const WireMessage message = test::RandomMessages(seed).of_type(GetParam());
    const Bytes bytes = encode(message);
    const Result<WireMessage> decoded = decode(bytes);
    ASSERT_TRUE(decoded.ok()) << seed << ": " << decoded.status().to_string();
    EXPECT_EQ(*decoded, message) << seed;
    EXPECT_EQ(encode(*decoded), bytes) << seed;
  }
}

TEST_P(MessageCodecType, EveryFlippedBitIsSeen) {
  const Bytes bytes = encode(test::RandomMessages(5).of_type(GetParam()));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(decode(flipped).ok()) << "bit " << bit;
  }
}

TEST_P(MessageCodecType, EveryShorterMessageIsRefused) {
  const Bytes bytes = encode(test::RandomMessages(6).of_type(GetParam()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes beginning(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(refusal(beginning).code(), StatusCode::data_loss) << size;
    // Also where its sender means it so: fields are missing, or what is there contradicts itself.
    if (size >= kMessageHeaderBytes) {
      EXPECT_FALSE(decode(sealed(beginning)).ok()) << size;
    }
  }
}

TEST_P(MessageCodecType, TrailingBytesAreRefused) {
  Bytes bytes = encode(test::RandomMessages(7).of_type(GetParam()));
  bytes.push_back(std::byte{0});
  EXPECT_THAT(refusal(bytes).message(), HasSubstr("payload length"));
  EXPECT_FALSE(decode(sealed(bytes)).ok());
}

INSTANTIATE_TEST_SUITE_P(Types, MessageCodecType, testing::Range(std::size_t{0}, kTypes));

TEST(MessageCodec, Crc32cOfTheStandardsVectors) {
  const auto of = [](std::string_view text) {
    return crc32c(std::as_bytes(std::span(text.data(), text.size())));
  };
  EXPECT_EQ(of(""), 0U);
  EXPECT_EQ(of("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(Bytes(32)), 0x8A9136AAU);  // RFC 3720, B.4: 32 zeros
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0xFF})), 0x62A8AB43U);
  const Bytes bytes(32);
  EXPECT_EQ(crc32c(std::span(bytes).subspan(5), crc32c(std::span(bytes).first(5))), crc32c(bytes));
}

TEST(MessageCodec, TheLayoutDoesNotDrift) {
  Activation message{
      {0x0102030405060708, 9, 10}, 11, {12, 13}, ElementType::bf16, 1, 5, true, {1, 4}, {}};
  for (const int byte : {0xA0, 0xA1, 0xB0, 0xB1}) message.payload.push_back(std::byte(byte));
  std::string wanted =
      "53464d47 0100 0300 "                                  // magic, version, type
      "0807060504030201 0900000000000000 0a00000000000000 "  // epoch, request, step
      "0b000000 1e000000 01000000 05000000 01000000 "        // sequence, dtype, rows, cols, flags
      "cde94c66 1c00000000000000 "                           // checksum, payload length
      "0c000000 0d00000000000000 "                           // event
      "02000000 01000000 04000000 "                          // indices
      "a0a1b0b1";                                            // payload
  std::erase(wanted, ' ');
  EXPECT_EQ(hex(encode(message)), wanted);
}

TEST(MessageCodec, FramesThatAreNotOurs) {
  const WireMessage message = CancelStep{{1, 2, 3}};
  EXPECT_THAT(refused_with(message, 0, std::uint32_t{0}),
              HasSubstr("magic: 0x00000000, want 0x474d4653"));
  EXPECT_THAT(refused_with(message, 4, std::uint16_t{0}), HasSubstr("version: 0, want 1 to 1"));
  EXPECT_THAT(refused_with(message, 6, std::uint16_t{0}),
              HasSubstr("message type: 0, want 1 to 6"));
  EXPECT_THAT(refused_with(message, 6, std::uint16_t{7}),
              HasSubstr("message type: 7, want 1 to 6"));
  Bytes bytes = encode(message);
  bytes.back() = std::byte{1};  // of the length: 2^56 bytes
  EXPECT_THAT(refusal(bytes).message(),
              HasSubstr("payload length: 72057594037927936 bytes, but 0 follow the header"));
  bytes = encode(message);
  bytes[8] = std::byte{77};
  EXPECT_EQ(refusal(bytes).code(), StatusCode::data_loss);
  EXPECT_THAT(refusal(bytes).message(), HasSubstr("checksum: 0x"));
}

TEST(MessageCodec, ANewerVersionIsUnimplemented) {
  Bytes bytes = encode(CancelStep{{1, 2, 3}});
  put(bytes, 4, std::uint16_t{2});
  EXPECT_EQ(refusal(bytes).code(), StatusCode::unimplemented);
  EXPECT_EQ(refusal(bytes).message(), "message: version: 2, want at most 1");
}

TEST(MessageCodec, AMessageBeyondTheLimitIsNotLookedAt) {
  const auto region = HostRegion::allocate(kMaxMessageBytes + 1);  // never touched: costs nothing
  ASSERT_TRUE(region.ok());
  EXPECT_THAT(decode({region->data(), region->bytes()}).status().message(),
              StartsWith("message: 1073741825 bytes, want at most 1073741824"));
}

TEST(MessageCodec, HeaderFieldsWithoutMeaningAreZero) {
  const WireMessage cancel = CancelStep{{1, 2, 3}}, stop = StopDevice{};
  EXPECT_EQ(refused_with(cancel, 32, 1U), "cancel_step: sequence: 1, want 0 in a cancel_step");
  EXPECT_EQ(refused_with(cancel, 36, 1U), "cancel_step: dtype: 1, want 0 in a cancel_step");
  EXPECT_EQ(refused_with(cancel, 40, 1U), "cancel_step: rows: 1, want 0 in a cancel_step");
  EXPECT_EQ(refused_with(cancel, 44, 1U), "cancel_step: cols: 1, want 0 in a cancel_step");
  EXPECT_EQ(refused_with(cancel, 48, 1U), "cancel_step: flags: 1, want 0 in a cancel_step");
  EXPECT_EQ(refused_with(stop, 8, 1U), "stop_device: epoch: 1, want 0 in a stop_device");
  EXPECT_EQ(refused_with(stop, 16, 1U), "stop_device: request: 1, want 0 in a stop_device");
  EXPECT_EQ(refused_with(stop, 24, 1U), "stop_device: step: 1, want 0 in a stop_device");
}

TEST(MessageCodec, CountsAreBelievedOnlyAsFarAsTheBytesReach) {
  EXPECT_EQ(
      refused_with(RunStep{}, 64, UINT32_MAX),
      "run_step: batch.tokens: 4294967295 entries, want at most the 6 that 24 bytes can hold");
  EXPECT_EQ(refused_with(RunStep{}, 88, UINT32_MAX),
            "run_step: runs: 4294967295 entries, want at most the 0 that 0 bytes can hold");
  RunStep with_run;
  with_run.runs.resize(1);
  EXPECT_EQ(refused_with(with_run, 108, 2U),
            "run_step: inputs: 2 entries, want at most the 0 that 4 bytes can hold");
  EXPECT_EQ(refused_with(StepDone{}, 72, 105U),
            "step_done: status.message: 105 entries, want at most the 104 that 104 bytes can hold");
  EXPECT_EQ(refused_with(StepDone{}, 72, 104U), "step_done: busy_ns: 0 bytes are left, want 8");
}

TEST(MessageCodec, EnumsOutsideTheirRange) {
  EXPECT_EQ(refused_with(StepDone{}, 68, 16), "step_done: status.code: 16, want 0 to 15");
  EXPECT_EQ(refused_with(DeviceDown{}, 68, -1), "device_down: status.code: -1, want 0 to 15");
  RunStep step;
  step.runs.push_back({{}, {PortMessage{}}, {}});
  EXPECT_EQ(refused_with(step, 116, 3U), "run_step: buffer.kind: 3, want one of 1, 2");
}

TEST(MessageCodec, ActivationsWhoseShapeAndPayloadDisagree) {
  const auto payload = [](Activation a, std::size_t bytes) {
    a.payload.resize(bytes);
    return refusal(encode(a)).message();
  };
  EXPECT_EQ(payload(dense_2x3(), 10),
            "activation: payload: 10 bytes, want 2 rows of 3 elements of 2 bytes");
  EXPECT_EQ(payload(dense_2x3(), 13),
            "activation: payload: 13 bytes, want 2 rows of 3 elements of 2 bytes");
  EXPECT_EQ(payload(sparse_2x3(), 12),
            "activation: payload: 12 bytes, want 2 rows of 2 elements of 2 bytes");
  EXPECT_EQ(refused_with(dense_2x3(), 36, 0U),
            "activation: payload: 12 bytes, want 2 rows of 3 elements of 4 bytes");
  EXPECT_THAT(refused_with(dense_2x3(), 36, 2U),
              HasSubstr("dtype: 2, want 0 (F32), 1 (F16) or 30 (BF16)"));
  EXPECT_THAT(refused_with(dense_2x3(), 48, 2U), HasSubstr("flags: 0x2, want no other than 0x1"));
  // 2^32 - 1 by 2^32 - 1 elements.
  Activation huge = dense_2x3();
  huge.rows = huge.cols = UINT32_MAX;
  EXPECT_THAT(refusal(encode(huge)).message(), HasSubstr("want 4294967295 rows of 4294967295"));
}

TEST(MessageCodec, ActivationsWithBadIndices) {
  Activation a = dense_2x3();
  a.indices = {1};
  EXPECT_EQ(refusal(encode(a)).message(),
            "activation: indices: 1 entries, want none in a dense activation");
  a = sparse_2x3();
  a.indices = {0, 3};
  EXPECT_EQ(refusal(encode(a)).message(), "activation: indices[1]: 3, want less than cols 3");
  a.indices = {2, 2};
  EXPECT_EQ(refusal(encode(a)).message(),
            "activation: indices[1]: 2, want more than the 2 before it");
}

}  // namespace
}  // namespace synfire
