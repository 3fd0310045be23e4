/* The functions of kernel.c for x86-64 processors with AVX2. */

#ifdef __x86_64__
#define TARGET __attribute__((target("avx2")))
#define NAMED(NAME) NAME##_avx2
#include "kernel.c"
#endif
