#define SYNFIRE_LEVEL_NAME "avx2"
#define SYNFIRE_LEVEL_TABLE avx2_kernels
#include "backends/cpu/kernels/level-inl.hpp"
