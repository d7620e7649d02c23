/* It cannot be initialized, and must not be asked again. */
#include "tests/abi/plugins/stub_backend.h"

static sf_error* initialize(const sf_host* host) {
  stub_host = host;
  stub_say("initialize");
  return host->error_create(14, "no accelerator answers");
}

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.initialize = initialize;
  return &plugin;
}
