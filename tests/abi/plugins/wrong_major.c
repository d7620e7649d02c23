/* Of another major version. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.abi_major = SYNFIRE_ABI_MAJOR + 1;
  return &plugin;
}
