/* Its table ends before the api member. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.struct_size = offsetof(sf_plugin, api);
  return &plugin;
}
