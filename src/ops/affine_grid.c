/* AffineGrid: the positions of a regular grid in [-1, 1], moved by affine maps: coordinates for GridSample. */
#include "ops/lib_nn.h"

enum { THETA, SIZE };

/* Spatial dims n of 2 or 3 from the output size (N, C, spatial ...). */
static hn_status read(hn_env *env, const hn_node *node, const hn_tensor *size, int *n, int64_t *dims)
{
    size_t count;
    HN_TRY(hn_op_ints(env, node, size, 5, dims, &count));
    if (count != 4 && count != 5) return hn_op_fail(env, node, "size has %zu entries, 4 or 5 needed", count);
    for (size_t i = 0; i < count; i++)
        if (dims[i] < 0) return hn_op_fail(env, node, "size[%zu] is %lld", i, (long long)dims[i]);
    *n = (int)count - 2;
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *theta = c->in[THETA];
    int64_t dims[5];
    int n = 0;
    bool known;
    c->out[0].dtype = theta->dtype;
    HN_TRY(hn_nn_rank(c, THETA, 3, 3, &known));
    if (c->data[SIZE])
        HN_TRY(read(c->env, c->node, c->data[SIZE], &n, dims));
    else if (known && theta->dims[1] >= 0)
        n = (int)theta->dims[1];
    else if (c->in[SIZE]->rank == 1 && c->in[SIZE]->dims[0] >= 0)
        n = (int)c->in[SIZE]->dims[0] - 2;
    if (n == 0) return HN_OK;
    if (n != 2 && n != 3) return hn_op_fail(c->env, c->node, "%d spatial dims, 2 or 3 needed", n);
    hn_type_unknown_dims(&c->out[0], n + 2);
    c->out[0].dims[n + 1] = n;
    if (known) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "rows of theta and spatial dims", theta->dims[1], n, NULL));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "columns of theta and spatial dims + 1", theta->dims[2], n + 1, NULL));
        c->out[0].dims[0] = theta->dims[0];
    }
    if (!c->data[SIZE]) return HN_OK;
    if (known) HN_TRY(hn_nn_same_dim(c->env, c->node, "batch of theta and size", theta->dims[0], dims[0], &dims[0]));
    c->out[0].dims[0] = dims[0];
    for (int d = 0; d < n; d++) c->out[0].dims[d + 1] = dims[d + 2];
    return HN_OK;
}

/* Coordinate of index i of n: corners: the outer points are -1 and 1; else the outer edges are. */
static double place(int64_t i, int64_t n, bool corners)
{
    if (corners) return n > 1 ? 2.0 * (double)i / (double)(n - 1) - 1 : 0;
    return (2.0 * (double)i + 1) / (double)n - 1;
}

/* Coordinates of point p, last axis first, then 1. */
static void point(const int64_t *dims, int n, bool corners, int64_t p, double *out)
{
    for (int d = n - 1; d >= 0; d--) {
        out[n - 1 - d] = place(p % dims[d], dims[d], corners);
        p /= dims[d];
    }
    out[n] = 1;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    int n = y->rank - 2;
    bool corners = hn_attr_int(a->node, "align_corners", 0) != 0;
    double *theta, at[4];
    int64_t points = (int64_t)hn_dims_elems(y->rank, y->dims, 1, n + 1);
    HN_TRY(hn_nn_load(a, THETA, &theta));
    for (int64_t p = 0; p < y->dims[0] * points; p++) {
        const double *m = theta + p / points * n * (n + 1);
        point(y->dims + 1, n, corners, p % points, at);
        for (int r = 0; r < n; r++) {
            double sum = 0;
            for (int k = 0; k <= n; k++) sum += m[r * (n + 1) + k] * at[k];
            hn_set_f64(y, (size_t)(p * n + r), sum);
        }
    }
    return HN_OK;
}

/* The grid is a constant [points, n + 1]; times theta transposed. */
static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    static const int64_t flip[] = {0, 2, 1};
    const hn_type *y = &node->out[0]->type;
    bool corners = hn_attr_int(node, "align_corners", 0) != 0;
    if (!hn_type_known(y)) return hn_op_unsupported(rw->graph->env, node, "no decomposition when size is computed");
    int n = y->rank - 2;
    int64_t dims[] = {(int64_t)hn_dims_elems(y->rank, y->dims, 1, n + 1), n + 1};
    hn_tensor *t;
    hn_value *grid = hn_rw_const_new(rw, y->dtype, 2, dims, &t);
    for (int64_t p = 0; grid && p < dims[0]; p++) {
        double at[4];
        point(y->dims + 1, n, corners, p, at);
        for (int k = 0; k <= n; k++) hn_set_f64(t, (size_t)(p * (n + 1) + k), at[k]);
    }
    hn_value *v = hn_rw_2(rw, "MatMul", grid, hn_rw_transpose(rw, node->in[THETA], flip, 3));
    out[0] = hn_rw_reshape(rw, v, y->rank, y->dims);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double per = (double)n->out[0]->type.rank - 1;
    *cost = (hn_cost){
        .flops = 2 * per * hn_nn_elems(n->out[0]), .macs = per * hn_nn_elems(n->out[0]), .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 3), HN_VALS(1, 0, 0.5, 0, 2, 0));
    hn_case_axes(c, 4, (const int64_t[]){1, 1, 2, 2});
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 2, 2), HN_VALS(0, -1, 1, -1, 0, 1, 1, 1));
    hn_case(c, "corners, a dim of 1");
    hn_case_int(c, "align_corners", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 3), HN_VALS(1, 0, 0.5, 0, 2, 0));
    hn_case_axes(c, 4, (const int64_t[]){1, 3, 1, 2});
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(-0.5, 0, 1.5, 0));
    hn_case(c, "volume");
    hn_case_int(c, "align_corners", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -1, 1);
    hn_case_axes(c, 5, (const int64_t[]){2, 1, 3, 2, 4});
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_axes(c, 4, (const int64_t[]){1, 1, 0, 2});
    hn_case(c, "theta of another rank");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_axes(c, 5, (const int64_t[]){1, 1, 3, 2, 4});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"theta", HN_T_FLOAT, 'T', false}, {"size", HN_T_I64, 0, false}};
static const hn_port out[] = {{"grid", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"align_corners", HN_ATTR_INT, false, "0",
                                     "1: -1 and 1 are the centres of the outer points, else their outer edges"},
                                    {0}};

const hn_op hn_op_affine_grid = {
    .name = "AffineGrid",
    .domain = "",
    .since = 20,
    .doc = "grid[n, i, j] = theta[n] (x_j, y_i, 1), x and y in [-1, 1]; for volumes (x, y, z, 1). "
           "theta = [[1, 0, 0.5], [0, 2, 0]], 2 x 2 points at +-0.5: [[(0, -1), (1, -1)], [(0, 1), (1, 1)]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
