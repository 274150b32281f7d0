/* LRN: local response normalization across neighbouring channels. */
#include "ops/lib_nn.h"

enum { SIZE_MAX_LRN = 1 << 20 };

static hn_status infer(hn_infer *c)
{
    bool known;
    int64_t size = hn_attr_int(c->node, "size", 0);
    if (size < 1 || size > SIZE_MAX_LRN) return hn_op_fail(c->env, c->node, "size is %lld", (long long)size);
    HN_TRY(hn_nn_rank(c, 0, 2, HN_MAX_RANK, &known));
    return hn_infer_same(c);
}

/* Neighbours of channel c: [*from, *to). */
static void window(const hn_node *n, size_t c, size_t channels, size_t *from, size_t *to)
{
    size_t size = (size_t)hn_attr_int(n, "size", 1), below = (size - 1) / 2, above = size - 1 - below;
    *from = c > below ? c - below : 0;
    *to = hn_min_size(channels, c + above + 1);
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *y, alpha = hn_attr_float(a->node, "alpha", 1e-4), beta = hn_attr_float(a->node, "beta", 0.75);
    double bias = hn_attr_float(a->node, "bias", 1), size = (double)hn_attr_int(a->node, "size", 1);
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[0]), &y));
    hn_nn_split s = hn_nn_split_at(a->in[0], 1);
    for (size_t i = 0; i < s.outer * s.len * s.inner; i++) {
        size_t c = i / s.inner % s.len, base = i - c * s.inner, from, to;
        double sum = 0;
        window(a->node, c, s.len, &from, &to);
        for (size_t j = from; j < to; j++) sum += x[base + j * s.inner] * x[base + j * s.inner];
        y[i] = x[i] / pow(bias + alpha / size * sum, beta);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

/* The sum over neighbours is a product with a banded 0/1 matrix over the channels. */
static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *x = n->in[0];
    const hn_type *t = &x->type;
    int64_t channels = t->dims[1], flat[] = {t->dims[0], channels, 1}, band_dims[] = {channels, channels};
    double alpha = hn_attr_float(n, "alpha", 1e-4) / (double)hn_attr_int(n, "size", 1);
    hn_tensor *band;
    for (int i = 2; i < t->rank; i++) flat[2] *= t->dims[i];
    hn_value *matrix = hn_rw_const_new(rw, t->dtype, 2, band_dims, &band);
    for (size_t c = 0; matrix && c < (size_t)channels; c++) {
        size_t from, to;
        window(n, c, (size_t)channels, &from, &to);
        for (size_t j = from; j < to; j++) hn_set_f64(band, c * (size_t)channels + j, 1);
    }
    hn_value *sum = hn_rw_2(rw, "MatMul", matrix, hn_rw_reshape(rw, hn_g_mul(rw, x, x), 3, flat));
    hn_value *base =
        hn_g_plus(rw, hn_g_scale(rw, hn_rw_reshape(rw, sum, t->rank, t->dims), alpha), hn_attr_float(n, "bias", 1));
    out[0] = hn_g_div(rw, x, hn_rw_2(rw, "Pow", base, hn_g_scalar(rw, x, hn_attr_float(n, "beta", 0.75))));
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 2 * (double)hn_attr_int(n, "size", 1) + 4);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "size", 3);
    hn_case_float(c, "alpha", 3);
    hn_case_float(c, "beta", 1);
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(1, 3, 1), HN_VALS(1, 2, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 3, 1), HN_VALS(0.16666667, 0.33333333, 0));
    hn_case(c, "even size, images");
    hn_case_int(c, "size", 2);
    hn_case_float(c, "alpha", 0.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 2, 2), -2, 2);
    hn_case(c, "size 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "size", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"alpha", HN_ATTR_FLOAT, false, "0.0001", "factor of the mean square"},
                                    {"beta", HN_ATTR_FLOAT, false, "0.75", "exponent"},
                                    {"bias", HN_ATTR_FLOAT, false, "1.0", "added to the mean square"},
                                    {"size", HN_ATTR_INT, true, NULL, "channels summed over"},
                                    {0}};

const hn_op hn_op_lrn = {
    .name = "LRN",
    .domain = "",
    .since = 13,
    .doc = "Y[c] = X[c] / (bias + alpha / size * sum of X[j]^2)^beta over the channels j from c - floor((size-1)/2) to "
           "c + ceil((size-1)/2). size 3, alpha 3, beta 1, X = [1,2,0]: the first sums are 5 and 5: Y = [1/6, 2/6, 0].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
