#include "plugins/abi/synfire_backend.h"
#include "plugins/abi/synfire_plugin.h"
#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/ops.h"
#include "tests/abi/layout.h"

#define S LAYOUT_STRUCT
#define F LAYOUT_MEMBER
static const struct layout_entry kLayout[] = {
#include "tests/abi/layout_members.inc"
    {NULL, "", 0, 0}};

const struct layout_entry* layout_in_c(void) { return kLayout; }
