/* Follow photons through homogeneous ice and record where they cross cylinders or spheres.

   Lengths are in units of the effective scattering length le, times in units of le over the
   speed of light in vacuum. See photons.py, which compiles and calls this file. */
#include <math.h>
#include <stdint.h>

#define N_MOMENTS 11 /* Legendre polynomials of degree 0 to 10 */
#define MAX_SURFACES 64
#define MAX_LENGTHS 8
/* A crossing at a smaller cosine to the surface's normal counts as one at half of this, which
   leaves the mean unchanged where the light is locally isotropic. */
#define GRAZING 0.08

typedef struct {
  double sam_share, g, scattering; /* mean path between scatterings, in le */
  double n_group, cos_cherenkov, sin_cherenkov;
  double first_time, log_step; /* edges of the time bins: first_time * exp(i * log_step) */
  double shower_a, shower_b;
  int32_t is_shower, n_surfaces, n_angles, n_times, n_lengths;
} Setup;

typedef struct {
  uint64_t s[4];
} Random;

typedef struct {
  const Setup *setup;
  const double *radius, *angle_edge, *absorption;
  double *sums; /* [surface][angle][time][length][moment] */
} Record;

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* Blackman and Vigna's xoshiro256+: uniform in (0, 1), 24 bits. */
static float uniform(Random *r) {
  const uint64_t result = r->s[0] + r->s[3], t = r->s[1] << 17;
  r->s[2] ^= r->s[0];
  r->s[3] ^= r->s[1];
  r->s[1] ^= r->s[2];
  r->s[0] ^= r->s[3];
  r->s[2] ^= t;
  r->s[3] = rotl(r->s[3], 45);
  return ((float)(result >> 40) + 0.5f) * (1.0f / 16777216.0f);
}

/* Turn a direction by an angle, in a random azimuth. */
static void turn(double k[3], double cosine, Random *r) {
  double u, v, q;
  do {
    u = 2.0 * uniform(r) - 1.0;
    v = 2.0 * uniform(r) - 1.0;
    q = u * u + v * v;
  } while (q > 1.0 || q < 1e-12);
  const double sine2 = 1.0 - cosine * cosine;
  const double scale = sqrt((sine2 > 0 ? sine2 : 0) / q);
  u *= scale;
  v *= scale;
  /* axes across k without a singularity (Duff et al., JCGT 6 (2017) 1) */
  const double sign = k[2] < 0 ? -1.0 : 1.0, a = -1.0 / (sign + k[2]), b = k[0] * k[1] * a;
  const double e[3] = {1.0 + sign * k[0] * k[0] * a, sign * b, -sign * k[0]};
  const double f[3] = {b, sign + k[1] * k[1] * a, -k[1]};
  double norm = 0;
  for (int i = 0; i < 3; i++) {
    k[i] = cosine * k[i] + u * e[i] + v * f[i];
    norm += k[i] * k[i];
  }
  norm = 1.5 - 0.5 * norm; /* one step of Newton's keeps the length at 1 */
  for (int i = 0; i < 3; i++) k[i] *= norm;
}

/* Cosine of a scattering angle: simplified Liu, or Henyey and Greenstein. */
static double scattered(const Setup *s, Random *r) {
  const double g = s->g;
  if (uniform(r) < s->sam_share)
    return 2.0 * expf((float)((1 - g) / (1 + g)) * logf(uniform(r))) - 1.0;
  const double x = (1 - g * g) / (1 - g + 2 * g * uniform(r));
  const double cosine = (1 + g * g - x * x) / (2 * g);
  return cosine < -1 ? -1 : cosine > 1 ? 1 : cosine;
}

static void emit(const Setup *s, double k[3], Random *r) {
  if (!s->is_shower) {
    k[0] = s->sin_cherenkov, k[1] = 0, k[2] = s->cos_cherenkov;
    return;
  }
  k[0] = k[1] = 0, k[2] = 1;
  const double total = -expm1(-s->shower_b * pow(2.0, s->shower_a));
  double x = pow(-log1p(-uniform(r) * total) / s->shower_b, 1.0 / s->shower_a);
  turn(k, 1.0 - (x < 2.0 ? x : 2.0), r);
  turn(k, s->cos_cherenkov, r);
}

/* Delay of a photon at a place, after the direct light. */
static double delay(const Setup *s, double path, double radius, double along) {
  if (s->is_shower) return (path - radius) * s->n_group;
  const double slope = (s->n_group - s->cos_cherenkov) / s->sin_cherenkov;
  return path * s->n_group - along - radius * slope;
}

static void count(const Record *rec, int surface, const double p[3], const double k[3],
                  double path) {
  const Setup *s = rec->setup;
  const double radius = rec->radius[surface];
  double normal = p[0] * k[0] + p[1] * k[1], towards, weight;
  int angle = 0;
  if (s->is_shower) {
    normal = (normal + p[2] * k[2]) / radius;
    towards = normal;
    const double cosine = p[2] / radius;
    while (angle < s->n_angles - 1 && cosine >= rec->angle_edge[angle + 1]) angle++;
  } else {
    normal /= radius;
    towards = s->sin_cherenkov * normal + s->cos_cherenkov * k[2];
  }
  normal = fabs(normal);
  weight = normal < GRAZING ? 2.0 / GRAZING : 1.0 / normal;
  const double t = delay(s, path, radius, p[2]);
  int bin = 0;
  if (t > s->first_time) bin = 1 + (int)(log(t / s->first_time) / s->log_step);
  if (bin >= s->n_times) return;
  double moments[N_MOMENTS];
  moments[0] = 1;
  moments[1] = towards;
  for (int n = 1; n < N_MOMENTS - 1; n++)
    moments[n + 1] = ((2 * n + 1) * towards * moments[n] - n * moments[n - 1]) / (n + 1);
  double *sums = rec->sums;
  sums += ((long)(surface * s->n_angles + angle) * s->n_times + bin) * s->n_lengths * N_MOMENTS;
  for (int i = 0; i < s->n_lengths; i++, sums += N_MOMENTS) {
    const double seen = weight * expf((float)(-path / rec->absorption[i]));
    for (int n = 0; n < N_MOMENTS; n++) sums[n] += seen * moments[n];
  }
}

/* Count all crossings of surfaces on a straight step. */
static void cross(const Record *rec, const double p[3], const double k[3], double path,
                  double step, double radius) {
  const Setup *s = rec->setup;
  double a = 1, b = p[0] * k[0] + p[1] * k[1], c = radius * radius;
  if (s->is_shower)
    b += p[2] * k[2];
  else
    a = 1 - k[2] * k[2];
  if (a < 1e-12) return;
  for (int j = 0; j < s->n_surfaces; j++) {
    const double d = rec->radius[j];
    if (d < radius - step) continue;
    if (d > radius + step) break;
    const double inside = b * b - a * (c - d * d);
    if (inside <= 0) continue;
    const double root = sqrt(inside);
    for (int sign = -1; sign <= 1; sign += 2) {
      const double at = (-b + sign * root) / a;
      if (at <= 0 || at > step) continue;
      const double q[3] = {p[0] + at * k[0], p[1] + at * k[1], p[2] + at * k[2]};
      count(rec, j, q, k, path + at);
    }
  }
}

static void follow(const Record *rec, Random *r) {
  const Setup *s = rec->setup;
  const double last = s->first_time * exp((s->n_times - 1) * s->log_step);
  double p[3] = {0, 0, 0}, k[3], path = 0, radius = 0;
  emit(s, k, r);
  for (;;) {
    const double step = -logf(uniform(r)) * s->scattering;
    int near = 0;
    for (int j = 0; j < s->n_surfaces && rec->radius[j] <= radius + step; j++)
      near |= rec->radius[j] >= radius - step;
    if (near) cross(rec, p, k, path, step, radius);
    for (int i = 0; i < 3; i++) p[i] += step * k[i];
    path += step;
    radius = sqrt(p[0] * p[0] + p[1] * p[1] + (s->is_shower ? p[2] * p[2] : 0));
    if (delay(s, path, radius, p[2]) > last) return; /* it only grows */
    turn(k, scattered(s, r), r);
  }
}

/* Add n photons to the sums; the same seed gives the same photons. */
void follow_photons(const Setup *setup, const double *radius, const double *angle_edge,
                    const double *absorption, uint64_t seed, int64_t n, double *sums) {
  const Record rec = {setup, radius, angle_edge, absorption, sums};
  Random r;
  for (int i = 0; i < 4; i++) r.s[i] = splitmix(&seed);
  for (int64_t i = 0; i < n; i++) follow(&rec, &r);
}
