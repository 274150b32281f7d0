/* hone.GridSampleGrad: the gradient of GridSample with respect to X and to the grid. */
#include "ops/lib_sample.h"

enum { DY, X, GRID };

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[X];
    if (c->nout > 1) c->out[1] = *c->in[GRID];
    return HN_OK;
}

static hn_status check(const hn_refargs *a)
{
    const hn_tensor *x = a->in[X], *dy = a->in[DY], *grid = a->in[GRID];
    bool fits = x->rank >= 3 && dy->rank == x->rank && grid->rank == x->rank && dy->dims[0] == x->dims[0] &&
                dy->dims[1] == x->dims[1] && grid->dims[0] == x->dims[0] && grid->dims[x->rank - 1] == x->rank - 2;
    for (int d = 2; fits && d < x->rank; d++) fits = dy->dims[d] == grid->dims[d - 1];
    return fits ? HN_OK : hn_op_fail(a->env, a->node, "the gradient does not fit X and grid");
}

static hn_status ref(const hn_refargs *a)
{
    HN_TRY(check(a));
    const hn_tensor *x = a->in[X], *dy = a->in[DY];
    int n = x->rank - 2;
    double *v, *grid, *g, *dx, *dgrid;
    hn_sample_how how;
    hn_sample_axis axes[HN_SAMPLE_SPATIAL];
    HN_TRY(hn_sample_read(a->env, a->node, &how));
    HN_TRY(hn_nn_load(a, DY, &g));
    HN_TRY(hn_nn_load(a, X, &v));
    HN_TRY(hn_nn_load(a, GRID, &grid));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(x), &dx));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[GRID]), &dgrid));
    size_t plane = hn_dims_elems(x->rank, x->dims, 2, x->rank), points = hn_dims_elems(x->rank, dy->dims, 2, x->rank);
    size_t channels = (size_t)x->dims[1], combinations = hn_sample_count(&how, n);
    if (plane == 0 && hn_tensor_elems(dy) > 0) return hn_op_fail(a->env, a->node, "nothing to sample");
    for (size_t p = 0; p < (size_t)x->dims[0] * points; p++) {
        size_t b = p / points;
        for (int d = 0; d < n; d++)
            hn_sample_at(&how, grid[p * (size_t)n + (size_t)(n - 1 - d)], x->dims[2 + d], &axes[d]);
        for (size_t k = 0; k < channels * combinations; k++) {
            size_t c = b * channels + k / combinations;
            double at_point = g[c * points + p % points];
            int64_t at;
            double weight = hn_sample_weight(&how, axes, x->dims + 2, n, k % combinations, -1, &at);
            if (weight != 0) dx[c * plane + (size_t)at] += at_point * weight;
            for (int d = 0; d < n; d++) {
                weight = hn_sample_weight(&how, axes, x->dims + 2, n, k % combinations, d, &at);
                if (weight != 0)
                    dgrid[p * (size_t)n + (size_t)(n - 1 - d)] += at_point * weight * v[c * plane + (size_t)at];
            }
        }
    }
    hn_nn_store(a->out[0], dx);
    if (a->nout > 1 && a->out[1]) hn_nn_store(a->out[1], dgrid);
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double taps = hn_attr_is(n, "mode", "nearest") ? 1 : hn_attr_is(n, "mode", "linear") ? 2 : 4;
    int rank = n->in[X]->type.rank;
    *cost = (hn_cost){.flops = 3 * rank * pow(taps, rank - 2) * hn_nn_elems(n->in[DY]), .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_int(c, "align_corners", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(4, 8));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(-0.75, 0, 0.5, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(3, 5, 4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(40, 0, 80, 0));
    hn_case(c, "nearest, no point");
    hn_case_string(c, "mode", "nearest");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 0), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0, 1), -1, 1);
    hn_case(c, "does not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"dY", HN_T_FLOAT, 'T', false}, {"X", HN_T_FLOAT, 'T', false}, {"grid", HN_T_FLOAT, 0, false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}, {"dgrid", HN_T_FLOAT, 0, true}};
static const hn_attr_row attrs[] = {HN_SAMPLE_ATTRS, {0}};

const hn_op hn_op_hone_grid_sample_grad = {
    .name = "GridSampleGrad",
    .domain = "hone",
    .since = 1,
    .doc = "dX, dgrid = the gradients of GridSample for X and grid, given dY. align_corners, X = [[0,10,20]], grid "
           "(x,y) = "
           "(-0.75,0), (0.5,0), dY = [4,8]: dX = [3,5,4], dgrid = [40,0,80,0].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("second derivatives of sampling are not built"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
