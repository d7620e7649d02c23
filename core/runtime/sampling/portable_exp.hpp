#pragma once

namespace synfire {

// e^x for x <= 0, relative error below 4e-16, 0 below -708. Additions and multiplications only, so
// it gives the same bits on every machine with IEEE 754; a C library's exp() need not, as it
// chooses by CPU.
[[nodiscard]] double portable_exp(double x);

}  // namespace synfire
