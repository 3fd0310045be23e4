/* The likelihood of a track in layered ice: the formulas of skyscan/light/layered.py and
   first_photon.py, which say where they come from. */

typedef struct { /* the direct light of tracks at DOMs, and how it scatters */
    Int n_doms, is_quick;
    /* in the frames of the directions, m: (n, filled(n_doms)), and (n,) */
    const double *along, *first, *second, *along_z, *first_z;
    /* of the DOMs: times (ns), z in the ice (m), integrals of 1/le, 1/la */
    const double *times, *levels, *scattering, *absorption;
    const double *log_survival; /* la/le, cos eta, d/le, t */
    Axis lengths, cosines, distances, delays;
    const double *scattering_at, *absorption_at; /* integrals by depth */
    Axis depths;
    double light_speed, cos_cherenkov, sin_cherenkov, distance_delay, dom_radius, shortest_path;
    Timing timing;
} TrackLight;

typedef struct {
    TrackLight light;
    const double *photons; /* of the DOMs */
    double one_photon;     /* probability that a pulse is the first of one photon */
} Track;

typedef struct { /* times and distances in steps of the tables; lengths is la/le */
    double distance[BLOCK], residual[BLOCK], cos_eta[BLOCK], rate[BLOCK], lengths[BLOCK];
    double log_lengths[BLOCK], log_shells[BLOCK], shell[BLOCK], early[BLOCK], late[BLOCK];
} Passing;

/* The direct light of a track at a block of DOMs. */
FUNCTION void pass_by(const TrackLight *light, Int row, Int start, int n, const double *point,
                      Passing *restrict found)
{
    Int in_frames = row * filled(light->n_doms) + start;
    const double *first_of = light->first + in_frames, *second_of = light->second + in_frames;
    const double *along_of = light->along + in_frames, *times = light->times + start;
    const double *levels = light->levels + start;
    const double *scattering = light->scattering + start, *absorption = light->absorption + start;
    const double *scattering_at = light->scattering_at, *absorption_at = light->absorption_at;
    double rise[BLOCK], depth[BLOCK];

    double per_sine = 1.0 / light->sin_cherenkov, per_speed = 1.0 / light->light_speed;
    double half_width = light->timing.half_width, shortest = light->shortest_path;
    double base = light->cos_cherenkov * light->along_z[row];
    double slope = light->sin_cherenkov * light->first_z[row];
    double nearest_dom = light->dom_radius, delay = light->distance_delay;
    double light_speed = light->light_speed, across = point[0], up_across = point[1];
    double time = point[2];
    Axis depths = light->depths, distances = light->distances, delays = light->delays;
    EACH {
        double x = first_of[i] - across, y = second_of[i] - up_across;
        double away = at_least(root_of(x * x + y * y), nearest_dom);
        double arrival = (along_of[i] + delay * away) * per_speed;
        double up = base + slope * (x / away), path = up * (away * per_sine);
        found->distance[i] = away;
        found->residual[i] = times[i] - time - arrival;
        found->cos_eta[i] = up;
        path = path < shortest ? (path > -shortest ? shortest : path) : path;
        rise[i] = path;
        depth[i] = steps_of(&depths, levels[i] - path);
    }
    EACH {
        int below = (int)depth[i];
        double part = depth[i] - below;
        found->rate[i] = scattering[i] - linear(scattering_at + below, part);
        found->lengths[i] = absorption[i] - linear(absorption_at + below, part);
    }
    EACH {
        double ratio = found->rate[i] / found->lengths[i], rate = found->rate[i] / rise[i];
        double scale = rate * light_speed;
        found->rate[i] = rate;
        found->lengths[i] = ratio;
        found->log_shells[i] = found->distance[i] * rate;
        found->early[i] = at_least((found->residual[i] - half_width) * scale, 1e-9);
        found->late[i] = at_least((found->residual[i] + half_width) * scale, 1e-9);
    }
    EACH found->log_lengths[i] = log_of(found->lengths[i]);
    EACH {
        found->log_shells[i] = log_of(found->log_shells[i]);
        found->shell[i] = steps_of(&distances, found->log_shells[i]);
    }
    EACH found->early[i] = steps_of(&delays, log_of(found->early[i]));
    EACH found->late[i] = steps_of(&delays, log_of(found->late[i]));
}

/* ln S at both ends of the box around the first pulses, in place of their steps. */
FUNCTION void survive(const TrackLight *light, int n, Passing *restrict found)
{
    int n_times = (int)light->delays.n, in_plane = (int)light->distances.n * n_times;
    int n_corners = light->is_quick ? 1 : 4;
    double half_width = light->timing.half_width, far[BLOCK], none_early[BLOCK], none_late[BLOCK];
    int at_early[BLOCK], at_late[BLOCK];
    Corners corners;
    find_corners(&light->lengths, &light->cosines, n, found->log_lengths, found->cos_eta,
                 light->is_quick, &corners);
    EACH {
        int step = (int)found->shell[i], early = (int)found->early[i], late = (int)found->late[i];
        far[i] = found->shell[i] - step;
        found->early[i] -= early;
        found->late[i] -= late;
        at_early[i] = step * n_times + early;
        at_late[i] = step * n_times + late;
        none_early[i] = 0.0;
        none_late[i] = 0.0;
    }
    for (int j = 0; j < n_corners; j++) {
        const double *weight = corners.weight[j];
        int early_place[BLOCK], late_place[BLOCK];
        double early[BLOCK], late[BLOCK];
        EACH {
            early_place[i] = corners.plane[j][i] * in_plane + at_early[i];
            late_place[i] = corners.plane[j][i] * in_plane + at_late[i];
        }
        between(light->log_survival, n, early_place, n_times, far, found->early, early);
        between(light->log_survival, n, late_place, n_times, far, found->late, late);
        EACH {
            none_early[i] += weight[i] * early[i];
            none_late[i] += weight[i] * late[i];
        }
    }
    EACH {
        found->early[i] = found->residual[i] > half_width ? none_early[i] : 0.0;
        found->late[i] = found->residual[i] > -half_width ? none_late[i] : 0.0;
    }
}

FUNCTION double track_llh(const void *model, Int row, const double *point, double *energy)
{
    const Track *track = model;
    double llh = not_finite(point, 3), share = track->one_photon;
    double of_one[BLOCK], probability[BLOCK], density[BLOCK];
    *energy = 0.0;
    for (Int start = 0; start < track->light.n_doms; start += BLOCK) {
        Passing passing;
        int n_doms = size_of_block(track->light.n_doms - start), n = filled(n_doms);
        pass_by(&track->light, row, start, n, point, &passing);
        survive(&track->light, n, &passing);
        in_box(n, passing.early, passing.late, of_one);
        EACH {
            passing.early[i] *= track->photons[start + i];
            passing.late[i] *= track->photons[start + i];
        }
        in_box(n, passing.early, passing.late, probability);
        EACH probability[i] = (1.0 - share) * probability[i] + share * of_one[i];
        densities(&track->light.timing, n, passing.residual, probability, density);
        llh -= sum_of_logs(density, n_doms);
    }
    return llh;
}
