/* The query gives no table. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  return stub_api.struct_size == 0 ? &stub_plugin : NULL;
}
