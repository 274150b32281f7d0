/* GridSample: reads the input at coordinates given by a grid, with nearest, linear or cubic interpolation along each
 * axis. */
#include "ops/lib_sample.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *grid = c->in[1];
    bool known, have;
    hn_sample_how how;
    HN_TRY(hn_sample_read(c->env, c->node, &how));
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

static double blend(const hn_sample_how *how, const hn_sample_axis *axes, const double *plane, const int64_t *dims,
                    int n)
{
    double sum = 0;
    for (size_t k = 0; k < hn_sample_count(how, n); k++) {
        int64_t at;
        double weight = hn_sample_weight(how, axes, dims, n, k, -1, &at);
        if (weight != 0) sum += weight * plane[at];
    }
    return sum;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    int n = x->rank - 2;
    double *v, *grid;
    hn_sample_how how;
    hn_sample_axis axes[HN_SAMPLE_SPATIAL];
    HN_TRY(hn_sample_read(a->env, a->node, &how));
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
        for (int d = 0; d < n; d++)
            hn_sample_at(&how, grid[p * (size_t)n + (size_t)(n - 1 - d)], x->dims[2 + d], &axes[d]);
        for (size_t c = 0; c < channels; c++)
            hn_set_f64(y, (b * channels + c) * points + o,
                       blend(&how, axes, v + (b * channels + c) * plane, x->dims + 2, n));
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    if (!g->dy[0] || !hn_dtype_is_float(g->dy[0]->type.dtype)) return HN_OK;
    hn_value *in[] = {g->dy[0], n->in[0], n->in[1]};
    hn_node *m = hn_rw_node(g->rw, "hone.GridSampleGrad", 3, in, 2, NULL);
    if (!m) return hn_rw_status(g->rw);
    HN_TRY(hn_node_copy_attrs(m, n));
    g->dx[0] = m->out[0];
    g->dx[1] = m->out[1];
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
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD); /* on the edges of the tiles */
    hn_case_int(c, "align_corners", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3, 2), HN_VALS(-1, 0, 0.5, 0, 2, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 15, 0));
    sampled(c, "linear, border", "linear", "border", 0);
    sampled(c, "nearest, reflection", "nearest", "reflection", 0);
    sampled(c, "cubic, zeros, corners", "cubic", "zeros", 1);
    sampled(c, "linear, reflection, corners", "linear", "reflection", 1);
    sampled(c, "cubic, reflection", "cubic", "reflection", 0);
    sampled(c, "cubic, border", "cubic", "border", 1);
    sampled(c, "linear, zeros", "linear", "zeros", 0);
    hn_case(c, "a coordinate is missing");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_MOVE, 'T', false}, {"grid", HN_T_FLOAT, 0, false}};
static const hn_port out[] = {{"Y", HN_T_MOVE, 'T', false}};
static const hn_attr_row attrs[] = {HN_SAMPLE_ATTRS, {0}};

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
    HN_GRAD(grad),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
