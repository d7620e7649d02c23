#define SYNFIRE_LEVEL_NAME "avx2_vnni"
#define SYNFIRE_LEVEL_TABLE avx2_vnni_kernels
#include "backends/cpu/kernels/level-inl.hpp"
