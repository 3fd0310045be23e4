/* The likelihood of a shower in layered ice: the formulas of skyscan/shower/light.py and model.py,
   which say where they come from. */

typedef struct { /* the direct light of showers, and how it scatters */
    Int is_quick;
    const double *log_charge, *log_survival; /* la/le, cos eta, cos psi, d/le (, t) */
    Axis charge_lengths, charge_cosines, time_lengths, time_cosines, distances, delays;
    const double *psi;
    const Int *psi_from; /* a node not above the start of each bin from -1 to 1 */
    Int n_psi, n_bins;
    const double *edges, *scattering_at, *absorption_at; /* integrals by depth, any steps */
    Int n_edges;
    double light_speed, arrival, level, nearest, farthest, first_delay;
    Timing timing;
} ShowerLight;

typedef struct {
    ShowerLight light;
    Int n_doms, n_hits, n_known, n_known_hits;
    const double *travels; /* (n, 3) */
    /* of the DOMs: m, times (ns), number of photons, integrals of 1/le, 1/la, and the factor of
       the expected charge per GeV */
    const double *x, *y, *z, *times, *photons, *scattering, *absorption, *factors;
    /* of those whose charge is known, hits first: which, charge, charge + shape; 0 beyond */
    const Int *known;
    const double *charge, *weights;
    double shape, noise, constant, largest_log_energy, largest_step, total_charge;
    Int n_steps;
} Shower;

#define MOST_DOMS 5200 /* of IceCube; the caller refuses more */

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
    double psi[BLOCK], shell[BLOCK]; /* in steps of the tables */
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
        paths->psi[i] = along / distance;
        paths->shell[i] = steps_of(&distances, log_of(distance * rate));
    }
    EACH {
        double bin = (paths->psi[i] + 1.0) * (0.5 * light->n_bins);
        turn[i] = (int)light->psi_from[(int)at_most(at_least(bin, 0.0), light->n_bins - 0.5)];
    }
    EACH {
        int below = turn[i];
        for (int k = 0; k < 2; k++) /* a bin has no more than one node */
            below += below < n_psi - 2 && paths->psi[i] >= psi[below + 1] ? 1 : 0;
        turn[i] = below;
        low[i] = psi[below];
        high[i] = psi[below + 1];
    }
    EACH {
        double part = (paths->psi[i] - low[i]) / (high[i] - low[i]);
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

/* ln S at both ends of the box around first pulses, of their residuals (ns). */
FUNCTION void shower_survives(const ShowerLight *light, const Paths *paths, int n,
                              const double *residual, double *restrict early,
                              double *restrict late)
{
    int n_times = (int)light->delays.n, in_shells = (int)light->distances.n * n_times;
    int in_plane = (int)light->n_psi * in_shells, n_corners = light->is_quick ? 1 : 4;
    double half_width = light->timing.half_width, least = light->first_delay;
    double light_speed = light->light_speed;
    double turned[BLOCK], far[BLOCK], none_early[BLOCK], none_late[BLOCK];
    int at_early[BLOCK], at_late[BLOCK];
    Axis delays = light->delays;
    Corners corners;
    find_corners(&light->time_lengths, &light->time_cosines, n, paths->log_lengths,
                 paths->cos_eta, light->is_quick, &corners);
    EACH {
        double scale = paths->rate[i] * light_speed;
        double first = log_of(at_least((residual[i] - half_width) * scale, least));
        double last = log_of(at_least((residual[i] + half_width) * scale, least));
        early[i] = steps_of(&delays, first);
        late[i] = steps_of(&delays, last);
    }
    EACH {
        int turn = (int)paths->psi[i], shell = (int)paths->shell[i];
        int first = (int)early[i], last = (int)late[i], place = turn * in_shells + shell * n_times;
        turned[i] = paths->psi[i] - turn;
        far[i] = paths->shell[i] - shell;
        early[i] -= first;
        late[i] -= last;
        at_early[i] = place + first;
        at_late[i] = place + last;
        none_early[i] = 0.0;
        none_late[i] = 0.0;
    }
    for (int j = 0; j < n_corners; j++) {
        int here[BLOCK], turned_on[BLOCK];
        double low[BLOCK], high[BLOCK];
        for (int is_late = 0; is_late < 2; is_late++) {
            const int *at = is_late ? at_late : at_early;
            const double *part = is_late ? late : early;
            double *sum = is_late ? none_late : none_early;
            EACH {
                here[i] = corners.plane[j][i] * in_plane + at[i];
                turned_on[i] = here[i] + in_shells;
            }
            between(light->log_survival, n, here, n_times, far, part, low);
            between(light->log_survival, n, turned_on, n_times, far, part, high);
            EACH sum[i] += corners.weight[j][i] * (low[i] + turned[i] * (high[i] - low[i]));
        }
    }
    EACH {
        early[i] = residual[i] > half_width ? none_early[i] : 0.0;
        late[i] = residual[i] > -half_width ? none_late[i] : 0.0;
    }
}

/* Sum of ln of the density of a block's first pulses. */
FUNCTION double times_of(const Shower *shower, const Paths *paths, double time, Int start,
                         int n_hits)
{
    int n = filled(n_hits);
    const double *times = shower->times + start, *photons = shower->photons + start;
    double residual[BLOCK], early[BLOCK], late[BLOCK], probability[BLOCK], density[BLOCK];
    double arrival = shower->light.arrival;
    EACH residual[i] = times[i] - time - paths->distance[i] * arrival;
    shower_survives(&shower->light, paths, n, residual, early, late);
    EACH {
        early[i] *= photons[i];
        late[i] *= photons[i];
    }
    in_box(n, early, late, probability);
    densities(&shower->light.timing, n, residual, probability, density);
    return sum_of_logs(density, n_hits);
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
        double energy = exp_of(log_energy), before = log_energy;
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
        if (log_energy == before)
            break; /* and so it would be after all further steps */
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
    for (int i = 0; i < filled(shower->n_known_hits); i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] -= shower->charge[i + j]
                        * log_of(energy * per_gev[i + j] + shower->noise);
    return sum_of(lanes) - shower->constant;
}

FUNCTION double shower_llh(const void *model, Int row, const double *point, double *energy)
{
    const Shower *shower = model;
    double per_gev[MOST_DOMS + LANES], known[MOST_DOMS + LANES], llh = not_finite(point, 4);
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
    int n_known = filled(shower->n_known);
    for (Int i = 0; i < shower->n_known; i++)
        known[i] = per_gev[shower->known[i]];
    for (Int i = shower->n_known; i < n_known; i++)
        known[i] = 0.0;
    *energy = exp_of(log_energy_of(shower, known, n_known));
    return llh + charges_llh(shower, known, *energy, n_known);
}
