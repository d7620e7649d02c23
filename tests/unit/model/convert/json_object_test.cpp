#include "core/model/convert/json_object.hpp"

#include <gtest/gtest.h>

namespace synfire::convert {
namespace {

JsonObject parsed(std::string_view text) {
  auto object = JsonObject::parse(text, "c.json");
  EXPECT_TRUE(object.ok()) << object.status().to_string();
  return *object;
}

TEST(JsonObject, GivesWhatIsThere) {
  const JsonObject object =
      parsed(R"({"t": "x", "f": true, "n": 0.5, "c": 7, "o": {"c": 8}, "z": null})");
  EXPECT_EQ(*object.text("t"), "x");
  EXPECT_TRUE(*object.flag("f"));
  EXPECT_EQ(*object.number("n"), 0.5);
  EXPECT_EQ(*object.number("c"), 7);
  EXPECT_EQ(*object.count("c"), 7U);
  EXPECT_EQ(*object.object("o")->count("c"), 8U);
  EXPECT_FALSE(object.has("z"));
  EXPECT_EQ(*object.count_or("z", 3), 3U);
  EXPECT_EQ(*object.text_or("absent", "y"), "y");
}

TEST(JsonObject, ErrorsNameFileKeyGotAndWanted) {
  const JsonObject object = parsed(R"({"t": "x", "n": -1, "h": 0.5, "o": {}, "a": []})");
  EXPECT_EQ(object.count("k").status().message(), "c.json: key k: missing");
  EXPECT_EQ(object.count("t").status().message(),
            "c.json: key t: \"x\", want a whole number from 0 on");
  EXPECT_EQ(object.count("n").status().message(),
            "c.json: key n: -1, want a whole number from 0 on");
  EXPECT_EQ(object.count("h").status().message(),
            "c.json: key h: 5E-1, want a whole number from 0 on");
  EXPECT_EQ(object.text("o").status().message(), "c.json: key o: an object, want a string");
  EXPECT_EQ(object.object("a").status().message(), "c.json: key a: an array, want an object");
  EXPECT_EQ(object.object("o")->flag("f").status().message(), "c.json: o: key f: missing");
  EXPECT_EQ(object.number("t").status().message(), "c.json: key t: \"x\", want a number");
}

TEST(JsonObject, WhatIsNoObjectIsAnError) {
  EXPECT_EQ(JsonObject::parse("[1]", "c.json").status().message(),
            "c.json: an array, want an object");
  for (const char* text : {"", "{", "{\"a\": }", "{} {}", "{\"a\": \"\xff\"}"})
    EXPECT_FALSE(JsonObject::parse(text, "c.json").ok()) << text;
}

}  // namespace
}  // namespace synfire::convert
