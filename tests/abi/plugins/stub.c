/* Nothing is wrong with this one. Built under several file names, twice under one name of its own.
 */
#include "tests/abi/plugins/stub_backend.h"

const sf_plugin* synfire_plugin_query(void) { return &stub_plugin; }
