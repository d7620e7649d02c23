// In the place of serve.cpp and generate.cpp where the service was not built.

#include "tools/commands.hpp"

namespace synfire::cli {
namespace {

Status not_built(std::string_view command) {
  return error(StatusCode::unimplemented, "{}: built without gRPC (SYNFIRE_BUILD_SERVE is off)",
               command);
}

}  // namespace

Status check_serve(const OptionValues&) { return {}; }
Result<int> serve(const OptionValues&) { return not_built("serve"); }

Status check_generate(const OptionValues&) { return {}; }
Result<int> generate(const OptionValues&) { return not_built("generate"); }

}  // namespace synfire::cli
