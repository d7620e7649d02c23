/* Its initialize is null. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.initialize = NULL;
  return &plugin;
}
