/* A function that it must have is null. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_backend_api api;
  static sf_plugin plugin;
  api = stub_api;
  api.submit = NULL;
  plugin = stub_plugin;
  plugin.api = &api;
  return &plugin;
}
