#include "core/model/convert/wire_fields.hpp"

#include <gtest/gtest.h>

namespace synfire::convert {
namespace {

using namespace std::string_view_literals;

TEST(WireFields, OfEveryWireType) {
  // 1: varint 300; 2: bytes "hi"; 3: fixed32 1; 4: fixed64 2
  WireFields fields(
      "\x08\xac\x02\x12\x02hi\x1d\x01\x00\x00\x00\x21\x02\x00\x00\x00\x00\x00\x00\x00"sv);
  auto field = fields.next();
  ASSERT_TRUE(field.ok() && *field);
  EXPECT_EQ((*field)->number, 1U);
  EXPECT_EQ((*field)->value, 300U);
  field = fields.next();
  ASSERT_TRUE(field.ok() && *field);
  EXPECT_EQ((*field)->number, 2U);
  EXPECT_EQ((*field)->bytes, "hi");
  EXPECT_TRUE((*field)->is_bytes);
  field = fields.next();
  ASSERT_TRUE(field.ok() && *field);
  EXPECT_EQ((*field)->value, 1U);
  field = fields.next();
  ASSERT_TRUE(field.ok() && *field);
  EXPECT_EQ((*field)->number, 4U);
  EXPECT_EQ((*field)->value, 2U);
  field = fields.next();
  ASSERT_TRUE(field.ok());
  EXPECT_FALSE(*field);
}

TEST(WireFields, WhatIsCutOffOrNoMessage) {
  for (const std::string_view bytes :
       {"\x08"sv, "\x08\xff"sv, "\x12\x05hi"sv, "\x1d\x01\x00"sv, "\x0b"sv, "\x00\x00"sv,
        "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv})
    EXPECT_FALSE(WireFields(bytes).next().ok());
}

}  // namespace
}  // namespace synfire::convert
