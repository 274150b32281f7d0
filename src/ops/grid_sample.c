/* GridSample: reads the input at coordinates given by a grid, with nearest, linear or cubic interpolation along each
 * axis. */
#include "ops/lib_nn.h"

enum { SPATIAL_MAX = HN_MAX_RANK - 2, TAPS = 4 };

typedef enum padding { ZEROS, BORDER, REFLECTION } padding;

static hn_status read_mode(hn_env *env, const hn_node *node, int *taps, padding *pad)
{
    static const char *const pads[] = {"zeros", "border", "reflection"};
    *taps = hn_attr_is(node, "mode", "nearest") ? 1 : hn_attr_is(node, "mode", "linear") ? 2 : 4;
    if (*taps == 4 && !hn_attr_is(node, "mode", "cubic"))
        return hn_op_fail(env, node, "mode must be nearest, linear or cubic");
    for (int i = 0; i < 3; i++) {
        *pad = (padding)i;
        if (hn_attr_is(node, "padding_mode", pads[i])) return HN_OK;
    }
    return hn_op_fail(env, node, "padding_mode must be zeros, border or reflection");
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *grid = c->in[1];
    bool known, have;
    int taps;
    padding pad;
    HN_TRY(read_mode(c->env, c->node, &taps, &pad));
    c->out[0].dtype = x->dtype;
    HN_TRY(hn_nn_rank(c, 0, 3, HN_MAX_RANK, &known));
    HN_TRY(hn_nn_rank(c, 1, 3, HN_MAX_RANK, &have));
    if (!known || !have) return HN_OK;
    if (x->rank != grid->rank) return hn_op_fail(c->env, c->node, "X and grid differ in rank");
    HN_TRY(hn_nn_same_dim(c->env, c->node, "coordinates and spatial dims", grid->dims[x->rank - 1], x->rank - 2, NULL));
    c->out[0].rank = x->rank;
    HN_TRY(hn_nn_same_dim(c->env, c->node, "batch of X and grid", x->dims[0], grid->dims[0], &c->out[0].dims[0]));
    c->out[0].dims[1] = x->dims[1];
    for (int i = 2; i < x->rank; i++) c->out[0].dims[i] = grid->dims[i - 1];
    return HN_OK;
}

/* Mirrors x into [lo, hi]. */
static double reflect(double x, double lo, double hi)
{
    double range = hi - lo, over = x < lo ? lo - x : x - hi;
    if (x >= lo && x <= hi) return x;
    if (range <= 0) return lo;
    double turns = floor(over / range), rest = over - turns * range;
    bool even = fmod(turns, 2) == 0;
    if (x < lo) return even ? lo + rest : hi - rest;
    return even ? hi - rest : lo + rest;
}

/* The point that index p of an axis of n stands for; -1: zero. */
static int64_t resolve(double p, int64_t n, padding pad, double lo, double hi)
{
    if (p >= 0 && p < (double)n) return (int64_t)p;
    if (pad == ZEROS) return -1;
    if (pad == REFLECTION) p = trunc(reflect(p, lo, hi));
    return p < 0 ? 0 : p >= (double)n ? n - 1 : (int64_t)p;
}

static void cubic(double r, double *w)
{
    const double a = -0.75;
    w[0] = ((a * (r + 1) - 5 * a) * (r + 1) + 8 * a) * (r + 1) - 4 * a;
    w[1] = ((a + 2) * r - (a + 3)) * r * r + 1;
    w[2] = ((a + 2) * (1 - r) - (a + 3)) * (1 - r) * (1 - r) + 1;
    w[3] = ((a * (2 - r) - 5 * a) * (2 - r) + 8 * a) * (2 - r) - 4 * a;
}

/* Points and weights of one axis of n for the normalised coordinate v in [-1, 1]. */
static void axis_taps(double v, int64_t n, bool corners, int taps, padding pad, int64_t *index, double *w)
{
    double lo = corners ? 0 : -0.5, hi = corners ? (double)n - 1 : (double)n - 0.5;
    double x = corners ? (v + 1) / 2 * (double)(n - 1) : ((v + 1) * (double)n - 1) / 2;
    if (!(fabs(x) < 1e15)) x = x > 0 ? 1e15 : -1e15;
    if (taps == 1) x = rint(x);
    if (pad == BORDER && (x < lo || x > hi)) x = x < 0 ? 0 : (double)(n - 1);
    if (pad == REFLECTION) x = reflect(x, lo, hi);
    double base = floor(x), r = x - base;
    if (taps == 1) {
        base = rint(x);
        w[0] = 1;
    } else if (taps == 2) {
        w[0] = 1 - r;
        w[1] = r;
    } else {
        base -= 1;
        cubic(r, w);
    }
    for (int t = 0; t < taps; t++) index[t] = resolve(base + t, n, pad, lo, hi);
}

/* Sum over all combinations of taps of one channel. */
static double blend(const double *plane, const int64_t *dims, int n, int taps, int64_t (*index)[TAPS],
                    double (*w)[TAPS])
{
    size_t count = 1;
    double sum = 0;
    for (int d = 0; d < n; d++) count *= (size_t)taps;
    for (size_t k = 0; k < count; k++) {
        size_t rest = k;
        int64_t at = 0, stride = 1;
        double weight = 1;
        for (int d = n - 1; d >= 0; d--) {
            size_t t = rest % (size_t)taps;
            rest /= (size_t)taps;
            weight = index[d][t] < 0 ? 0 : weight * w[d][t];
            at += (index[d][t] < 0 ? 0 : index[d][t]) * stride;
            stride *= dims[d];
        }
        if (weight != 0) sum += weight * plane[at];
    }
    return sum;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    bool corners = hn_attr_int(a->node, "align_corners", 0) != 0;
    int taps, n = x->rank - 2;
    double *v, *grid, w[SPATIAL_MAX][TAPS];
    int64_t index[SPATIAL_MAX][TAPS];
    padding pad;
    HN_TRY(read_mode(a->env, a->node, &taps, &pad));
    if (!(HN_BIT(x->dtype) & (HN_T_NUM | HN_T_BOOL))) {
        return hn_op_unsupported(a->env, a->node, "sampling of %s", hn_dtype_name(x->dtype));
    }
    HN_TRY(hn_nn_load(a, 0, &v));
    HN_TRY(hn_nn_load(a, 1, &grid));
    size_t plane = hn_dims_elems(x->rank, x->dims, 2, x->rank), points = hn_dims_elems(y->rank, y->dims, 2, y->rank);
    size_t channels = (size_t)x->dims[1];
    if (plane == 0 && hn_tensor_elems(y) > 0) return hn_op_fail(a->env, a->node, "nothing to sample");
    for (size_t p = 0; p < (size_t)x->dims[0] * points; p++) {
        size_t b = p / points, o = p % points;
        /* The grid names the last axis first. */
        for (int d = 0; d < n; d++) {
            axis_taps(grid[p * (size_t)n + (size_t)(n - 1 - d)], x->dims[2 + d], corners, taps, pad, index[d], w[d]);
        }
        for (size_t c = 0; c < channels; c++) {
            const double *src = v + (b * channels + c) * plane;
            hn_set_f64(y, (b * channels + c) * points + o, blend(src, x->dims + 2, n, taps, index, w));
        }
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double taps = hn_attr_is(n, "mode", "nearest") ? 1 : hn_attr_is(n, "mode", "linear") ? 2 : 4;
    *cost =
        (hn_cost){.flops = 2 * pow(taps, n->in[0]->type.rank - 2) * hn_nn_elems(n->out[0]), .bytes = hn_nn_bytes(n)};
}

static void sampled(hn_cases *c, const char *name, const char *mode, const char *pad, int64_t corners)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "mode", mode);
    hn_case_string(c, "padding_mode", pad);
    hn_case_int(c, "align_corners", corners);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 4, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2, 2), -1.5, 1.5);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_int(c, "align_corners", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3, 2), HN_VALS(-1, 0, 0.5, 0, 2, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 15, 0));
    sampled(c, "linear, border", "linear", "border", 0);
    sampled(c, "nearest, reflection", "nearest", "reflection", 0);
    sampled(c, "cubic, zeros, corners", "cubic", "zeros", 1);
    sampled(c, "linear, reflection, corners", "linear", "reflection", 1);
    hn_case(c, "a coordinate is missing");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_MOVE, 'T', false}, {"grid", HN_T_FLOAT, 0, false}};
static const hn_port out[] = {{"Y", HN_T_MOVE, 'T', false}};
static const hn_attr_row attrs[] = {{"align_corners", HN_ATTR_INT, false, "0",
                                     "1: -1 and 1 are the centres of the corner points, else their outer edges"},
                                    {"mode", HN_ATTR_STRING, false, "linear", "nearest, linear or cubic"},
                                    {"padding_mode", HN_ATTR_STRING, false, "zeros", "zeros, border or reflection"},
                                    {0}};

const hn_op hn_op_grid_sample = {
    .name = "GridSample",
    .domain = "",
    .since = 22,
    .doc = "Y[n,c,o] = X[n,c] interpolated at the coordinates grid[n,o], in [-1, 1] along each axis, last axis first. "
           "align_corners, X = [[0,10,20]], grid (x,y) = (-1,0), (0.5,0), (2,0): Y = [0,15,0].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("scattering by coordinates is not built: sampled models are run and quantised, not trained"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
