#include "core/serve/grpc_log.hpp"

#include <grpc/support/log.h>

#include "core/base/log.hpp"

namespace synfire {
namespace {

void write(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    log::warning("grpc: {}", args->message);
  } else {
    log::debug("grpc: {}", args->message);
  }
}

}  // namespace

void route_grpc_log() { gpr_set_log_function(write); }

}  // namespace synfire
