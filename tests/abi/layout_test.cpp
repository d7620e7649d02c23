#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "plugins/abi/synfire_backend.h"
#include "plugins/abi/synfire_plugin.h"
#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/ops.h"
#include "tests/abi/layout.h"
#include "tests/support/paths.hpp"

// A built plugin keeps the layouts that it was compiled with. layout.golden is what they were when
// they were first given out: its lines may grow in number, none may ever change (but for the size
// of a struct that carries struct_size and grew at its tail).
namespace synfire {
namespace {

#define S LAYOUT_STRUCT
#define F LAYOUT_MEMBER
const layout_entry kLayoutInCxx[] = {
#include "tests/abi/layout_members.inc"
    {nullptr, "", 0, 0}};
#undef S
#undef F

// "sf_op.id 4 4": offset and size of a member; "sf_op 80": size of a struct.
std::string to_text(const layout_entry* entries) {
  std::ostringstream text;
  for (const layout_entry* entry = entries; entry->type != nullptr; ++entry) {
    text << entry->type;
    if (*entry->member != '\0') text << '.' << entry->member << ' ' << entry->offset;
    text << ' ' << entry->size << '\n';
  }
  return text.str();
}

std::string golden() {
  std::ifstream file(test::data_file("../abi/layout.golden"));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Layout, InCppIsTheGoldenOne) { EXPECT_EQ(to_text(kLayoutInCxx), golden()); }

TEST(Layout, InCIsTheGoldenOne) { EXPECT_EQ(to_text(layout_in_c()), golden()); }

// A member that the list lacks would show as a hole: plain data of ours never needs 8 bytes of
// padding.
TEST(Layout, ListHasEveryMember) {
  std::size_t end = 0;
  std::size_t size = 0;
  for (const layout_entry* entry = kLayoutInCxx; entry->type != nullptr; ++entry) {
    if (*entry->member == '\0') {
      EXPECT_LT(size - end, 4u) << "before " << entry->type;
      size = entry->size;
      end = 0;
      continue;
    }
    ASSERT_GE(entry->offset, end) << entry->type << '.' << entry->member;
    EXPECT_LT(entry->offset - end, 4u) << "before " << entry->type << '.' << entry->member;
    end = entry->offset + entry->size;
  }
  EXPECT_LT(size - end, 4u);
}

}  // namespace
}  // namespace synfire
