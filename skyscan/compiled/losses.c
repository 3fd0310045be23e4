/* The likelihood of a track and its losses, a part of the kernel: see likelihood.c.

   The same formulas as in skyscan/losses, which says where they come from. */

typedef struct {
    Int n_doms, n_hits, most_segments, most_pairs, is_quick, n_steps;
    const double *axes_first, *axes_second, *axes_along; /* (n, 3) */
    const double *along, *first, *second, *along_z, *first_z; /* as of a track, of all DOMs */
    const Int *n_segments;    /* (n,) */
    const double *places;     /* (n, most_segments), m */
    const Int *starts, *hits; /* (n, most_segments + 1) where pairs begin; pairs with hits */
    const Int *doms;          /* (n, most_pairs), by segment, those with hits first */
    /* of the DOMs, filled up: m from the charge centre, times (ns), number of photons, integrals
       of 1/le and 1/la (of segments, then of the muon), z (m), factors of the charge per GeV and of
       that of the muon; charge and charge + shape, 0 if not known */
    const double *x, *y, *z, *times, *photons, *scattering, *absorption, *muon_scattering;
    const double *muon_absorption, *levels, *factors, *muon_factors, *charge, *weights;
    /* of segments, as of a shower */
    const double *log_charge, *log_survival;
    Axis charge_lengths, charge_cosines, time_lengths, time_cosines, distances, delays;
    const double *psi;
    const Int *psi_from;
    Int n_psi, n_bins;
    const double *edges, *scattering_at, *absorption_at;
    Int n_edges;
    /* of the muon, as of a track */
    const double *muon_charge, *muon_survival;
    Axis muon_charge_lengths, muon_charge_cosines, muon_charge_distances;
    Axis muon_lengths, muon_cosines, muon_distances, muon_delays;
    const double *muon_scattering_at, *muon_absorption_at;
    Axis depths;
    double light_speed, arrival, level, nearest, farthest, first_delay, muon_farthest, centre_z;
    double cos_cherenkov, sin_cherenkov, distance_delay, dom_radius, shortest_path;
    double shape, noise, constant, largest_energy, total_charge, smallest_share, tiny, least_seen;
    Timing timing;
    double *space; /* for what follows */
} LossModel;

typedef struct {
    double *per_gev;                                                /* of pairs */
    double *distance, *rate, *log_share, *cos_eta, *psi, *shell;    /* of pairs */
    double *dense;                                                  /* (segments, hits) */
    double *bare, *expected;                                        /* of DOMs */
    double *residual, *early, *late, *total, *none_early, *none_late, *more, *less; /* of hits */
    double *energy, *dark;                                          /* of segments */
} Space;

INLINE Space space_of(const LossModel *model)
{
    Int pairs = model->most_pairs, doms = filled(model->n_doms), hits = filled(model->n_hits);
    double *free = model->space;
    Space space;
    space.per_gev = free, free += pairs;
    space.distance = free, free += pairs;
    space.rate = free, free += pairs;
    space.log_share = free, free += pairs;
    space.cos_eta = free, free += pairs;
    space.psi = free, free += pairs;
    space.shell = free, free += pairs;
    space.dense = free, free += model->most_segments * hits;
    space.bare = free, free += doms;
    space.expected = free, free += doms;
    space.residual = free, free += hits;
    space.early = free, free += hits;
    space.late = free, free += hits;
    space.total = free, free += hits;
    space.none_early = free, free += hits;
    space.none_late = free, free += hits;
    space.more = free, free += hits;
    space.less = free, free += hits;
    space.energy = free, free += model->most_segments;
    space.dark = free;
    return space;
}

/* Linear between the edges, constant beyond. */
INLINE void depths_in(const LossModel *model, double z, double *scattering, double *absorption)
{
    Int low = 0, high = model->n_edges - 1;
    z = at_most(at_least(z, model->edges[0]), model->edges[high]);
    while (high - low > 1) {
        Int middle = (low + high) / 2;
        if (z < model->edges[middle])
            high = middle;
        else
            low = middle;
    }
    double part = (z - model->edges[low]) / (model->edges[high] - model->edges[low]);
    *scattering = linear(model->scattering_at + low, part);
    *absorption = linear(model->absorption_at + low, part);
}

typedef struct { Int index[4]; double weight[4]; Int n; } Around; /* nodes in la/le and cos eta */

INLINE Around around(const Axis *lengths, const Axis *cosines, double log_share, double cos_eta,
                     Int is_quick)
{
    Around found;
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

/* The light of a segment at `centre` (m, from the charge centre) at a block of DOMs. */
INLINE void segment_block(const LossModel *model, const double *centre, const double *along_axis,
                          const Int *doms, int n_doms, Int pair, const Space *space)
{
    int n = filled(n_doms);
    Int which[BLOCK];
    double u[BLOCK], v[BLOCK], w[BLOCK], scattering[BLOCK], absorption[BLOCK], root_share[BLOCK];
    double distance[BLOCK], rate[BLOCK], log_share[BLOCK], cos_eta[BLOCK], psi[BLOCK];
    double shell[BLOCK], light[BLOCK], scattering_at[3], absorption_at[3];
    double level = model->level, nearest_dom = model->nearest, z = centre[2] + model->centre_z;
    depths_in(model, z, scattering_at, absorption_at);
    depths_in(model, z + 0.5 * level, scattering_at + 1, absorption_at + 1);
    depths_in(model, z - 0.5 * level, scattering_at + 2, absorption_at + 2);
    double level_rate = (scattering_at[1] - scattering_at[2]) / level;
    double level_loss = (absorption_at[1] - absorption_at[2]) / level;
    EACH {
        Int dom = which[i] = doms[i < n_doms ? i : 0];
        u[i] = model->x[dom] - centre[0];
        v[i] = model->y[dom] - centre[1];
        w[i] = model->z[dom] - centre[2];
        scattering[i] = model->scattering[dom];
        absorption[i] = model->absorption[dom];
    }
    Axis distances = model->distances;
    EACH {
        double away = at_least(root_of(u[i] * u[i] + v[i] * v[i] + w[i] * w[i]), nearest_dom);
        double along = u[i] * along_axis[0] + v[i] * along_axis[1] + w[i] * along_axis[2];
        double size = w[i] < 0.0 ? -w[i] : w[i];
        double rise = size < level ? level : w[i];
        double per_m = (scattering[i] - scattering_at[0]) / rise;
        double loss = (absorption[i] - absorption_at[0]) / rise;
        per_m = size < level ? level_rate : per_m;
        loss = size < level ? level_loss : loss;
        double share = per_m / loss;
        distance[i] = away;
        rate[i] = per_m;
        log_share[i] = log_of(share);
        root_share[i] = root_of(share);
        cos_eta[i] = w[i] / away;
        psi[i] = along / away;
        shell[i] = steps_of(&distances, log_of(away * per_m));
    }
    EACH {
        double cosine = psi[i], bin = (cosine + 1.0) * (0.5 * model->n_bins);
        Int below = model->psi_from[(Int)at_most(at_least(bin, 0.0), model->n_bins - 0.5)];
        while (below < model->n_psi - 2 && cosine >= model->psi[below + 1])
            below++;
        double part = (cosine - model->psi[below]) / (model->psi[below + 1] - model->psi[below]);
        psi[i] = below + at_most(at_least(part, 0.0), 0.999999999999);
    }
    Int n_psi = model->n_psi, n_shells = distances.n;
    EACH {
        Around nodes = around(&model->charge_lengths, &model->charge_cosines, log_share[i],
                              cos_eta[i], model->is_quick);
        Int turn = (Int)psi[i], step = (Int)shell[i];
        double turned = psi[i] - turn, far = shell[i] - step, sum = 0.0;
        for (Int j = 0; j < nodes.n; j++) {
            const double *here = model->log_charge
                                 + (nodes.index[j] * n_psi + turn) * n_shells + step;
            double low = linear(here, far);
            sum += nodes.weight[j] * (low + turned * (linear(here + n_shells, far) - low));
        }
        light[i] = sum;
    }
    double farthest = model->farthest;
    EACH {
        double beyond = at_most(farthest - distance[i] * rate[i], 0.0);
        double fall = beyond / root_share[i] * 1.7320508075688772;
        light[i] = exp_of(light[i] + fall) / (distance[i] * distance[i]);
    }
    for (int i = 0; i < n_doms; i++) {
        space->per_gev[pair + i] = light[i] * model->factors[which[i]];
        space->distance[pair + i] = distance[i];
        space->rate[pair + i] = rate[i];
        space->log_share[pair + i] = log_share[i];
        space->cos_eta[pair + i] = cos_eta[i];
        space->psi[pair + i] = psi[i];
        space->shell[pair + i] = shell[i];
    }
}

/* The light of the bare muon at a block of DOMs; of hits, also their times. */
INLINE void muon_block(const LossModel *model, Int row, Int start, int n_doms, int n_hits,
                       const double *point, const Space *space)
{
    int n = filled(n_doms);
    Int in_frames = row * filled(model->n_doms) + start;
    const double *first_of = model->first + in_frames, *second_of = model->second + in_frames;
    const double *along_of = model->along + in_frames, *times = model->times + start;
    const double *levels = model->levels + start, *factors = model->muon_factors + start;
    const double *scattering = model->muon_scattering + start;
    const double *absorption = model->muon_absorption + start;
    double distance[BLOCK], residual[BLOCK], cos_eta[BLOCK], rise[BLOCK], depth[BLOCK];
    double rate[BLOCK], share[BLOCK], root_share[BLOCK], shell[BLOCK], early[BLOCK], late[BLOCK];
    double light[BLOCK], charge_shell[BLOCK];

    double per_sine = 1.0 / model->sin_cherenkov, per_speed = 1.0 / model->light_speed;
    double half_width = model->timing.half_width, shortest = model->shortest_path;
    double base = model->cos_cherenkov * model->along_z[row];
    double slope = model->sin_cherenkov * model->first_z[row];
    Axis depths = model->depths;
    EACH {
        double x = first_of[i] - point[0], y = second_of[i] - point[1];
        double away = at_least(root_of(x * x + y * y), model->dom_radius);
        double arrival = (along_of[i] + model->distance_delay * away) * per_speed;
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
        rate[i] = scattering[i] - linear(model->muon_scattering_at + below, part);
        share[i] = absorption[i] - linear(model->muon_absorption_at + below, part);
    }
    Axis distances = model->muon_distances, delays = model->muon_delays;
    Axis charge_distances = model->muon_charge_distances;
    EACH {
        double ratio = rate[i] / share[i];
        root_share[i] = root_of(ratio);
        share[i] = log_of(ratio);
        rate[i] = rate[i] / rise[i];
        double away = log_of(distance[i] * rate[i]);
        shell[i] = steps_of(&distances, away);
        charge_shell[i] = steps_of(&charge_distances, away);
        double scale = rate[i] * model->light_speed;
        early[i] = log_of(at_least((residual[i] - half_width) * scale, 1e-9));
        late[i] = log_of(at_least((residual[i] + half_width) * scale, 1e-9));
        early[i] = steps_of(&delays, early[i]);
        late[i] = steps_of(&delays, late[i]);
    }
    EACH {
        Around nodes = around(&model->muon_charge_lengths, &model->muon_charge_cosines, share[i],
                              cos_eta[i], 0);
        Int step = (Int)charge_shell[i];
        double far = charge_shell[i] - step, sum = 0.0;
        for (Int j = 0; j < nodes.n; j++)
            sum += nodes.weight[j]
                   * linear(model->muon_charge + nodes.index[j] * charge_distances.n + step, far);
        light[i] = sum;
    }
    double farthest = model->muon_farthest;
    for (int i = 0; i < n; i++) {
        double beyond = at_most(farthest - distance[i] * rate[i], 0.0);
        double fall = beyond / root_share[i] * 1.7320508075688772;
        space->bare[start + i] = factors[i] * exp_of(light[i] + fall) / distance[i];
    }
    for (int i = 0; i < n_hits; i++) {
        Around nodes = around(&model->muon_lengths, &model->muon_cosines, share[i], cos_eta[i],
                              model->is_quick);
        Int step = (Int)shell[i], at_early = (Int)early[i], at_late = (Int)late[i];
        double far = shell[i] - step, none_early = 0.0, none_late = 0.0;
        double early_part = early[i] - at_early, late_part = late[i] - at_late;
        for (Int j = 0; j < nodes.n; j++) {
            const double *times_of = model->muon_survival
                                     + (nodes.index[j] * distances.n + step) * delays.n;
            if (residual[i] > half_width)
                none_early += nodes.weight[j]
                              * in_plane(times_of + at_early, delays.n, far, early_part);
            if (residual[i] > -half_width)
                none_late += nodes.weight[j]
                             * in_plane(times_of + at_late, delays.n, far, late_part);
        }
        space->residual[start + i] = residual[i];
        space->early[start + i] = none_early;
        space->late[start + i] = none_late;
    }
}

INLINE double lanes_of(const double *a, const double *b, Int n)
{
    double lanes[LANES] = { 0.0 }, sum = 0.0;
    for (Int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] += a[i + j] * b[i + j];
    for (int j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum;
}

/* Expected charges of hits: that of other light, and of the segments. */
INLINE void expected_of_hits(const LossModel *model, Int n_segments, const Space *space)
{
    Int n = filled(model->n_hits);
    for (Int i = 0; i < n; i++)
        space->expected[i] = space->bare[i] + model->noise;
    for (Int k = 0; k < n_segments; k++) {
        double energy = space->energy[k], *expected = space->expected;
        const double *dense = space->dense + k * n;
        for (Int i = 0; i < n; i++)
            expected[i] += energy * dense[i];
    }
}

/* The energies of the segments. */
INLINE void find_energies(const LossModel *model, Int n_segments, const Space *space)
{
    Int n = filled(model->n_hits);
    double sum = 0.0;
    for (Int i = 0; i < n; i++)
        space->more[i] = model->weights[i] > 0.0 ? 1.0 : 0.0;
    for (Int k = 0; k < n_segments; k++) {
        double seen = lanes_of(space->dense + k * n, space->more, n) + space->dark[k];
        seen = seen < model->least_seen ? 0.0 : seen;
        space->energy[k] = seen;
        sum += seen * seen;
    }
    double scale = model->total_charge / at_least(sum, model->tiny);
    for (Int k = 0; k < n_segments; k++)
        space->energy[k] = at_most(space->energy[k] * scale, model->largest_energy);
    for (Int step = 0; step < model->n_steps; step++) {
        expected_of_hits(model, n_segments, space);
        for (Int i = 0; i < n; i++) {
            space->more[i] = model->charge[i] / space->expected[i];
            space->less[i] = model->weights[i] / (space->expected[i] + model->shape);
        }
        for (Int k = 0; k < n_segments; k++) {
            const double *dense = space->dense + k * n;
            double more = lanes_of(dense, space->more, n);
            double less = lanes_of(dense, space->less, n) + space->dark[k];
            double energy = space->energy[k] * (more / at_least(less, model->tiny));
            space->energy[k] = at_most(energy, model->largest_energy);
        }
    }
}

INLINE double charges_of_losses(const LossModel *model, const Space *space)
{
    double lanes[LANES] = { 0.0 };
    int n = filled(model->n_doms), n_hits = filled(model->n_hits);
    for (int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] += model->weights[i + j] * log_of(space->expected[i + j] + model->shape);
    for (int i = 0; i < n_hits; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] -= model->charge[i + j] * log_of(space->expected[i + j]);
    double sum = 0.0;
    for (int j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum - model->constant;
}

/* Add the light of pairs of segments and hits to the mixtures of their DOMs. */
INLINE void mix(const LossModel *model, const Int *pairs, const Int *doms, const double *passed,
                const double *charges, int n, const Space *space)
{
    double half_width = model->timing.half_width, least = model->first_delay;
    Int n_psi = model->n_psi, n_shells = model->distances.n, n_times = model->delays.n;
    double residual[BLOCK], early[BLOCK], late[BLOCK];
    Axis delays = model->delays;
    EACH {
        double scale = space->rate[pairs[i]] * model->light_speed;
        double way = space->distance[pairs[i]] * model->arrival;
        residual[i] = model->times[doms[i]] - passed[i] - way;
        early[i] = (residual[i] - half_width) * scale;
        late[i] = (residual[i] + half_width) * scale;
    }
    EACH {
        early[i] = steps_of(&delays, log_of(at_least(early[i], least)));
        late[i] = steps_of(&delays, log_of(at_least(late[i], least)));
    }
    EACH {
        Int pair = pairs[i], turn = (Int)space->psi[pair], step = (Int)space->shell[pair];
        Around nodes = around(&model->time_lengths, &model->time_cosines, space->log_share[pair],
                              space->cos_eta[pair], model->is_quick);
        double turned = space->psi[pair] - turn, far = space->shell[pair] - step;
        Int at_early = (Int)early[i], at_late = (Int)late[i];
        double early_part = early[i] - at_early, late_part = late[i] - at_late;
        double none_early = 0.0, none_late = 0.0; /* ln S */
        for (Int j = 0; j < nodes.n; j++) {
            const double *here = model->log_survival
                                 + ((nodes.index[j] * n_psi + turn) * n_shells + step) * n_times;
            const double *turned_on = here + n_shells * n_times;
            if (residual[i] > half_width) {
                double low = in_plane(here + at_early, n_times, far, early_part);
                double high = in_plane(turned_on + at_early, n_times, far, early_part);
                none_early += nodes.weight[j] * (low + turned * (high - low));
            }
            if (residual[i] > -half_width) {
                double low = in_plane(here + at_late, n_times, far, late_part);
                double high = in_plane(turned_on + at_late, n_times, far, late_part);
                none_late += nodes.weight[j] * (low + turned * (high - low));
            }
        }
        early[i] = none_early;
        late[i] = none_late;
    }
    EACH {
        early[i] = exp_of(early[i]);
        late[i] = exp_of(late[i]);
    }
    EACH {
        space->total[doms[i]] += charges[i];
        space->none_early[doms[i]] += charges[i] * early[i];
        space->none_late[doms[i]] += charges[i] * late[i];
    }
}

/* -ln of the density of the first pulses' times. */
INLINE double times_of_losses(const LossModel *model, Int row, const double *point,
                              const Space *space)
{
    Int n_hits = model->n_hits, n_segments = model->n_segments[row];
    const Int *starts = model->starts + row * (model->most_segments + 1);
    const Int *hits = model->hits + row * (model->most_segments + 1);
    const Int *doms = model->doms + row * model->most_pairs;
    const double *places = model->places + row * model->most_segments;
    double *least = space->more, passed[BLOCK], charges[BLOCK], llh = 0.0;
    Int pairs[BLOCK], which[BLOCK];
    int n = 0;
    for (Int i = 0; i < n_hits; i++) {
        double bare = space->bare[i], total = space->expected[i] - model->noise;
        least[i] = model->smallest_share * total;
        space->total[i] = bare;
        space->none_early[i] = bare * exp_of(space->early[i]);
        space->none_late[i] = bare * exp_of(space->late[i]);
    }
    for (Int k = 0; k < n_segments; k++) {
        double energy = space->energy[k], at = point[2] + places[k] / model->light_speed;
        for (Int i = 0; i < hits[k]; i++) {
            Int pair = starts[k] + i, dom = doms[pair];
            double charge = space->per_gev[pair] * energy;
            pairs[n] = pair;
            which[n] = dom;
            passed[n] = at;
            charges[n] = charge;
            n += charge > least[dom] ? 1 : 0;
            if (n == BLOCK) {
                mix(model, pairs, which, passed, charges, BLOCK, space);
                n = 0;
            }
        }
    }
    if (n > 0)
        mix(model, pairs, which, passed, charges, n, space);
    for (Int start = 0; start < n_hits; start += BLOCK) {
        int size = (int)(n_hits - start < BLOCK ? n_hits - start : BLOCK), all = filled(size);
        double early[BLOCK], late[BLOCK], density[BLOCK], residual[BLOCK];
        for (int i = 0; i < all; i++) {
            Int dom = start + (i < size ? i : 0);
            double photons = model->photons[dom];
            residual[i] = space->residual[dom];
            early[i] = photons * log_of(space->none_early[dom] / space->total[dom]);
            late[i] = photons * log_of(space->none_late[dom] / space->total[dom]);
        }
        densities(&model->timing, all, residual, early, late, density);
        for (int i = size; i < all; i++)
            density[i] = 1.0;
        llh -= sum_of_logs(density, all);
    }
    return llh;
}

/* -ln L; the part of it that is of times, and the energies in the space of the model. */
INLINE double losses_parts(const LossModel *model, Int row, const double *point, double *times)
{
    Space space = space_of(model);
    Int n_segments = model->n_segments[row], n_hits = filled(model->n_hits);
    const Int *starts = model->starts + row * (model->most_segments + 1);
    const Int *hits = model->hits + row * (model->most_segments + 1);
    const Int *doms = model->doms + row * model->most_pairs;
    const double *places = model->places + row * model->most_segments;
    const double *first = model->axes_first + 3 * row, *second = model->axes_second + 3 * row;
    const double *along = model->axes_along + 3 * row;
    double bad = not_finite(point, 3);
    if (bad != 0.0)
        return bad;
    for (Int start = 0; start < model->n_doms; start += BLOCK) {
        Int n = model->n_doms - start, hit = model->n_hits - start;
        hit = hit < 0 ? 0 : hit;
        muon_block(model, row, start, (int)(n < BLOCK ? n : BLOCK), (int)(hit < BLOCK ? hit : BLOCK),
                   point, &space);
    }
    for (Int k = 0; k < n_segments; k++) {
        double centre[3], *dense = space.dense + k * n_hits, dark = 0.0;
        for (int j = 0; j < 3; j++)
            centre[j] = point[0] * first[j] + point[1] * second[j] + places[k] * along[j];
        for (Int start = starts[k]; start < starts[k + 1]; start += BLOCK) {
            Int n = starts[k + 1] - start;
            segment_block(model, centre, along, doms + start, (int)(n < BLOCK ? n : BLOCK), start,
                          &space);
        }
        for (Int i = 0; i < n_hits; i++)
            dense[i] = 0.0;
        for (Int i = starts[k]; i < starts[k] + hits[k]; i++)
            dense[doms[i]] = space.per_gev[i];
        for (Int i = starts[k] + hits[k]; i < starts[k + 1]; i++)
            dark += space.per_gev[i];
        space.dark[k] = dark;
    }
    find_energies(model, n_segments, &space);
    expected_of_hits(model, n_segments, &space);
    for (Int i = model->n_hits; i < filled(model->n_doms); i++)
        space.expected[i] = space.bare[i] + model->noise;
    for (Int k = 0; k < n_segments; k++)
        for (Int i = starts[k] + hits[k]; i < starts[k + 1]; i++)
            space.expected[doms[i]] += space.energy[k] * space.per_gev[i];
    double charges = charges_of_losses(model, &space);
    *times = times_of_losses(model, row, point, &space);
    return charges + *times;
}

INLINE double losses_llh(const LossModel *model, Int row, const double *point, double *energy)
{
    double times = 0.0, sum = 0.0, llh = losses_parts(model, row, point, &times);
    Space space = space_of(model);
    for (Int k = 0; k < model->n_segments[row]; k++)
        sum += space.energy[k];
    *energy = sum;
    return llh;
}

/* Energies are (m, most_segments). */
INLINE void details_of(const LossModel *model, Int m, const Int *rows, const double *points,
                       double *llh, double *times, double *energies)
{
    for (Int i = 0; i < m; i++) {
        llh[i] = losses_parts(model, rows[i], points + 3 * i, times + i);
        Space space = space_of(model);
        for (Int k = 0; k < model->n_segments[rows[i]]; k++)
            energies[i * model->most_segments + k] = space.energy[k];
    }
}

#define DETAILS(NAME, TARGET)                                                                    \
    API TARGET void losses_details##NAME(const void *model, Int m, const Int *rows,              \
                                         const double *points, double *llh, double *times,       \
                                         double *energies)                                       \
    { details_of(model, m, rows, points, llh, times, energies); }

FUNCTIONS(losses, 3, , )
DETAILS( , )

#ifdef __x86_64__
FUNCTIONS(losses, 3, _avx2, __attribute__((target("avx2"))))
DETAILS(_avx2, __attribute__((target("avx2"))))
#endif
