/* The likelihood of a shower in layered ice: the formulas of skyscan/shower/light.py, times.py and
   model.py, which say where they come from. */

typedef struct { /* the direct light of showers, and how it scatters */
    Int is_quick;
    const double *log_charge, *log_survival; /* la/le, cos eta, cos psi, d/le (, t) */
    Axis charge_lengths, charge_cosines, time_lengths, time_cosines, distances, delays;
    const double *psi;
    const Int *psi_from; /* a node not above the start of each bin from -1 to 1 */
    Int n_psi, n_psi_bins;
    const double *edges, *scattering_at, *absorption_at; /* integrals by depth, any steps */
    Int n_edges;
    double light_speed, arrival, level, nearest, farthest, first_delay;
    Timing timing;
} ShowerLight;

typedef struct {
    ShowerLight light;
    Int n_doms, n_hits, n_late, n_bins, n_steps; /* hits first, of these those with late charge */
    const double *travels; /* (n, 3) */
    /* of the DOMs: m, times (ns), number of photons, integrals of 1/le, 1/la, the factor of the
       expected charge per GeV, charge, and charge + shape; the last three are 0 beyond */
    const double *x, *y, *z, *times, *photons, *scattering, *absorption;
    const double *factors, *charge, *weights;
    /* edges of bins after the first pulse (ns), the charge in them, (n_bins, n_late), its sum */
    const double *late_edges, *late, *late_sum;
    double length, share_shape, even_share, least_late;
    double shape, noise, constant, largest_log_energy, largest_step, smallest_step;
    double total_charge;
} Shower;

#define MOST_DOMS 5200 /* of IceCube; the caller refuses more */
#define MOST_EDGES 8   /* of bins of late charge; likewise */

/* Linear between the edges, constant beyond. */
INLINE void depths_at(const ShowerLight *light, double z, double *scattering, double *absorption)
{
    Int low = 0, high = light->n_edges - 1;
    z = at_most(at_least(z, light->edges[0]), light->edges[high]);
    while (high - low > 1) {
        Int middle = (low + high) / 2;
        if (z < light->edges[middle])
            high = middle;
        else
            low = middle;
    }
    double part = (z - light->edges[low]) / (light->edges[high] - light->edges[low]);
    *scattering = linear(light->scattering_at + low, part);
    *absorption = linear(light->absorption_at + low, part);
}

typedef struct { double scattering, absorption, level_rate, level_loss; } Depth;

/* The ice at a point, and that of light which hardly rises or falls from there. */
FUNCTION Depth depth_of(const ShowerLight *light, double z)
{
    double above[2], below[2];
    Depth depth;
    depths_at(light, z, &depth.scattering, &depth.absorption);
    depths_at(light, z + 0.5 * light->level, above, above + 1);
    depths_at(light, z - 0.5 * light->level, below, below + 1);
    depth.level_rate = (above[0] - below[0]) / light->level;
    depth.level_loss = (above[1] - below[1]) / light->level;
    return depth;
}

typedef struct { /* from a shower to a block of DOMs; lengths is la/le */
    double distance[BLOCK], rate[BLOCK], lengths[BLOCK], log_lengths[BLOCK], cos_eta[BLOCK];
    double cos_psi[BLOCK], psi[BLOCK], shell[BLOCK]; /* the last two in steps of the tables */
} Paths;

/* The direct light of a shower at `point`, in the ice at `depth`, to DOMs. */
FUNCTION void paths_to(const ShowerLight *light, const double *travels, const double *point,
                       const Depth *depth, int n, const double *x, const double *y,
                       const double *z, const double *scattering, const double *absorption,
                       Paths *restrict paths)
{
    const double *psi = light->psi;
    double low[BLOCK], high[BLOCK];
    int turn[BLOCK], n_psi = (int)light->n_psi;
    double level = light->level, nearest_dom = light->nearest;
    double level_rate = depth->level_rate, level_loss = depth->level_loss;
    double scattering_at = depth->scattering, absorption_at = depth->absorption;
    double from_x = point[0], from_y = point[1], from_z = point[2];
    double to_x = travels[0], to_y = travels[1], to_z = travels[2];
    Axis distances = light->distances;
    EACH {
        double u = x[i] - from_x, v = y[i] - from_y, w = z[i] - from_z;
        double distance = at_least(root_of(u * u + v * v + w * w), nearest_dom);
        double along = u * to_x + v * to_y + w * to_z;
        double size = w < 0.0 ? -w : w;
        double rise = size < level ? level : w;
        double rate = (scattering[i] - scattering_at) / rise;
        double loss = (absorption[i] - absorption_at) / rise;
        rate = size < level ? level_rate : rate;
        loss = size < level ? level_loss : loss;
        double lengths = rate / loss;
        paths->distance[i] = distance;
        paths->rate[i] = rate;
        paths->lengths[i] = lengths;
        paths->log_lengths[i] = log_of(lengths);
        paths->cos_eta[i] = w / distance;
        paths->cos_psi[i] = along / distance;
        paths->shell[i] = steps_of(&distances, log_of(distance * rate));
    }
    EACH {
        double bin = (paths->cos_psi[i] + 1.0) * (0.5 * light->n_psi_bins);
        turn[i] = (int)light->psi_from[(int)at_most(at_least(bin, 0.0), light->n_psi_bins - 0.5)];
    }
    EACH {
        int below = turn[i];
        for (int k = 0; k < 2; k++) /* a bin has no more than one node */
            below += below < n_psi - 2 && paths->cos_psi[i] >= psi[below + 1] ? 1 : 0;
        turn[i] = below;
        low[i] = psi[below];
        high[i] = psi[below + 1];
    }
    EACH {
        double part = (paths->cos_psi[i] - low[i]) / (high[i] - low[i]);
        paths->psi[i] = turn[i] + at_most(at_least(part, 0.0), 0.999999999999);
    }
}

/* What falls off beyond the table's last distance (of ln of light). */
INLINE double beyond(double farthest, double distance, double rate, double lengths)
{
    return at_most(farthest - distance * rate, 0.0) / root_of(lengths) * 1.7320508075688772;
}

/* Expected charge per GeV. */
FUNCTION void charges_of(const ShowerLight *light, const Paths *paths, int n,
                         const double *factors, double *restrict found)
{
    int n_shells = (int)light->distances.n, in_plane = (int)light->n_psi * n_shells;
    int n_corners = light->is_quick ? 1 : 4, place[BLOCK];
    double turned[BLOCK], far[BLOCK];
    Corners corners;
    find_corners(&light->charge_lengths, &light->charge_cosines, n, paths->log_lengths,
                 paths->cos_eta, light->is_quick, &corners);
    EACH {
        int turn = (int)paths->psi[i], shell = (int)paths->shell[i];
        turned[i] = paths->psi[i] - turn;
        far[i] = paths->shell[i] - shell;
        place[i] = turn * n_shells + shell;
        found[i] = 0.0;
    }
    for (int j = 0; j < n_corners; j++) {
        int here[BLOCK];
        double values[BLOCK];
        EACH here[i] = corners.plane[j][i] * in_plane + place[i];
        between(light->log_charge, n, here, n_shells, turned, far, values);
        EACH found[i] += corners.weight[j][i] * values[i];
    }
    double farthest = light->farthest;
    EACH {
        double distance = paths->distance[i];
        double fall = beyond(farthest, distance, paths->rate[i], paths->lengths[i]);
        found[i] = factors[i] * exp_of(found[i] + fall) / (distance * distance);
    }
}

/* Where the times of a block's DOMs begin in the table. */
typedef struct {
    Corners corners;
    int place[BLOCK];
    double turned[BLOCK], far[BLOCK], scale[BLOCK];
} Rows;

FUNCTION void find_rows(const ShowerLight *light, const Paths *paths, int n,
                        Rows *restrict rows)
{
    int n_times = (int)light->delays.n, in_shells = (int)light->distances.n * n_times;
    find_corners(&light->time_lengths, &light->time_cosines, n, paths->log_lengths,
                 paths->cos_eta, light->is_quick, &rows->corners);
    EACH {
        int turn = (int)paths->psi[i], shell = (int)paths->shell[i];
        rows->place[i] = turn * in_shells + shell * n_times;
        rows->turned[i] = paths->psi[i] - turn;
        rows->far[i] = paths->shell[i] - shell;
        rows->scale[i] = paths->rate[i] * light->light_speed;
    }
}

/* ln S at delays (ns). */
FUNCTION void survival_at(const ShowerLight *light, const Rows *rows, int n, const double *delay,
                          double *restrict found)
{
    int n_times = (int)light->delays.n, in_shells = (int)light->distances.n * n_times;
    int in_plane = (int)light->n_psi * in_shells, n_corners = light->is_quick ? 1 : 4;
    double least = light->first_delay, part[BLOCK];
    int at[BLOCK];
    Axis delays = light->delays;
    EACH part[i] = steps_of(&delays, log_of(at_least(delay[i] * rows->scale[i], least)));
    EACH {
        int step = (int)part[i];
        part[i] -= step;
        at[i] = rows->place[i] + step;
        found[i] = 0.0;
    }
    for (int j = 0; j < n_corners; j++) {
        int here[BLOCK], turned_on[BLOCK];
        double low[BLOCK], high[BLOCK];
        EACH {
            here[i] = rows->corners.plane[j][i] * in_plane + at[i];
            turned_on[i] = here[i] + in_shells;
        }
        between(light->log_survival, n, here, n_times, rows->far, part, low);
        between(light->log_survival, n, turned_on, n_times, rows->far, part, high);
        EACH found[i] += rows->corners.weight[j][i]
                         * (low[i] + rows->turned[i] * (high[i] - low[i]));
    }
    EACH found[i] = delay[i] > 0.0 ? found[i] : 0.0;
}

/* Sum of ln of the probability of the charge's shares after a block's first pulses, at which
   `later` is the probability that photons are later. */
FUNCTION double late_of(const Shower *shower, const Rows *rows, const double *residual,
                        const double *later, Int start)
{
    int n = filled(size_of_block(shower->n_late - start)), n_bins = (int)shower->n_bins;
    Int in_bin = filled(shower->n_late);
    double edges[MOST_EDGES][BLOCK], delay[BLOCK], scale[BLOCK], charge[BLOCK], squares[BLOCK];
    double terms[BLOCK], shape = shower->share_shape, even = shower->even_share / n_bins;
    EACH edges[0][i] = later[i];
    for (int k = 1; k <= n_bins; k++) {
        EACH delay[i] = residual[i] + shower->late_edges[k];
        survival_at(&shower->light, rows, n, delay, edges[k]);
        EACH edges[k][i] = exp_of(edges[k][i]);
    }
    EACH {
        double all = at_least(edges[0][i] - edges[n_bins][i], shower->least_late);
        scale[i] = (1.0 - shower->even_share) / all;
        charge[i] = shower->late_sum[start + i] / shape;
        squares[i] = 0.0;
        terms[i] = 0.0;
    }
    for (int k = 0; k < n_bins; k++) {
        const double *seen = shower->late + k * in_bin + start;
        EACH {
            double share = at_least(edges[k][i] - edges[k + 1][i], 0.0) * scale[i] + even;
            squares[i] += share * share;
            terms[i] += seen[i] * log_of(share)
                        - (seen[i] + shape) * log_of(1.0 + share * charge[i]);
        }
    }
    double sum = 0.0;
    EACH terms[i] += 0.5 * log_of(1.0 + squares[i] * charge[i]);
    EACH sum += terms[i];
    return sum;
}

/* Sum of ln of the density of a block's first pulses, and of the shares of the charge after
   them. */
FUNCTION double times_of(const Shower *shower, const Paths *paths, double time, Int start,
                         int n_hits)
{
    int n = filled(n_hits);
    const ShowerLight *light = &shower->light;
    const double *times = shower->times + start, *photons = shower->photons + start;
    double residual[BLOCK], half_width[BLOCK], delay[BLOCK], density[BLOCK];
    double early[BLOCK], middle[BLOCK], late[BLOCK], probability[BLOCK];
    double arrival = light->arrival, per_speed = 1.0 / light->light_speed;
    double jitter = light->timing.half_width, length = shower->length;
    Rows rows;
    find_rows(light, paths, n, &rows);
    EACH {
        double spread = length * (per_speed - arrival * paths->cos_psi[i]);
        residual[i] = times[i] - time - paths->distance[i] * arrival;
        half_width[i] = root_of(jitter * jitter + 3.0 * (spread * spread));
        delay[i] = residual[i] - half_width[i];
    }
    survival_at(light, &rows, n, delay, early);
    survival_at(light, &rows, n, residual, middle);
    EACH delay[i] = residual[i] + half_width[i];
    survival_at(light, &rows, n, delay, late);
    EACH {
        double before = exp_of(early[i]), after = exp_of(late[i]);
        middle[i] = (4.0 * exp_of(middle[i]) + before + after) * (1.0 / 6);
        probability[i] = photons[i] * (before - after) * (jitter / half_width[i]);
    }
    EACH probability[i] *= exp_of(at_least((photons[i] - 1.0) * log_of(middle[i]), -300.0));
    densities(&light->timing, n, residual, probability, density);
    double sum = sum_of_logs(density, n_hits);
    if (start < shower->n_late)
        sum += late_of(shower, &rows, residual, middle, start);
    return sum;
}

/* ln of the energy that makes the charges most likely: Newton's method. */
FUNCTION double log_energy_of(const Shower *shower, const double *per_gev, int n)
{
    double shape = shower->shape, excess[LANES], slope[LANES];
    for (int j = 0; j < LANES; j += 4) {
        Four sum = { 0.0 };
        for (int i = j; i < n; i += LANES)
            sum += FOUR(per_gev + i);
        *(Four *)(excess + j) = sum;
    }
    double log_energy = log_of(shower->total_charge / sum_of(excess));
    log_energy = at_most(log_energy, shower->largest_log_energy);
    for (Int step = 0; step < shower->n_steps; step++) {
        double energy = exp_of(log_energy);
        for (int j = 0; j < LANES; j += 4) {
            Four more = { 0.0 }, less = { 0.0 };
            for (int i = j; i < n; i += LANES) {
                Four mean = energy * FOUR(per_gev + i), part = 1.0 / (shape + mean);
                more += (FOUR(shower->charge + i) - mean) * part;
                less += mean * FOUR(shower->weights + i) * part * part;
            }
            *(Four *)(excess + j) = more;
            *(Four *)(slope + j) = less;
        }
        double change = sum_of(excess) / sum_of(slope);
        change = at_most(at_least(change, -shower->largest_step), shower->largest_step);
        log_energy = at_most(log_energy + change, shower->largest_log_energy);
        if (change < shower->smallest_step && change > -shower->smallest_step)
            break;
    }
    return log_energy;
}

/* -ln L of the charges. */
FUNCTION double charges_llh(const Shower *shower, const double *per_gev, double energy, int n)
{
    double lanes[LANES] = { 0.0 };
    for (int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            double mean = energy * per_gev[i + j] + shower->noise;
            lanes[j] += shower->weights[i + j] * log_of(mean + shower->shape);
        }
    for (int i = 0; i < filled(shower->n_hits); i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] -= shower->charge[i + j]
                        * log_of(energy * per_gev[i + j] + shower->noise);
    return sum_of(lanes) - shower->constant;
}

FUNCTION double shower_llh(const void *model, Int row, const double *point, double *energy)
{
    const Shower *shower = model;
    double per_gev[MOST_DOMS + LANES], llh = not_finite(point, 4);
    *energy = llh;
    if (llh != 0.0)
        return llh;
    Depth depth = depth_of(&shower->light, point[2]);
    for (Int start = 0; start < shower->n_doms; start += BLOCK) {
        Paths paths;
        Int n_hits = shower->n_hits - start;
        int n = filled(size_of_block(shower->n_doms - start));
        paths_to(&shower->light, shower->travels + 3 * row, point, &depth, n, shower->x + start,
                 shower->y + start, shower->z + start, shower->scattering + start,
                 shower->absorption + start, &paths);
        charges_of(&shower->light, &paths, n, shower->factors + start, per_gev + start);
        if (n_hits > 0)
            llh -= times_of(shower, &paths, point[3], start, size_of_block(n_hits));
    }
    int n_doms = filled(shower->n_doms);
    *energy = exp_of(log_energy_of(shower, per_gev, n_doms));
    return llh + charges_llh(shower, per_gev, *energy, n_doms);
}
