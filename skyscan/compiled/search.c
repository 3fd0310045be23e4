/* Nelder and Mead's search: see skyscan/track/simplex.py. */

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

/* ---- of m points (m, n) of directions `rows` ---- */

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
