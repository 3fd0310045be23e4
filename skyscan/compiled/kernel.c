/* The compiled kernel: one file for the compiler. */

#include "likelihood.c"
#include "losses.c"
