#include "backends/cpu/tile_permission.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace synfire::cpu {

std::string request_tiles() {
  // asm/prctl.h of older systems lacks them.
  constexpr unsigned long kRequestState = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr unsigned long kTileData = 18;          // the state's bit in XCR0
  if (syscall(SYS_arch_prctl, kRequestState, kTileData) == 0) return {};
  // ENOSPC: some thread has an alternate signal stack that could not hold them.
  return "arch_prctl: " + std::error_code(errno, std::generic_category()).message();
}

}  // namespace synfire::cpu
