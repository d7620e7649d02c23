/* It needs a function that nobody has. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_function_that_nobody_has(void);

const sf_plugin* synfire_plugin_query(void) {
  return stub_api.struct_size == 0 ? &stub_plugin : synfire_function_that_nobody_has();
}
