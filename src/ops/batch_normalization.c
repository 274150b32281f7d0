/* BatchNormalization: with stored statistics, or in training mode with those of the batch, which then move the stored
 * ones. */
#include "ops/lib_norm.h"

enum { X, SCALE, B, MEAN, VAR };

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[X];
    bool known, training = hn_attr_int(c->node, "training_mode", 0) != 0;
    HN_TRY(hn_nn_rank(c, X, 1, HN_MAX_RANK, &known));
    hn_nn_like(c, 0, X);
    for (size_t i = SCALE; i <= VAR; i++) {
        bool have;
        HN_TRY(hn_nn_rank(c, i, 1, 1, &have));
        int64_t channels = x->rank < 0 ? -1 : x->rank == 1 ? 1 : x->dims[1];
        if (have) HN_TRY(hn_nn_same_dim(c->env, c->node, "channels and parameters", channels, c->in[i]->dims[0], NULL));
    }
    for (size_t i = 1; i < c->nout; i++) {
        if (!training && hn_node_out(c->node, i)) {
            return hn_op_fail(c->env, c->node, "running statistics are outputs of training_mode only");
        }
        hn_nn_like(c, i, i == 1 ? MEAN : VAR);
    }
    return HN_OK;
}

/* Channel c's plane in image n starts at (n C + c) * plane. */
static void batch_moments(const double *x, size_t batch, size_t channels, size_t plane, size_t c, double *mean,
                          double *var)
{
    double sum = 0, squares = 0, n = (double)(batch * plane);
    for (size_t i = 0; i < batch * plane; i++) sum += x[(i / plane * channels + c) * plane + i % plane];
    *mean = sum / n;
    for (size_t i = 0; i < batch * plane; i++) {
        double d = x[(i / plane * channels + c) * plane + i % plane] - *mean;
        squares += d * d;
    }
    *var = squares / n;
}

static hn_status ref(const hn_refargs *a)
{
    double *p[5];
    bool training = hn_attr_int(a->node, "training_mode", 0) != 0;
    double epsilon = hn_attr_float(a->node, "epsilon", 1e-5), momentum = hn_attr_float(a->node, "momentum", 0.9);
    const hn_tensor *t = a->in[X];
    size_t batch = (size_t)t->dims[0], channels = t->rank > 1 ? (size_t)t->dims[1] : 1, plane = 1;
    if (t->rank > 2) plane = hn_dims_elems(t->rank, t->dims, 2, t->rank);
    for (size_t i = 0; i < 5; i++) HN_TRY(hn_nn_load(a, i, &p[i]));
    for (size_t c = 0; c < channels; c++) {
        double mean = p[MEAN][c], var = p[VAR][c];
        if (training) {
            batch_moments(p[X], batch, channels, plane, c, &mean, &var);
            if (hn_nn_out(a, 1)) hn_set_f64(a->out[1], c, p[MEAN][c] * momentum + mean * (1 - momentum));
            if (hn_nn_out(a, 2)) hn_set_f64(a->out[2], c, p[VAR][c] * momentum + var * (1 - momentum));
        }
        double f = p[SCALE][c] / sqrt(var + epsilon);
        for (size_t i = 0; i < batch * plane; i++) {
            double *v = &p[X][(i / plane * channels + c) * plane + i % plane];
            *v = (*v - mean) * f + p[B][c];
        }
    }
    hn_nn_store(a->out[0], p[X]);
    return HN_OK;
}

/* The sum over all but dim 1, shaped for broadcasting along it. */
static hn_value *channel_sum(hn_rw *rw, hn_value *v)
{
    int64_t axes[HN_MAX_RANK] = {0};
    if (!v) return NULL;
    for (int i = 2; i < v->type.rank; i++) axes[i - 1] = i;
    return hn_rw_reduce_sum(rw, v, axes, (size_t)v->type.rank - 1, true);
}

/* With u = (X - mean) / sqrt(var + eps): dscale = sum(dY u), dB = sum(dY), dX = scale / sqrt(var + eps) (dY -
 * [training: mean(dY) + u mean(dY u)]). */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    const hn_node *n = g->node;
    hn_value *x = n->in[X], *dy = g->dy[0];
    int rank = x->type.rank;
    bool training = hn_attr_int(n, "training_mode", 0) != 0;
    double epsilon = hn_attr_float(n, "epsilon", 1e-5);
    if ((n->nout > 1 && g->dy[1]) || (n->nout > 2 && g->dy[2])) {
        return hn_op_unsupported(rw->graph->env, n, "no gradient through the running statistics");
    }
    if (!dy) return HN_OK;
    if (rank < 2) return hn_op_unsupported(rw->graph->env, n, "no gradient for an input of rank 1");
    for (size_t i = SCALE; i <= VAR; i++) {
        if (n->in[i]->type.dtype != x->type.dtype) {
            return hn_op_unsupported(rw->graph->env, n, "no gradient with parameters of another type than the input");
        }
    }
    int64_t axes[HN_MAX_RANK] = {0};
    for (int i = 2; i < rank; i++) axes[i - 1] = i;
    double count = hn_nn_elems(x) / (double)x->type.dims[1];
    hn_value *mean, *var;
    if (training) {
        mean = hn_norm_mean(rw, x, axes, (size_t)rank - 1);
        hn_value *d = hn_g_sub(rw, x, mean);
        var = hn_norm_mean(rw, hn_g_mul(rw, d, d), axes, (size_t)rank - 1);
    } else {
        mean = hn_norm_channel(rw, n->in[MEAN], rank);
        var = hn_norm_channel(rw, n->in[VAR], rank);
    }
    hn_value *inverse = hn_norm_inverse(rw, var, epsilon), *u = hn_g_mul(rw, hn_g_sub(rw, x, mean), inverse);
    hn_value *factor = hn_g_mul(rw, hn_norm_channel(rw, n->in[SCALE], rank), inverse);
    hn_value *db = channel_sum(rw, dy), *dscale = channel_sum(rw, hn_g_mul(rw, dy, u)), *core = dy;
    if (training) {
        hn_value *pull = hn_g_add(rw, db, hn_g_mul(rw, u, dscale));
        core = hn_g_sub(rw, dy, hn_g_scale(rw, pull, 1 / count));
    }
    g->dx[X] = hn_g_mul(rw, core, factor);
    g->dx[SCALE] = hn_g_like(rw, dscale, n->in[SCALE]);
    g->dx[B] = hn_g_like(rw, db, n->in[B]);
    if (!training) {
        g->dx[MEAN] = hn_g_like(rw, hn_g_neg(rw, hn_g_mul(rw, db, factor)), n->in[MEAN]);
        hn_value *dvar = hn_g_mul(rw, hn_g_mul(rw, dscale, factor), inverse);
        g->dx[VAR] = hn_g_like(rw, hn_g_scale(rw, dvar, -0.5), n->in[VAR]);
    }
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, hn_attr_int(n, "training_mode", 0) ? 7 : 2);
}

static bool shard(hn_shard *s)
{
    return hn_attr_int(s->node, "training_mode", 0) == 0 && hn_shard_batch(s);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_nout(c, 1);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(2, 1));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 10));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(4, 0.25));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(0, 1, 10, 12));
    hn_case(c, "images");
    hn_case_nout(c, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.5, 2);
    hn_case(c, "rows");
    hn_case_nout(c, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.5, 2);
    hn_case(c, "training, Y only");
    hn_case_nout(c, 1);
    hn_case_int(c, "training_mode", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2), 0.5, 2);
    hn_case(c, "training, statistics move");
    hn_case_flag(c, HN_CASE_NO_GRAD | HN_CASE_INEXACT);
    hn_case_int(c, "training_mode", 1);
    hn_case_float(c, "momentum", 0.75);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(1, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(6));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(5));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1), HN_VALS(-1, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(5));
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(4));
    hn_case(c, "channels do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3), 0, 1);
    for (int i = 0; i < 4; i++) hn_case_rand(c, HN_F32, HN_DIMS(2), 0, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false},
                             {"scale", HN_T_FLOAT, 'U', false},
                             {"B", HN_T_FLOAT, 'U', false},
                             {"input_mean", HN_T_FLOAT, 'V', false},
                             {"input_var", HN_T_FLOAT, 'V', false}};
static const hn_port out[] = {
    {"Y", HN_T_FLOAT, 'T', false}, {"running_mean", HN_T_FLOAT, 'V', true}, {"running_var", HN_T_FLOAT, 'V', true}};
static const hn_attr_row attrs[] = {
    HN_NORM_EPSILON,
    {"momentum", HN_ATTR_FLOAT, false, "0.9", "weight of the old running statistics"},
    {"training_mode", HN_ATTR_INT, false, "0", "1: use and return statistics of the batch"},
    {0}};

const hn_op hn_op_batch_normalization = {
    .name = "BatchNormalization",
    .domain = "",
    .since = 15,
    .doc =
        "Y = (X - mean) / sqrt(var + epsilon) scale + B per channel (dim 1); in training mode with the batch's mean "
        "and "
        "population variance, and running = running momentum + batch (1 - momentum). "
        "X = [[1,2],[3,4]], scale = [2,1], B = [0,10], mean = [1,3], var = [4,0.25], epsilon 0: Y = [[0,1],[10,12]].",
    HN_PORTS(in, 5, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = shard,
    .cases = cases,
    .quant = "",
};
