#include "core/actor/down.hpp"

namespace synfire {

std::string_view to_string(DownReason reason) {
  switch (reason) {
    case DownReason::stopped: return "stopped";
    case DownReason::failed: return "failed";
    case DownReason::killed: return "killed";
    case DownReason::executor_stopped: return "executor stopped";
  }
  return "unknown";
}

}  // namespace synfire
