#pragma once

namespace synfire::cpu {

// Where a processor would fault; throws std::logic_error.
[[noreturn]] void tile_fault(const char* what);

}  // namespace synfire::cpu
