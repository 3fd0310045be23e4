/* The likelihoods of a track and of a shower in layered ice, for many points in parameter space.

   The same formulas as in skyscan/light/layered.py and first_photon.py, and in
   skyscan/shower/light.py and model.py; those say where they come from.

   The file is compiled where a scan is planned, and runs on the machines of a pool. It therefore
   uses nothing but C: no library, no header, and no option for a processor. Operations are single
   ones of doubles, exactly rounded (no fused ones: -ffp-contract=off), so that all machines of an
   architecture compute the same bytes.

   DOMs are computed in blocks, step by step for the whole block: the compiler can then take two or
   four at a time, and the processor need not wait for one DOM before it begins the next. Arrays of
   DOMs are filled up to a multiple of LANES; what is beyond the last DOM does not count.

   Everything is inlined into the functions at the end of the file, which are there twice: for any
   processor, and for those that have AVX2, which take four doubles at a time. Their bytes are the
   same. */

#define API __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define LANES 8
#define BLOCK 64
#define EACH for (int i = 0; i < n; i++)

typedef long long Int;
typedef unsigned long long Bits;
typedef union { double value; Bits bits; } Double;

#define LN2 0.693147180559945309417
#define LN2_HIGH 6.93147180369123816490e-01 /* its first 33 bits, and the rest */
#define LN2_LOW 1.90821492927058770002e-10
#define PI 3.14159265358979323846
#define ROOT_2 1.41421356237309504880
#define LOWEST_EXPONENT -700.0

INLINE double at_least(double x, double least) { return x > least ? x : least; }
INLINE double at_most(double x, double most) { return x < most ? x : most; }

/* ---- logarithm and exponential, with errors below 3e-16 of the larger of 1 and the result ---- */

/* x positive, finite and not subnormal: 2 artanh((m - 1)/(m + 1)) of the mantissa m */
INLINE double log_of(double x)
{
    Double it = { x }, power;
    power.bits = (it.bits >> 52) | 0x4330000000000000ULL; /* 2^52 + exponent + 1023 */
    it.bits = (it.bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
    double exponent = power.value - (4503599627370496.0 + 1023.0), m = it.value;
    double is_large = m > ROOT_2 ? 1.0 : 0.0;
    m = m - is_large * (0.5 * m);
    exponent = exponent + is_large;
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

API void logs(Int n, const double *x, double *found)
{
    for (Int i = 0; i < n; i++)
        found[i] = log_of(x[i]);
}

API void exps(Int n, const double *x, double *found)
{
    for (Int i = 0; i < n; i++)
        found[i] = exp_of(x[i]);
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

/* ---- the first of N photons ---- */

typedef struct {
    double half_width;                               /* ns, of the box that is the jitter */
    double broad, broad_width, narrow, narrow_width; /* noise: weights, and widths in ns */
} Timing;

/* The density of a block's first pulses: their residuals, and ln S^N at both ends of the box. */
INLINE void densities(const Timing *timing, int n, const double *residual, const double *early,
                      const double *late, double *density)
{
    double signal = (1.0 - timing->broad) / (2.0 * timing->half_width);
    double per_broad = 1.0 / timing->broad_width, per_narrow = 1.0 / timing->narrow_width;
    double broad = timing->broad * per_broad / PI, narrow = timing->narrow * per_narrow / PI;
    EACH {
        double s = residual[i] * per_broad, t = residual[i] * per_narrow;
        double u = 1.0 + s * s, v = 1.0 + t * t;
        density[i] = signal * (exp_of(early[i]) - exp_of(late[i]))
                     + (broad * v + narrow * u) / (u * v);
    }
}

/* Sum of the logarithms of a block's values. */
INLINE double sum_of_logs(const double *values, int n)
{
    double product[LANES], sum = 0.0;
    for (int j = 0; j < LANES; j++) /* those of BLOCK / LANES values are not too small */
        product[j] = values[j];
    for (int i = LANES; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            product[j] *= values[i + j];
    for (int j = 0; j < LANES; j++)
        product[j] = log_of(product[j]);
    for (int j = 0; j < LANES; j++)
        sum += product[j];
    return sum;
}

INLINE int filled(Int n) { return (int)((n + LANES - 1) / LANES * LANES); }

/* 0 if all are finite, else NaN */
INLINE double not_finite(const double *values, int n)
{
    double sum = 0.0;
    EACH sum += 0.0 * values[i];
    return sum;
}

/* ---- track ---- */

typedef struct {
    Int n_doms, is_quick;
    /* in the frames of the directions, m: (n, filled(n_doms)), and (n,) */
    const double *along, *first, *second, *along_z, *first_z;
    /* of the DOMs: times (ns), z in the ice (m), number of photons, integrals of 1/le, 1/la */
    const double *times, *levels, *photons, *scattering, *absorption;
    const double *log_survival; /* la/le, cos eta, d/le, t */
    Axis lengths, cosines, distances, delays;
    const double *scattering_at, *absorption_at; /* integrals by depth */
    Axis depths;
    double light_speed, cos_cherenkov, sin_cherenkov, distance_delay, dom_radius, shortest_path;
    Timing timing;
} Track;

INLINE double in_plane(const double *corner, Int n_times, double far, double late)
{
    double near = linear(corner, late);
    return near + far * (linear(corner + n_times, late) - near);
}

INLINE double track_block(const Track *track, Int row, Int start, int n_doms, const double *point)
{
    int n = filled(n_doms);
    Int in_frames = row * filled(track->n_doms) + start;
    const double *first_of = track->first + in_frames, *second_of = track->second + in_frames;
    const double *along_of = track->along + in_frames, *times = track->times + start;
    const double *levels = track->levels + start, *photons = track->photons + start;
    const double *scattering = track->scattering + start, *absorption = track->absorption + start;
    double distance[BLOCK], residual[BLOCK], cos_eta[BLOCK], rise[BLOCK], depth[BLOCK];
    double rate[BLOCK], share[BLOCK], shell[BLOCK], early[BLOCK], late[BLOCK], density[BLOCK];

    double per_sine = 1.0 / track->sin_cherenkov, per_speed = 1.0 / track->light_speed;
    double half_width = track->timing.half_width, shortest = track->shortest_path;
    double base = track->cos_cherenkov * track->along_z[row];
    double slope = track->sin_cherenkov * track->first_z[row];
    Axis depths = track->depths;
    EACH {
        double x = first_of[i] - point[0], y = second_of[i] - point[1];
        double away = at_least(root_of(x * x + y * y), track->dom_radius);
        double arrival = (along_of[i] + track->distance_delay * away) * per_speed;
        double up = base + slope * (x / away), path = up * (away * per_sine);
        distance[i] = away;
        residual[i] = times[i] - point[2] - arrival;
        cos_eta[i] = up;
        path = path < shortest ? (path > -shortest ? shortest : path) : path;
        rise[i] = path;
        depth[i] = steps_of(&depths, levels[i] - path);
    }
    EACH {
        int below = (int)depth[i];
        double part = depth[i] - below;
        rate[i] = scattering[i] - linear(track->scattering_at + below, part);
        share[i] = absorption[i] - linear(track->absorption_at + below, part);
    }
    Axis distances = track->distances, delays = track->delays;
    EACH {
        share[i] = log_of(rate[i] / share[i]);
        rate[i] = rate[i] / rise[i];
        shell[i] = steps_of(&distances, log_of(distance[i] * rate[i]));
        double scale = rate[i] * track->light_speed;
        early[i] = log_of(at_least((residual[i] - half_width) * scale, 1e-9));
        late[i] = log_of(at_least((residual[i] + half_width) * scale, 1e-9));
        early[i] = steps_of(&delays, early[i]);
        late[i] = steps_of(&delays, late[i]);
    }

    Int n_cosines = track->cosines.n, n_distances = distances.n, n_times = delays.n;
    Int n_corners = track->is_quick ? 1 : 4;
    EACH {
        Int planes[4], step = (Int)shell[i];
        double weights[4], far = shell[i] - step;
        if (track->is_quick) {
            planes[0] = nearest(&track->lengths, share[i]) * n_cosines
                        + nearest(&track->cosines, cos_eta[i]);
            weights[0] = 1.0;
        } else {
            double length = steps_of(&track->lengths, share[i]);
            double cosine = steps_of(&track->cosines, cos_eta[i]);
            Int below = (Int)length, under = (Int)cosine;
            double more = length - below, up = cosine - under;
            for (Int j = 0; j < 4; j++) {
                planes[j] = (below + (j >> 1)) * n_cosines + under + (j & 1);
                weights[j] = (j >> 1 ? more : 1.0 - more) * (j & 1 ? up : 1.0 - up);
            }
        }
        Int at_early = (Int)early[i], at_late = (Int)late[i];
        double early_part = early[i] - at_early, late_part = late[i] - at_late;
        double none_early = 0.0, none_late = 0.0; /* ln S */
        for (Int j = 0; j < n_corners; j++) {
            const double *times_of = track->log_survival
                                     + (planes[j] * n_distances + step) * n_times;
            if (residual[i] > half_width)
                none_early += weights[j]
                              * in_plane(times_of + at_early, n_times, far, early_part);
            if (residual[i] > -half_width)
                none_late += weights[j] * in_plane(times_of + at_late, n_times, far, late_part);
        }
        early[i] = photons[i] * none_early;
        late[i] = photons[i] * none_late;
    }
    densities(&track->timing, n, residual, early, late, density);
    for (int i = n_doms; i < n; i++)
        density[i] = 1.0;
    return sum_of_logs(density, n);
}

INLINE double track_llh(const Track *track, Int row, const double *point, double *energy)
{
    double llh = not_finite(point, 3);
    *energy = 0.0;
    for (Int start = 0; start < track->n_doms; start += BLOCK) {
        Int n = track->n_doms - start;
        llh -= track_block(track, row, start, (int)(n < BLOCK ? n : BLOCK), point);
    }
    return llh;
}

/* ---- shower ---- */

typedef struct {
    Int n_doms, n_hits, n_known, n_known_hits, is_quick;
    const double *travels; /* (n, 3) */
    /* of the DOMs: m, times (ns), number of photons, integrals of 1/le, 1/la, and the factor of
       the expected charge per GeV */
    const double *x, *y, *z, *times, *photons, *scattering, *absorption, *factors;
    /* of those whose charge is known, hits first: which, charge, charge + shape; 0 beyond */
    const Int *known;
    const double *charge, *weights;
    const double *log_charge, *log_survival; /* la/le, cos eta, cos psi, d/le (, t) */
    Axis charge_lengths, charge_cosines, time_lengths, time_cosines, distances, delays;
    const double *psi;
    const Int *psi_from; /* a node not above the start of each bin from -1 to 1 */
    Int n_psi, n_bins;
    const double *edges, *scattering_at, *absorption_at; /* integrals by depth, any steps */
    Int n_edges;
    double light_speed, arrival, level, nearest, farthest, first_delay;
    double shape, noise, constant, largest_log_energy, largest_step, total_charge;
    Int n_steps;
    Timing timing;
} Shower;

#define MOST_DOMS 5200 /* of IceCube; the caller refuses more */

/* Linear between the edges, constant beyond. */
INLINE void depths_at(const Shower *shower, double z, double *scattering, double *absorption)
{
    Int low = 0, high = shower->n_edges - 1;
    z = at_most(at_least(z, shower->edges[0]), shower->edges[high]);
    while (high - low > 1) {
        Int middle = (low + high) / 2;
        if (z < shower->edges[middle])
            high = middle;
        else
            low = middle;
    }
    double part = (z - shower->edges[low]) / (shower->edges[high] - shower->edges[low]);
    *scattering = linear(shower->scattering_at + low, part);
    *absorption = linear(shower->absorption_at + low, part);
}

typedef struct { Int index[4]; double weight[4]; Int n; } Corners; /* in la/le and cos eta */

INLINE Corners corners_of(const Axis *lengths, const Axis *cosines, double log_share,
                          double cos_eta, Int is_quick)
{
    Corners found;
    if (is_quick) {
        found.n = 1;
        found.index[0] = nearest(lengths, log_share) * cosines->n + nearest(cosines, cos_eta);
        found.weight[0] = 1.0;
        return found;
    }
    double length = steps_of(lengths, log_share), cosine = steps_of(cosines, cos_eta);
    Int below = (Int)length, under = (Int)cosine;
    double more = length - below, up = cosine - under;
    found.n = 4;
    for (Int j = 0; j < 4; j++) {
        found.index[j] = (below + (j >> 1)) * cosines->n + under + (j & 1);
        found.weight[j] = (j >> 1 ? more : 1.0 - more) * (j & 1 ? up : 1.0 - up);
    }
    return found;
}

typedef struct {
    double distance[BLOCK], rate[BLOCK], log_share[BLOCK], root_share[BLOCK], cos_eta[BLOCK];
    double psi[BLOCK], shell[BLOCK];
} Paths;

/* The direct light to a block of DOMs. */
INLINE void paths_to(const Shower *shower, const double *travels, const double *point,
                     const double *scattering_at, const double *absorption_at, Int start, int n,
                     Paths *paths)
{
    const double *x = shower->x + start, *y = shower->y + start, *z = shower->z + start;
    const double *scattering = shower->scattering + start;
    const double *absorption = shower->absorption + start, *psi = shower->psi;
    double level_rate = (scattering_at[1] - scattering_at[2]) / shower->level;
    double level_loss = (absorption_at[1] - absorption_at[2]) / shower->level;
    double level = shower->level, nearest_dom = shower->nearest;
    Axis distances = shower->distances;
    EACH {
        double u = x[i] - point[0], v = y[i] - point[1], w = z[i] - point[2];
        double distance = at_least(root_of(u * u + v * v + w * w), nearest_dom);
        double along = u * travels[0] + v * travels[1] + w * travels[2];
        double size = w < 0.0 ? -w : w;
        double rise = size < level ? level : w;
        double rate = (scattering[i] - scattering_at[0]) / rise;
        double loss = (absorption[i] - absorption_at[0]) / rise;
        rate = size < level ? level_rate : rate;
        loss = size < level ? level_loss : loss;
        paths->distance[i] = distance;
        paths->rate[i] = rate;
        double share = rate / loss;
        paths->log_share[i] = log_of(share);
        paths->root_share[i] = root_of(share);
        paths->cos_eta[i] = w / distance;
        paths->psi[i] = along / distance;
        paths->shell[i] = steps_of(&distances, log_of(distance * rate));
    }
    EACH {
        double cosine = paths->psi[i], bin = (cosine + 1.0) * (0.5 * shower->n_bins);
        Int below = shower->psi_from[(Int)at_most(at_least(bin, 0.0), shower->n_bins - 0.5)];
        while (below < shower->n_psi - 2 && cosine >= psi[below + 1])
            below++;
        double part = (cosine - psi[below]) / (psi[below + 1] - psi[below]);
        paths->psi[i] = below + at_most(at_least(part, 0.0), 0.999999999999);
    }
}

/* Expected charge per GeV. */
INLINE void charges_of(const Shower *shower, const Paths *paths, Int start, int n, double *found)
{
    Int n_psi = shower->n_psi, n_shells = shower->distances.n;
    double light[BLOCK];
    EACH {
        Corners corners = corners_of(&shower->charge_lengths, &shower->charge_cosines,
                                     paths->log_share[i], paths->cos_eta[i], shower->is_quick);
        Int turn = (Int)paths->psi[i], shell = (Int)paths->shell[i];
        double turned = paths->psi[i] - turn, far = paths->shell[i] - shell, sum = 0.0;
        for (Int j = 0; j < corners.n; j++) {
            const double *here = shower->log_charge
                                 + (corners.index[j] * n_psi + turn) * n_shells + shell;
            double low = linear(here, far);
            sum += corners.weight[j] * (low + turned * (linear(here + n_shells, far) - low));
        }
        light[i] = sum;
    }
    const double *factors = shower->factors + start;
    double farthest = shower->farthest;
    EACH {
        double distance = paths->distance[i];
        double beyond = at_most(farthest - distance * paths->rate[i], 0.0);
        double fall = beyond / paths->root_share[i] * 1.7320508075688772;
        found[i] = factors[i] * exp_of(light[i] + fall) / (distance * distance);
    }
}

/* Sum of ln of the density of a block's first pulses. */
INLINE double times_of(const Shower *shower, const Paths *paths, double time, Int start, int n_hits)
{
    int n = filled(n_hits);
    Int n_psi = shower->n_psi, n_shells = shower->distances.n, n_times = shower->delays.n;
    const double *times = shower->times + start, *photons = shower->photons + start;
    double residual[BLOCK], early[BLOCK], late[BLOCK], density[BLOCK];
    double half_width = shower->timing.half_width, least = shower->first_delay;
    Axis delays = shower->delays;
    EACH {
        double scale = paths->rate[i] * shower->light_speed;
        residual[i] = times[i] - time - paths->distance[i] * shower->arrival;
        early[i] = log_of(at_least((residual[i] - half_width) * scale, least));
        late[i] = log_of(at_least((residual[i] + half_width) * scale, least));
        early[i] = steps_of(&delays, early[i]);
        late[i] = steps_of(&delays, late[i]);
    }
    EACH {
        Corners corners = corners_of(&shower->time_lengths, &shower->time_cosines,
                                     paths->log_share[i], paths->cos_eta[i], shower->is_quick);
        Int turn = (Int)paths->psi[i], shell = (Int)paths->shell[i];
        double turned = paths->psi[i] - turn, far = paths->shell[i] - shell;
        Int at_early = (Int)early[i], at_late = (Int)late[i];
        double early_part = early[i] - at_early, late_part = late[i] - at_late;
        double none_early = 0.0, none_late = 0.0; /* ln S */
        for (Int j = 0; j < corners.n; j++) {
            const double *here = shower->log_survival
                + ((corners.index[j] * n_psi + turn) * n_shells + shell) * n_times;
            const double *turned_on = here + n_shells * n_times;
            if (residual[i] > half_width) {
                double low = in_plane(here + at_early, n_times, far, early_part);
                double high = in_plane(turned_on + at_early, n_times, far, early_part);
                none_early += corners.weight[j] * (low + turned * (high - low));
            }
            if (residual[i] > -half_width) {
                double low = in_plane(here + at_late, n_times, far, late_part);
                double high = in_plane(turned_on + at_late, n_times, far, late_part);
                none_late += corners.weight[j] * (low + turned * (high - low));
            }
        }
        early[i] = photons[i] * none_early;
        late[i] = photons[i] * none_late;
    }
    densities(&shower->timing, n, residual, early, late, density);
    for (int i = n_hits; i < n; i++)
        density[i] = 1.0;
    return sum_of_logs(density, n);
}

INLINE double sum_of(const double *lanes)
{
    double sum = 0.0;
    for (int j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum;
}

/* ln of the energy that makes the charges most likely: Newton's method. */
INLINE double log_energy_of(const Shower *shower, const double *per_gev, int n)
{
    double lanes[LANES] = { 0.0 }, shape = shower->shape;
    for (int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] += per_gev[i + j];
    double log_energy = log_of(shower->total_charge / sum_of(lanes));
    log_energy = at_most(log_energy, shower->largest_log_energy);
    for (Int step = 0; step < shower->n_steps; step++) {
        double energy = exp_of(log_energy), excess[LANES] = { 0.0 }, slope[LANES] = { 0.0 };
        for (int i = 0; i < n; i += LANES)
            for (int j = 0; j < LANES; j++) {
                double mean = energy * per_gev[i + j], part = 1.0 / (shape + mean);
                excess[j] += (shower->charge[i + j] - mean) * part;
                slope[j] += mean * shower->weights[i + j] * part * part;
            }
        double change = sum_of(excess) / sum_of(slope);
        change = at_most(at_least(change, -shower->largest_step), shower->largest_step);
        log_energy = at_most(log_energy + change, shower->largest_log_energy);
    }
    return log_energy;
}

/* -ln L of the charges. */
INLINE double charges_llh(const Shower *shower, const double *per_gev, double energy, int n)
{
    double lanes[LANES] = { 0.0 };
    for (int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            double mean = energy * per_gev[i + j] + shower->noise;
            lanes[j] += shower->weights[i + j] * log_of(mean + shower->shape);
        }
    for (int i = 0; i < filled(shower->n_known_hits); i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] -= shower->charge[i + j]
                        * log_of(energy * per_gev[i + j] + shower->noise);
    return sum_of(lanes) - shower->constant;
}

INLINE double shower_llh(const Shower *shower, Int row, const double *point, double *energy)
{
    double per_gev[MOST_DOMS + LANES], known[MOST_DOMS + LANES];
    double scattering[3], absorption[3], llh = not_finite(point, 4);
    *energy = llh;
    if (llh != 0.0)
        return llh;
    depths_at(shower, point[2], scattering, absorption);
    depths_at(shower, point[2] + 0.5 * shower->level, scattering + 1, absorption + 1);
    depths_at(shower, point[2] - 0.5 * shower->level, scattering + 2, absorption + 2);
    for (Int start = 0; start < shower->n_doms; start += BLOCK) {
        Paths paths;
        Int n = shower->n_doms - start, n_hits = shower->n_hits - start;
        int size = filled(n < BLOCK ? n : BLOCK);
        paths_to(shower, shower->travels + 3 * row, point, scattering, absorption, start, size,
                 &paths);
        charges_of(shower, &paths, start, size, per_gev + start);
        if (n_hits > 0)
            llh -= times_of(shower, &paths, point[3], start,
                            (int)(n_hits < BLOCK ? n_hits : BLOCK));
    }
    int n_known = filled(shower->n_known);
    for (Int i = 0; i < shower->n_known; i++)
        known[i] = per_gev[shower->known[i]];
    for (Int i = shower->n_known; i < n_known; i++)
        known[i] = 0.0;
    *energy = exp_of(log_energy_of(shower, known, n_known));
    return llh + charges_llh(shower, known, *energy, n_known);
}

/* ---- Nelder and Mead's search; see skyscan/track/simplex.py ---- */

#define MOST_DIMENSIONS 4
#define WORST 4.4942328371557893e307 /* a quarter of the largest double */

typedef struct {
    double tolerance;
    Int max_evaluations;
    double step[MOST_DIMENSIONS];
} Search;

typedef struct { double value, point[MOST_DIMENSIONS]; } Corner;

/* -ln L of a point; of a shower, also the energy in GeV. */
typedef double (*Likelihood)(const void *model, Int row, const double *point, double *energy);

static void sort(Corner *corners, int n)
{
    for (int i = 1; i < n; i++) {
        Corner it = corners[i];
        int j = i;
        for (; j > 0 && it.value < corners[j - 1].value; j--)
            corners[j] = corners[j - 1];
        corners[j] = it;
    }
}

/* From the start in corners[0] to the minimum there. Returns the number of evaluations. */
static Int minimise(Likelihood likelihood, int n, const void *model, Int row,
                    const Search *search, Corner *corners)
{
    int next = 0, is_done = 0;
    Int evaluations = 0;
    Corner trial = corners[0], reflected = { 0.0, { 0.0 } };
    double centre[MOST_DIMENSIONS], reach = 0.0, energy = 0.0;
    /* what the next value is of: a corner of the first simplex, a reflected or second point, or a
       corner of a simplex that shrinks */
    enum { FIRST, REFLECTED, SECOND, SHRUNK } state = FIRST;
    while (!is_done) {
        double value = likelihood(model, row, trial.point, &energy);
        trial.value = value - value == 0.0 ? value : WORST;
        evaluations++;
        int is_moved = 0;
        if (state == FIRST || state == SHRUNK) {
            corners[next++] = trial;
            if (next <= n && state == FIRST) {
                for (int k = 0; k < n; k++)
                    trial.point[k] = corners[0].point[k];
                trial.point[next - 1] += search->step[next - 1];
            }
            is_moved = next > n;
        } else if (state == REFLECTED) {
            int expand = trial.value < corners[0].value;
            int contract = trial.value >= corners[n - 1].value;
            int outside = contract && trial.value < corners[n].value;
            reflected = trial;
            reach = expand ? 2.0 : outside ? 0.5 : -0.5;
            Corner worst = corners[n];
            if (!contract)
                corners[n] = reflected;
            if (expand || contract) {
                for (int k = 0; k < n; k++)
                    trial.point[k] = centre[k] + reach * (centre[k] - worst.point[k]);
                state = SECOND;
            } else
                is_moved = 1;
        } else {
            double to_beat = reach > 0.0 ? reflected.value : corners[n].value;
            int is_better = reach == 0.5 ? trial.value <= to_beat : trial.value < to_beat;
            if (is_better)
                corners[n] = trial;
            is_moved = is_better || reach == 2.0;
            if (!is_moved) {
                state = SHRUNK;
                next = 1;
            }
        }
        if (state == SHRUNK && !is_moved)
            for (int k = 0; k < n; k++)
                trial.point[k] = 0.5 * (corners[0].point[k] + corners[next].point[k]);
        if (is_moved) {
            sort(corners, n + 1);
            is_done = corners[n].value - corners[0].value <= search->tolerance
                      || evaluations >= search->max_evaluations;
            for (int k = 0; k < n; k++) {
                centre[k] = corners[0].point[k];
                for (int j = 1; j < n; j++)
                    centre[k] += corners[j].point[k];
                centre[k] /= n;
                trial.point[k] = centre[k] + (centre[k] - corners[n].point[k]);
            }
            state = REFLECTED;
        }
    }
    return evaluations;
}

/* ---- the functions of the library, for m points (m, n) of directions `rows` ---- */

static void values_of(Likelihood likelihood, int n, const void *model, Int m, const Int *rows,
                      const double *points, double *llh, double *energies)
{
    for (Int i = 0; i < m; i++)
        llh[i] = likelihood(model, rows[i], points + i * n, energies + i);
}

/* The points move to the minima. */
static void minima_of(Likelihood likelihood, int n, const void *model, Int m, const Int *rows,
                      const Search *search, double *points, double *llh, Int *evaluations)
{
    for (Int i = 0; i < m; i++) {
        Corner corners[MOST_DIMENSIONS + 1] = { { 0.0, { 0.0 } } };
        for (int k = 0; k < n; k++)
            corners[0].point[k] = points[i * n + k];
        evaluations[i] = minimise(likelihood, n, model, rows[i], search, corners);
        llh[i] = corners[0].value;
        for (int k = 0; k < n; k++)
            points[i * n + k] = corners[0].point[k];
    }
}

#define FUNCTIONS(KIND, N, NAME, TARGET)                                                         \
    static TARGET double KIND##_at##NAME(const void *model, Int row, const double *point,        \
                                         double *energy)                                         \
    { return KIND##_llh(model, row, point, energy); }                                            \
    API void KIND##_values##NAME(const void *model, Int m, const Int *rows,                      \
                                 const double *points, double *llh, double *energies)            \
    { values_of(KIND##_at##NAME, N, model, m, rows, points, llh, energies); }                    \
    API void KIND##_minima##NAME(const void *model, Int m, const Int *rows,                      \
                                 const Search *search, double *points, double *llh,              \
                                 Int *evaluations)                                               \
    { minima_of(KIND##_at##NAME, N, model, m, rows, search, points, llh, evaluations); }

FUNCTIONS(track, 3, , )
FUNCTIONS(shower, 4, , )

#ifdef __x86_64__
FUNCTIONS(track, 3, _avx2, __attribute__((target("avx2"))))
FUNCTIONS(shower, 4, _avx2, __attribute__((target("avx2"))))
#endif
