/* hone.DetGrad: the gradient of Det is the matrix of cofactors, which singular matrices have too. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[1];
    return HN_OK;
}

/* The determinant of m without row i and column j. */
static double minor_of(const double *m, size_t n, size_t i, size_t j, double *part)
{
    size_t at = 0;
    for (size_t r = 0; r < n; r++)
        for (size_t q = 0; q < n; q++)
            if (r != i && q != j) part[at++] = m[r * n + q];
    return hn_det(part, n - 1);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *dy = a->in[0], *x = a->in[1];
    if (x->rank < 2 || x->dims[x->rank - 1] != x->dims[x->rank - 2] ||
        hn_tensor_elems(dy) != hn_dims_elems(x->rank, x->dims, 0, x->rank - 2))
        return hn_op_fail(a->env, a->node, "dY does not fit the matrices");
    size_t n = (size_t)x->dims[x->rank - 1];
    double *m = hn_arena_array(a->env, a->scratch, 2 * n * n + 1, sizeof *m);
    if (!m) return a->env->error.status;
    for (size_t k = 0; k < hn_tensor_elems(dy); k++) {
        for (size_t i = 0; i < n * n; i++) m[i] = hn_get_f64(x, k * n * n + i);
        for (size_t i = 0; i < n * n; i++) {
            double v = minor_of(m, n, i / n, i % n, m + n * n);
            hn_set_f64(a->out[0], k * n * n + i, hn_get_f64(dy, k) * ((i / n + i % n) % 2 ? -v : v));
        }
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *x = &n->in[1]->type;
    double size = (double)x->dims[x->rank - 1], elems = (double)hn_type_elems(x);
    *cost = (hn_cost){.flops = elems * size * size * size * 2 / 3, .bytes = 2 * (double)hn_type_bytes(x)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(10));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(40, -30, -20, 10));
    hn_case(c, "one element, a batch");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(3, 5));
    hn_case_in(c, HN_F32, HN_DIMS(2, 1, 1), HN_VALS(7, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1, 1), HN_VALS(3, 5));
    hn_case(c, "empty matrix");
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0, 0), -2, 2);
    hn_case(c, "does not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false}, {"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_hone_det_grad = {
    .name = "DetGrad",
    .domain = "hone",
    .since = 1,
    .doc = "dX[i, j] = dY (-1)^(i + j) det(X without row i and column j). dY = 10, X = [[1, 2], [3, 4]]: "
           "[[40, -30], [-20, 10]].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("second derivatives of determinants are not built"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
