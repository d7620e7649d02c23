/* Of a newer minor version: both tables go on behind what this version of the ABI knows. */
#include "tests/abi/plugins/stub_backend.h"

static const struct {
  sf_backend_api known;
  void (*unknown)(void);
} newer_api = {STUB_API(sizeof(sf_backend_api) + sizeof(void*)), stub_shutdown};

const sf_plugin* synfire_plugin_query(void) {
  static struct {
    sf_plugin known;
    const void* unknown;
  } newer;
  newer.known = stub_plugin;
  newer.known.struct_size = sizeof newer;
  newer.known.abi_minor = SYNFIRE_ABI_MINOR + 7;
  newer.known.api = &newer_api;
  newer.unknown = &newer;
  return &newer.known;
}
