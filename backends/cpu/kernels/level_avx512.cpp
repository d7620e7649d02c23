#define SYNFIRE_LEVEL_NAME "avx512"
#define SYNFIRE_LEVEL_TABLE avx512_kernels
#include "backends/cpu/kernels/level-inl.hpp"
