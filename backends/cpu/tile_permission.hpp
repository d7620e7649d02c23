#pragma once

#include <string>

namespace synfire::cpu {

// Asks the operating system to let this process use the tile registers, which Linux (since 5.16)
// saves only for those who ask: before their first use, once for all threads. Empty if it does, or
// why it does not. Asking again changes nothing.
std::string request_tiles();

}  // namespace synfire::cpu
