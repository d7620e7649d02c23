/* Of version 1.0: its api table ends before what came later. */
#include "tests/abi/plugins/stub_backend.h"

static const sf_backend_api older_api = STUB_API(offsetof(sf_backend_api, counters));

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.abi_minor = 0;
  plugin.api = &older_api;
  return &plugin;
}
