/* Det: determinants of the matrices in the last two axes. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    c->out[0].dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    if (x->rank < 2) return hn_op_fail(c->env, c->node, "the input has rank %d, below 2", x->rank);
    int64_t n;
    if (!hn_dim_meet(x->dims[x->rank - 2], x->dims[x->rank - 1], &n))
        return hn_op_fail(c->env, c->node, "the matrices are not square");
    c->out[0].rank = x->rank - 2;
    for (int d = 0; d < x->rank - 2; d++) c->out[0].dims[d] = x->dims[d];
    return HN_OK;
}

double hn_det(double *m, size_t n)
{
    double det = 1;
    for (size_t k = 0; k < n; k++) {
        size_t p = k;
        for (size_t i = k + 1; i < n; i++)
            if (fabs(m[i * n + k]) > fabs(m[p * n + k])) p = i;
        if (m[p * n + k] == 0) return 0;
        for (size_t j = 0; p != k && j < n; j++) {
            double t = m[k * n + j];
            m[k * n + j] = m[p * n + j];
            m[p * n + j] = t;
        }
        det *= p == k ? m[k * n + k] : -m[k * n + k];
        for (size_t i = k + 1; i < n; i++) {
            double f = m[i * n + k] / m[k * n + k];
            for (size_t j = k; j < n; j++) m[i * n + j] -= f * m[k * n + j];
        }
    }
    return det;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    size_t n = (size_t)x->dims[x->rank - 1], count = hn_tensor_elems(a->out[0]);
    double *m = hn_arena_array(a->env, a->scratch, n * n, sizeof *m);
    if (!m) return a->env->error.status;
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < n * n; i++) m[i] = hn_get_f64(x, k * n * n + i);
        hn_set_f64(a->out[0], k, hn_det(m, n));
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    if (!g->dy[0]) return HN_OK;
    g->dx[0] = hn_rw_2(g->rw, "hone.DetGrad", g->dy[0], g->node->in[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(-2));
    hn_case(c, "batch");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 3, 3), -2, 2);
    hn_case(c, "singular");
    hn_case_in(c, HN_F32, HN_DIMS(3, 3), HN_VALS(1, 2, 3, 2, 4, 6, 1, 0, 1));
    hn_case(c, "empty matrix");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0, 0), -2, 2);
    hn_case(c, "not square");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_det = {
    .name = "Det",
    .domain = "",
    .since = 22,
    .doc = "y = det(x) over the last two axes. Det([[1, 2], [3, 4]]) = -2.",
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
