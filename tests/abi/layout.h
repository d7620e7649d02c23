/* The layout of the ABI's structs as one compiler sees it. */
#ifndef SYNFIRE_TESTS_LAYOUT_H
#define SYNFIRE_TESTS_LAYOUT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct layout_entry {
  const char* type;
  const char* member; /* "" for the struct itself */
  size_t offset;
  size_t size;
};

/* As C has it; ends with a NULL type. */
const struct layout_entry* layout_in_c(void);

#ifdef __cplusplus
}
#endif

#define LAYOUT_STRUCT(type) {#type, "", 0, sizeof(type)},
#define LAYOUT_MEMBER(type, member) \
  {#type, #member, offsetof(type, member), sizeof(((const type*)0)->member)},

#endif
