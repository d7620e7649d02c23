/* A predictor by its table, a backend by its file name. */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.kind = SF_PLUGIN_PREDICTOR;
  return &plugin;
}
