/* The likelihood of a track and its losses: the formulas of skyscan/losses, which says where they
   come from. */

typedef struct {
    ShowerLight light; /* of segments */
    TrackLight muon;   /* of the bare muon, at all DOMs */
    Int n_hits, most_segments, most_pairs, n_steps;
    const double *axes_first, *axes_second, *axes_along; /* (n, 3) */
    const Int *n_segments;    /* (n,) */
    const double *places;     /* (n, most_segments), m */
    const Int *starts, *hits; /* (n, most_segments + 1) where pairs begin; pairs with hits */
    const Int *doms;          /* (n, most_pairs), by segment, those with hits first */
    /* of the DOMs, filled up: m from the charge centre, number of photons, integrals of 1/le and
       1/la, factors of the charge per GeV and of that of the muon; charge and charge + shape, 0 if
       not known */
    const double *x, *y, *z, *photons, *scattering, *absorption, *factors, *muon_factors;
    const double *charge, *weights;
    const double *muon_charge; /* la/le, cos eta, d/le */
    Axis muon_charge_lengths, muon_charge_cosines, muon_charge_distances;
    double muon_farthest, centre_z;
    double shape, noise, constant, largest_energy, total_charge, smallest_share, tiny, least_seen;
    double *space; /* for what follows */
} LossModel;

typedef struct {
    double *per_gev;                                                /* of pairs */
    double *distance, *rate, *lengths, *log_lengths, *cos_eta, *psi, *shell; /* of pairs */
    double *dense;                                                  /* (segments, hits) */
    double *bare, *expected;                                        /* of DOMs */
    double *residual, *early, *late, *total, *none_early, *none_late, *more, *less; /* of hits */
    double *energy, *dark;                                          /* of segments */
} Space;

INLINE Space space_of(const LossModel *model)
{
    Int pairs = model->most_pairs, doms = filled(model->muon.n_doms), hits = filled(model->n_hits);
    double *free = model->space;
    Space space;
    space.per_gev = free, free += pairs;
    space.distance = free, free += pairs;
    space.rate = free, free += pairs;
    space.lengths = free, free += pairs;
    space.log_lengths = free, free += pairs;
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

/* The light of a segment at `centre` (m, from the charge centre) at a block of DOMs. */
FUNCTION void segment_block(const LossModel *model, const double *centre, const double *along,
                            const Int *doms, int n_doms, Int pair, const Space *space)
{
    int n = filled(n_doms);
    double x[BLOCK], y[BLOCK], z[BLOCK], scattering[BLOCK], absorption[BLOCK], factors[BLOCK];
    double per_gev[BLOCK];
    Depth depth = depth_of(&model->light, centre[2] + model->centre_z);
    Paths paths;
    EACH {
        Int dom = doms[i < n_doms ? i : 0];
        x[i] = model->x[dom];
        y[i] = model->y[dom];
        z[i] = model->z[dom];
        scattering[i] = model->scattering[dom];
        absorption[i] = model->absorption[dom];
        factors[i] = model->factors[dom];
    }
    paths_to(&model->light, along, centre, &depth, n, x, y, z, scattering, absorption, &paths);
    charges_of(&model->light, &paths, n, factors, per_gev);
    for (int i = 0; i < n_doms; i++) {
        space->per_gev[pair + i] = per_gev[i];
        space->distance[pair + i] = paths.distance[i];
        space->rate[pair + i] = paths.rate[i];
        space->lengths[pair + i] = paths.lengths[i];
        space->log_lengths[pair + i] = paths.log_lengths[i];
        space->cos_eta[pair + i] = paths.cos_eta[i];
        space->psi[pair + i] = paths.psi[i];
        space->shell[pair + i] = paths.shell[i];
    }
}

/* The light of the bare muon at a block of DOMs; of hits, also their times. */
FUNCTION void muon_block(const LossModel *model, Int row, Int start, int n_doms, int n_hits,
                         const double *point, const Space *space)
{
    int n = filled(n_doms);
    Axis shells = model->muon_charge_distances;
    double farthest = model->muon_farthest;
    Passing passing;
    Corners corners;
    pass_by(&model->muon, row, start, n, point, &passing);
    find_corners(&model->muon_charge_lengths, &model->muon_charge_cosines, n,
                 passing.log_lengths, passing.cos_eta, 0, &corners);
    EACH {
        double steps = steps_of(&shells, passing.log_shells[i]), light = 0.0;
        int step = (int)steps;
        for (int j = 0; j < 4; j++)
            light += corners.weight[j][i]
                     * linear(model->muon_charge + corners.plane[j][i] * shells.n + step,
                              steps - step);
        space->bare[start + i] = light;
    }
    EACH {
        double distance = passing.distance[i];
        double fall = beyond(farthest, distance, passing.rate[i], passing.lengths[i]);
        double light = exp_of(space->bare[start + i] + fall);
        space->bare[start + i] = model->muon_factors[start + i] * light / distance;
    }
    survive(&model->muon, filled(n_hits), &passing);
    for (int i = 0; i < n_hits; i++) {
        space->residual[start + i] = passing.residual[i];
        space->early[start + i] = passing.early[i];
        space->late[start + i] = passing.late[i];
    }
}

FUNCTION double lanes_of(const double *a, const double *b, Int n)
{
    double lanes[LANES] = { 0.0 };
    for (Int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] += a[i + j] * b[i + j];
    return sum_of(lanes);
}

/* Expected charges of hits: that of other light, and of the segments. */
FUNCTION void expected_of_hits(const LossModel *model, Int n_segments, const Space *space)
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
FUNCTION void find_energies(const LossModel *model, Int n_segments, const Space *space)
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

FUNCTION double charges_of_losses(const LossModel *model, const Space *space)
{
    double lanes[LANES] = { 0.0 };
    int n = filled(model->muon.n_doms), n_hits = filled(model->n_hits);
    for (int i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] += model->weights[i + j] * log_of(space->expected[i + j] + model->shape);
    for (int i = 0; i < n_hits; i += LANES)
        for (int j = 0; j < LANES; j++)
            lanes[j] -= model->charge[i + j] * log_of(space->expected[i + j]);
    return sum_of(lanes) - model->constant;
}

/* ln S at both ends of the box around first pulses, of their residuals (ns). */
FUNCTION void segments_survive(const ShowerLight *light, const Paths *paths, int n,
                              const double *residual, double *restrict early,
                              double *restrict late)
{
    double half_width = light->timing.half_width, delay[BLOCK];
    Rows rows;
    find_rows(light, paths, n, &rows);
    EACH delay[i] = residual[i] - half_width;
    survival_at(light, &rows, n, delay, early);
    EACH delay[i] = residual[i] + half_width;
    survival_at(light, &rows, n, delay, late);
}

/* Add the light of pairs of segments and hits to the mixtures of their DOMs. */
FUNCTION void mix(const LossModel *model, const Int *pairs, const Int *doms, const double *passed,
                  const double *charges, int n, const Space *space)
{
    double residual[BLOCK], early[BLOCK], late[BLOCK], arrival = model->light.arrival;
    Paths paths;
    EACH {
        Int pair = pairs[i];
        paths.rate[i] = space->rate[pair];
        paths.log_lengths[i] = space->log_lengths[pair];
        paths.cos_eta[i] = space->cos_eta[pair];
        paths.psi[i] = space->psi[pair];
        paths.shell[i] = space->shell[pair];
        residual[i] = model->muon.times[doms[i]] - passed[i] - space->distance[pair] * arrival;
    }
    segments_survive(&model->light, &paths, n, residual, early, late);
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
FUNCTION double times_of_losses(const LossModel *model, Int row, const double *point,
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
        double energy = space->energy[k], at = point[2] + places[k] / model->light.light_speed;
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
        int size = size_of_block(n_hits - start), n_filled = filled(size);
        double early[BLOCK], late[BLOCK], probability[BLOCK], density[BLOCK], residual[BLOCK];
        for (int i = 0; i < n_filled; i++) {
            Int dom = start + (i < size ? i : 0);
            double photons = model->photons[dom];
            residual[i] = space->residual[dom];
            early[i] = photons * log_of(space->none_early[dom] / space->total[dom]);
            late[i] = photons * log_of(space->none_late[dom] / space->total[dom]);
        }
        in_box(n_filled, early, late, probability);
        densities(&model->light.timing, n_filled, residual, probability, density);
        llh -= sum_of_logs(density, size);
    }
    return llh;
}

/* -ln L; the part of it that is of times, and the energies in the space of the model. */
FUNCTION double losses_parts(const LossModel *model, Int row, const double *point, double *times)
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
    for (Int start = 0; start < model->muon.n_doms; start += BLOCK) {
        int n_hits = size_of_block(model->n_hits - start);
        muon_block(model, row, start, size_of_block(model->muon.n_doms - start),
                   n_hits < 0 ? 0 : n_hits, point, &space);
    }
    for (Int k = 0; k < n_segments; k++) {
        double centre[3], *dense = space.dense + k * n_hits, dark = 0.0;
        for (int j = 0; j < 3; j++)
            centre[j] = point[0] * first[j] + point[1] * second[j] + places[k] * along[j];
        for (Int start = starts[k]; start < starts[k + 1]; start += BLOCK) {
            int n = size_of_block(starts[k + 1] - start);
            segment_block(model, centre, along, doms + start, n, start, &space);
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
    for (Int i = model->n_hits; i < filled(model->muon.n_doms); i++)
        space.expected[i] = space.bare[i] + model->noise;
    for (Int k = 0; k < n_segments; k++)
        for (Int i = starts[k] + hits[k]; i < starts[k + 1]; i++)
            space.expected[doms[i]] += space.energy[k] * space.per_gev[i];
    double charges = charges_of_losses(model, &space);
    *times = times_of_losses(model, row, point, &space);
    return charges + *times;
}

FUNCTION double losses_llh(const void *of_losses, Int row, const double *point, double *energy)
{
    const LossModel *model = of_losses;
    double times = 0.0, sum = 0.0, llh = losses_parts(model, row, point, &times);
    Space space = space_of(model);
    for (Int k = 0; k < model->n_segments[row]; k++)
        sum += space.energy[k];
    *energy = sum;
    return llh;
}

/* Energies are (m, most_segments). */
FUNCTION void details_of(const LossModel *model, Int m, const Int *rows, const double *points,
                         double *llh, double *times, double *energies)
{
    for (Int i = 0; i < m; i++) {
        llh[i] = losses_parts(model, rows[i], points + 3 * i, times + i);
        Space space = space_of(model);
        for (Int k = 0; k < model->n_segments[rows[i]]; k++)
            energies[i * model->most_segments + k] = space.energy[k];
    }
}
