/* Photons one by one through layered ice to the DOMs. See kernel.py for the arguments.
 *
 * Doubles and a generator of its own, so that the same seed gives the same photons; the compiler
 * may not contract products and sums (-ffp-contract=off).
 */
#include <math.h>
#include <stdint.h>

#define LONGEST_PIECE 10.0 /* m: the strings of a cell are those that so long a piece can reach */
#define TINY 1e-12

typedef struct {
    uint64_t s[4];
} Random;

static uint64_t splitmix(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* xoshiro256+ of Blackman and Vigna; uniform in (0, 1). */
static double uniform(Random *r) {
    uint64_t *s = r->s, result = s[0] + s[3], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return ((result >> 11) + 0.5) * 0x1.0p-53;
}

/* Turn a unit vector by an angle, about a random axis across it. */
static void turn(double *u, double cosine, Random *r) {
    double sine = sqrt(fmax(0.0, 1.0 - cosine * cosine));
    double phi = 2.0 * M_PI * uniform(r), c = cos(phi) * sine, s = sin(phi) * sine;
    double x = u[0], y = u[1], z = u[2], rho = sqrt(x * x + y * y);
    if (rho < 1e-9) {
        u[0] = c;
        u[1] = s;
        u[2] = z > 0 ? cosine : -cosine;
    } else {
        u[0] = x * cosine + (x * z * c - y * s) / rho;
        u[1] = y * cosine + (y * z * c + x * s) / rho;
        u[2] = z * cosine - rho * c;
    }
    double norm = 1.0 / sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]);
    u[0] *= norm;
    u[1] *= norm;
    u[2] *= norm;
}

typedef struct {
    double g, sam_share;             /* phase function */
    double cos_cherenkov, velocity;  /* velocity of light in m/ns */
    double spread_a, spread_b;       /* directions of a shower's particles */
    double first_z, thickness;       /* of the layers, from the lowest */
    int64_t n_layers;
    double radius;                   /* of the oversized DOMs, m */
    double grid_x, grid_y, cell;     /* corner and size of the grid's cells, m */
    int64_t n_x, n_y;
    int64_t n_oms;
    int64_t n_coefficients;          /* of the angular acceptance */
    double farthest;                 /* photons farther than this (m) from the axis are given up */
    double lowest, highest;          /* and those below or above these z, m */
} Settings;

typedef struct {
    const double *scattering, *absorption; /* lengths in the layers, m */
    const double *strings;                 /* x, y of each string */
    const double *dom_z;                   /* string by string, from the top */
    const double *efficiency;              /* the same order; 0 for a dead DOM */
    const double *acceptance;              /* coefficients of the polynomial in cos eta */
    const int32_t *cell_start, *cell_strings;
} Tables;

typedef struct {
    int64_t n, capacity;
    int32_t *dom;
    double *time;
} Hits;

static void detect(const Settings *set, const Tables *tab, const double *p, const double *u,
                   double length, double time, Random *r, Hits *hits) {
    int64_t i = (int64_t)floor((p[0] - set->grid_x) / set->cell);
    int64_t j = (int64_t)floor((p[1] - set->grid_y) / set->cell);
    if (i < 0 || j < 0 || i >= set->n_x || j >= set->n_y) return;
    int64_t cell = i * set->n_y + j;
    double end = p[2] + length * u[2], radius2 = set->radius * set->radius;
    double low = fmin(p[2], end) - set->radius, high = fmax(p[2], end) + set->radius;
    for (int32_t k = tab->cell_start[cell]; k < tab->cell_start[cell + 1]; k++) {
        int32_t string = tab->cell_strings[k];
        double dx = tab->strings[2 * string] - p[0], dy = tab->strings[2 * string + 1] - p[1];
        const double *z = tab->dom_z + string * set->n_oms;
        int64_t first = 0, last = set->n_oms;
        while (first < last) { /* the highest DOM that is not above the piece */
            int64_t middle = (first + last) / 2;
            if (z[middle] > high) first = middle + 1;
            else last = middle;
        }
        for (int64_t om = first; om < set->n_oms && z[om] >= low; om++) {
            double dz = z[om] - p[2], along = dx * u[0] + dy * u[1] + dz * u[2];
            if (along < 0 || along >= length) continue;
            if (dx * dx + dy * dy + dz * dz - along * along >= radius2) continue;
            double seen = 0;
            for (int64_t c = set->n_coefficients - 1; c >= 0; c--)
                seen = seen * u[2] + tab->acceptance[c];
            int64_t dom = string * set->n_oms + om;
            if (uniform(r) >= seen * tab->efficiency[dom]) continue;
            if (hits->n < hits->capacity) {
                hits->dom[hits->n] = (int32_t)dom;
                hits->time[hits->n] = time + along / set->velocity;
            }
            hits->n++;
        }
    }
}

static void scatter(const Settings *set, double *u, Random *r) {
    double cosine, g = set->g, x;
    if (uniform(r) < set->sam_share) {
        cosine = 2.0 * pow(uniform(r), (1.0 - g) / (1.0 + g)) - 1.0;
    } else {
        x = (1.0 - g * g) / (1.0 - g + 2.0 * g * uniform(r));
        cosine = (1.0 + g * g - x * x) / (2.0 * g);
    }
    turn(u, fmax(-1.0, fmin(1.0, cosine)), r);
}

static void follow(const Settings *set, const Tables *tab, double *p, double *u, double time,
                   Random *r, Hits *hits) {
    double to_absorption = -log(uniform(r)), to_scattering = -log(uniform(r));
    double middle = 0.5 * (set->lowest + set->highest);
    double half = 0.5 * (set->highest - set->lowest), far2 = set->farthest * set->farthest;
    while (fabs(p[2] - middle) < half && p[0] * p[0] + p[1] * p[1] < far2) {
        double height = (p[2] - set->first_z) / set->thickness, piece = LONGEST_PIECE;
        int64_t layer = (int64_t)floor(height);
        if (layer < 0) layer = 0;
        if (layer >= set->n_layers) layer = set->n_layers - 1;
        /* A little beyond the border, so that the next piece is in the next layer. */
        if (u[2] > TINY && layer < set->n_layers - 1)
            piece = fmin(piece, (layer + 1 - height) * set->thickness / u[2] + 1e-9);
        if (u[2] < -TINY && layer > 0)
            piece = fmin(piece, (layer - height) * set->thickness / u[2] + 1e-9);
        double scattering = tab->scattering[layer], absorption = tab->absorption[layer];
        piece = fmin(piece, fmin(to_scattering * scattering, to_absorption * absorption));
        if (piece < 0) piece = 0;
        detect(set, tab, p, u, piece, time, r, hits);
        for (int k = 0; k < 3; k++) p[k] += piece * u[k];
        time += piece / set->velocity;
        to_scattering -= piece / scattering;
        to_absorption -= piece / absorption;
        if (to_absorption <= TINY) return;
        if (to_scattering <= TINY) {
            scatter(set, u, r);
            to_scattering = -log(uniform(r));
        }
    }
}

/* Set the state of the generator. */
void start(uint64_t seed, uint64_t *state) {
    for (int k = 0; k < 4; k++) state[k] = splitmix(&seed);
}

/* Follow the photons of steps (x, y, z, time, three of direction, length, is_shower).
 * Returns the number of hits. Those beyond the capacity are counted only, and then the state of
 * the generator remains what it was. */
int64_t trace(uint64_t *state, const Settings *set, const Tables *tab, int64_t n_steps,
              const double *steps, const int64_t *photons, int64_t capacity, int32_t *dom,
              double *time) {
    Random r;
    Hits hits = {0, capacity, dom, time};
    for (int k = 0; k < 4; k++) r.s[k] = state[k];
    double full = 1.0 - exp(-set->spread_b * pow(2.0, set->spread_a));
    for (int64_t n = 0; n < n_steps; n++) {
        const double *step = steps + 9 * n;
        for (int64_t k = 0; k < photons[n]; k++) {
            double along = step[7] * uniform(&r), p[3], u[3];
            for (int i = 0; i < 3; i++) {
                u[i] = step[4 + i];
                p[i] = step[i] + along * u[i];
            }
            if (step[8] > 0.5) {
                double x = -log(1.0 - full * uniform(&r)) / set->spread_b;
                turn(u, 1.0 - fmin(2.0, pow(x, 1.0 / set->spread_a)), &r);
            }
            turn(u, set->cos_cherenkov, &r);
            follow(set, tab, p, u, step[3] + along / 0.299792458, &r, &hits);
        }
    }
    for (int k = 0; k < 4 && hits.n <= capacity; k++) state[k] = r.s[k];
    return hits.n;
}
