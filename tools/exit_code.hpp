#pragma once

namespace synfire::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // it did not work; a verification that FAILs
inline constexpr int kExitUsage = 2;    // the command line, an option or the configuration is wrong
// After a signal that ended the work: 128 + its number, as shells have it.
inline constexpr int kExitSignal = 128;

}  // namespace synfire::cli
