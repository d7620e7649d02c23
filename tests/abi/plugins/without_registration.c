/* Of its optional functions it has none. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_backend_api api;
  static sf_plugin plugin;
  api = stub_api;
  api.register_host_memory = NULL;
  api.unregister_host_memory = NULL;
  api.counters = NULL;
  plugin = stub_plugin;
  plugin.shutdown = NULL;
  plugin.description = NULL;
  plugin.api = &api;
  return &plugin;
}
