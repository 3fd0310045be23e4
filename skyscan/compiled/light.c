/* What the likelihoods have in common: mathematics, tables, and the first of N photons. */

#define INLINE static inline __attribute__((always_inline))
#define FUNCTION static TARGET
#define LANES 8
#define BLOCK 64
#define EACH for (int i = 0; i < n; i++)

typedef long long Int;
typedef unsigned long long Bits;
typedef union { double value; Bits bits; } Double;
/* four doubles of an array; operations are those of each */
typedef double Four __attribute__((vector_size(32), aligned(8), may_alias));
#define FOUR(values) (*(const Four *)(values))

INLINE int filled(Int n) { return (int)((n + LANES - 1) / LANES * LANES); }
INLINE int size_of_block(Int n_left) { return (int)(n_left < BLOCK ? n_left : BLOCK); }

INLINE double sum_of(const double *lanes)
{
    double sum = 0.0;
    for (int j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum;
}

#define LN2 0.693147180559945309417
#define LN2_HIGH 6.93147180369123816490e-01 /* its first 33 bits, and the rest */
#define LN2_LOW 1.90821492927058770002e-10
#define PI 3.14159265358979323846
#define ONE 0x3ff0000000000000ULL /* bits of 1, and of the first double above 1/sqrt(2) */
#define HALF_ROOT_2 0x3fe6a09e667f3bceULL
#define LOWEST_EXPONENT -700.0

INLINE double at_least(double x, double least) { return x > least ? x : least; }
INLINE double at_most(double x, double most) { return x < most ? x : most; }

/* ---- logarithm and exponential, with errors below 3e-16 of the larger of 1 and the result ---- */

/* x positive, finite and not subnormal: 2 artanh((m - 1)/(m + 1)) of m = x / 2^exponent, which
   lies between 1/sqrt(2) and sqrt(2) */
INLINE double log_of(double x)
{
    Double it = { x }, power;
    it.bits += ONE - HALF_ROOT_2;
    power.bits = (it.bits >> 52) | 0x4330000000000000ULL; /* 2^52 + exponent + 1023 */
    it.bits = (it.bits & 0x000fffffffffffffULL) + HALF_ROOT_2;
    double exponent = power.value - (4503599627370496.0 + 1023.0), m = it.value;
    double s = (m - 1.0) / (m + 1.0), z = s * s, z2 = z * z, z4 = z2 * z2;
    double low = (1.0 / 3 + z * (1.0 / 5)) + z2 * (1.0 / 7 + z * (1.0 / 9));
    double high = (1.0 / 11 + z * (1.0 / 13)) + z2 * (1.0 / 15 + z * (1.0 / 17));
    double sum = low + z4 * (high + z4 * (1.0 / 19));
    return exponent * LN2_HIGH + ((s + s) + ((s + s) * (z * sum) + exponent * LN2_LOW));
}

/* x up to 700; below LOWEST_EXPONENT, its value there */
INLINE double exp_of(double x)
{
    x = at_least(x, LOWEST_EXPONENT);
    Double shifted = { x * (1.0 / LN2) + 6755399441055744.0 }; /* 1.5 * 2^52: rounds */
    double n = shifted.value - 6755399441055744.0;
    double r = (x - n * LN2_HIGH) - n * LN2_LOW, r2 = r * r, r4 = r2 * r2;
    double a = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    double b = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    double c = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600);
    Double power;
    power.bits = (shifted.bits + 1023) << 52;
    return (1.0 + (r + r2 * (a + r4 * (b + r4 * c)))) * power.value;
}

INLINE double root_of(double x)
{
    return __builtin_sqrt(x); /* one instruction, because of -fno-math-errno */
}

/* ---- tables ---- */

typedef struct { double first, per_step; Int n; } Axis; /* nodes at equal steps */

INLINE double steps_of(const Axis *axis, double quantity)
{
    double steps = (quantity - axis->first) * axis->per_step;
    return at_most(at_least(steps, 0.0), axis->n - 1.000001);
}

INLINE int nearest(const Axis *axis, double quantity)
{
    double steps = (quantity - axis->first) * axis->per_step + 0.5;
    return (int)at_most(at_least(steps, 0.0), axis->n - 0.5);
}

INLINE double linear(const double *values, double part)
{
    return values[0] + part * (values[1] - values[0]);
}

/* The nodes around points in la/le and cos eta, or the nearest one, and their weights. */
typedef struct { int plane[4][BLOCK]; double weight[4][BLOCK]; } Corners;

FUNCTION void find_corners(const Axis *lengths, const Axis *cosines, int n,
                           const double *log_lengths, const double *cos_eta, Int is_quick,
                           Corners *restrict found)
{
    Axis across = *lengths, along = *cosines;
    int size = (int)along.n;
    if (is_quick) {
        EACH {
            found->plane[0][i] = nearest(&across, log_lengths[i]) * size
                                 + nearest(&along, cos_eta[i]);
            found->weight[0][i] = 1.0;
        }
        return;
    }
    EACH {
        double length = steps_of(&across, log_lengths[i]), cosine = steps_of(&along, cos_eta[i]);
        int below = (int)length, under = (int)cosine, corner = below * size + under;
        double more = length - below, up = cosine - under;
        found->plane[0][i] = corner;
        found->plane[1][i] = corner + 1;
        found->plane[2][i] = corner + size;
        found->plane[3][i] = corner + size + 1;
        found->weight[0][i] = (1.0 - more) * (1.0 - up);
        found->weight[1][i] = (1.0 - more) * up;
        found->weight[2][i] = more * (1.0 - up);
        found->weight[3][i] = more * up;
    }
}

/* Values between those of two rows of planes, whose columns are linear. */
FUNCTION void between(const double *table, int n, const int *place, int n_columns,
                      const double *far, const double *late, double *restrict found)
{
    double a[BLOCK], b[BLOCK], c[BLOCK], d[BLOCK];
    EACH {
        const double *here = table + place[i], *next = here + n_columns;
        a[i] = here[0];
        b[i] = here[1];
        c[i] = next[0];
        d[i] = next[1];
    }
    EACH {
        double near = a[i] + late[i] * (b[i] - a[i]), beyond = c[i] + late[i] * (d[i] - c[i]);
        found[i] = near + far[i] * (beyond - near);
    }
}

/* ---- the first of N photons ---- */

typedef struct {
    double half_width;                               /* ns, of the box that is the jitter */
    double broad, broad_width, narrow, narrow_width; /* noise: weights, and widths in ns */
} Timing;

/* The probabilities of a block's pulses to lie in the box, from ln S^N at its ends. */
FUNCTION void in_box(int n, const double *early, const double *late, double *restrict probability)
{
    EACH probability[i] = exp_of(early[i]) - exp_of(late[i]);
}

/* The density of a block's first pulses: their residuals, and the probabilities of the box. */
FUNCTION void densities(const Timing *timing, int n, const double *residual,
                        const double *probability, double *restrict density)
{
    double signal = (1.0 - timing->broad) / (2.0 * timing->half_width);
    double per_broad = 1.0 / timing->broad_width, per_narrow = 1.0 / timing->narrow_width;
    double broad = timing->broad * per_broad / PI, narrow = timing->narrow * per_narrow / PI;
    EACH {
        double s = residual[i] * per_broad, t = residual[i] * per_narrow;
        double u = 1.0 + s * s, v = 1.0 + t * t;
        density[i] = signal * probability[i] + (broad * v + narrow * u) / (u * v);
    }
}

/* Sum of the logarithms of a block's values; the array is filled up. */
FUNCTION double sum_of_logs(double *values, int n)
{
    double product[LANES];
    for (int i = n; i < filled(n); i++)
        values[i] = 1.0;
    for (int j = 0; j < LANES; j++) /* those of BLOCK / LANES values are not too small */
        product[j] = values[j];
    for (int i = LANES; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            product[j] *= values[i + j];
    for (int j = 0; j < LANES; j++)
        product[j] = log_of(product[j]);
    return sum_of(product);
}

/* 0 if all are finite, else NaN */
INLINE double not_finite(const double *values, int n)
{
    double sum = 0.0;
    EACH sum += 0.0 * values[i];
    return sum;
}
