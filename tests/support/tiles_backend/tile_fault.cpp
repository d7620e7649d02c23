#include "tests/support/tiles_backend/tile_fault.hpp"

#include <stdexcept>

namespace synfire::cpu {

void tile_fault(const char* what) { throw std::logic_error(what); }

}  // namespace synfire::cpu
