/* It can register host memory and not take that back. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_backend_api api;
  static sf_plugin plugin;
  api = stub_api;
  api.unregister_host_memory = NULL;
  plugin = stub_plugin;
  plugin.api = &api;
  return &plugin;
}
