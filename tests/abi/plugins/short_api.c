/* Its api table lacks the last member. */
#include "tests/abi/plugins/stub_backend.h"

static const sf_backend_api short_api = STUB_API(offsetof(sf_backend_api, measure));

const sf_plugin* synfire_plugin_query(void) {
  static sf_plugin plugin;
  plugin = stub_plugin;
  plugin.api = &short_api;
  return &plugin;
}
