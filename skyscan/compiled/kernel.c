/* The compiled kernel: the likelihoods of tracks, showers and losses in layered ice, for many
   points in parameter space.

   It is compiled where a scan is planned, and runs on the machines of a pool. It therefore uses
   nothing but C: no library, no header, and no option for a processor. Operations are single ones
   of doubles, exactly rounded (no fused ones: -ffp-contract=off), so that all machines of an
   architecture compute the same bytes.

   DOMs are computed in blocks, step by step for the whole block: the compiler can then take two or
   four at a time, and the processor need not wait for one DOM before it begins the next. Arrays of
   DOMs are filled up to a multiple of LANES; what is beyond the last DOM does not count.

   kernel_avx2.c has all once more, for processors with AVX2, which take four doubles at a time.
   Their bytes are the same. */

#ifndef TARGET
#define TARGET
#define NAMED(NAME) NAME
#endif

#define API __attribute__((visibility("default")))

#include "light.c"
#include "track.c"
#include "shower.c"
#include "losses.c"
#include "search.c"

/* For m points (m, N) of directions `rows`. */
#define FUNCTIONS(KIND, N)                                                                       \
    API void NAMED(KIND##_values)(const void *model, Int m, const Int *rows,                     \
                                  const double *points, double *llh, double *energies)           \
    { values_of(KIND##_llh, N, model, m, rows, points, llh, energies); }                         \
    API void NAMED(KIND##_minima)(const void *model, Int m, const Int *rows,                     \
                                  const Search *search, double *points, double *llh,             \
                                  Int *evaluations)                                              \
    { minima_of(KIND##_llh, N, model, m, rows, search, points, llh, evaluations); }

FUNCTIONS(track, 3)
FUNCTIONS(shower, 4)
FUNCTIONS(losses, 3)

/* Energies are (m, most_segments). */
API void NAMED(losses_details)(const void *model, Int m, const Int *rows, const double *points,
                               double *llh, double *times, double *energies)
{
    details_of(model, m, rows, points, llh, times, energies);
}

API void NAMED(logs)(Int n, const double *x, double *found)
{
    for (Int i = 0; i < n; i++)
        found[i] = log_of(x[i]);
}

API void NAMED(exps)(Int n, const double *x, double *found)
{
    for (Int i = 0; i < n; i++)
        found[i] = exp_of(x[i]);
}
