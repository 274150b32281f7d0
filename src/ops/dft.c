/* DFT: the discrete Fourier transform along one axis, its inverse, and their one-sided forms for real signals. */
#include "ops/lib_signal.h"

enum { X, LENGTH, AXIS };

/* Everything about the axis, from the dims of the input; n, in and out are -1 where they are not known. */
static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *dims, const hn_tensor *length,
                      bool sized, const hn_tensor *where, int *axis, hn_dft_axis *s)
{
    int64_t at = -2, parts = dims[rank - 1];
    *s = (hn_dft_axis){.inverse = hn_attr_int(node, "inverse", 0) != 0,
                       .onesided = hn_attr_int(node, "onesided", 0) != 0};
    if (where && hn_tensor_elems(where) != 1)
        return hn_op_fail(env, node, "axis has %zu elements, not 1", hn_tensor_elems(where));
    if (where) at = hn_get_i64(where, 0);
    HN_TRY(hn_op_axis(env, node, at, rank, axis));
    if (*axis == rank - 1) return hn_op_fail(env, node, "axis %lld holds the parts of numbers", (long long)at);
    if (parts >= 0 && parts != 1 && parts != 2)
        return hn_op_fail(env, node, "the last dim is %lld: 1 (real) or 2 (complex) needed", (long long)parts);
    if (s->onesided && parts >= 0 && parts != (s->inverse ? 2 : 1)) {
        return hn_op_fail(env, node, "onesided %s needs %s input", s->inverse ? "inverse" : "transform",
                          s->inverse ? "complex" : "real");
    }
    s->in_parts = (int)parts;
    s->parts = s->onesided && s->inverse ? 1 : 2;
    s->in = dims[*axis] < 0 ? -1 : dims[*axis];
    s->n = s->in < 0 ? -1 : s->onesided && s->inverse ? 2 * (s->in - 1) : s->in;
    if (s->n < 0 && s->in >= 0) s->n = 0;
    if (length)
        HN_TRY(hn_signal_int(env, node, length, "dft_length", 1, &s->n));
    else if (sized)
        s->n = -1;
    s->out = s->n >= 0 && s->onesided && !s->inverse ? s->n / 2 + 1 : s->n;
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[X];
    bool known, sized = hn_nn_type(c, LENGTH), placed = hn_nn_type(c, AXIS);
    int axis;
    hn_dft_axis s;
    c->out[0].dtype = x->dtype;
    HN_TRY(hn_nn_rank(c, X, 2, HN_MAX_RANK, &known));
    if (!known) return HN_OK;
    const hn_tensor *length = sized ? c->data[LENGTH] : NULL, *where = placed ? c->data[AXIS] : NULL;
    HN_TRY(read(c->env, c->node, x->rank, x->dims, length, sized, where, &axis, &s));
    hn_type_unknown_dims(&c->out[0], x->rank);
    c->out[0].dims[x->rank - 1] = s.parts;
    if (placed && !where) return HN_OK;
    for (int d = 0; d < x->rank - 1; d++) c->out[0].dims[d] = d == axis ? s.out : x->dims[d];
    if (s.n < 0 && !sized && !s.onesided) c->out[0].dims[axis] = x->dims[axis];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X], *length = hn_nn_in(a, LENGTH);
    double *x, *y, *buf;
    int axis;
    hn_dft d;
    hn_dft_axis s;
    HN_TRY(read(a->env, a->node, t->rank, t->dims, length, length, hn_nn_in(a, AXIS), &axis, &s));
    size_t outer = hn_dims_elems(t->rank, t->dims, 0, axis),
           inner = hn_dims_elems(t->rank, t->dims, axis + 1, t->rank - 1);
    size_t ip = (size_t)s.in_parts, op = (size_t)s.parts;
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    HN_TRY(hn_dft_init(a, (size_t)s.n, s.inverse, &d));
    HN_TRY(hn_nn_new(a, 4 * (size_t)s.n, &buf));
    for (size_t k = 0; k < outer * inner; k++) {
        size_t o = k / inner, i = k % inner;
        hn_dft_signal(&s, &d, x + (o * (size_t)s.in * inner + i) * ip, inner * ip,
                      y + (o * (size_t)s.out * inner + i) * op, inner * op, buf);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    const hn_type *x = &node->in[X]->type;
    hn_env *env = rw->graph->env;
    const hn_tensor *length = hn_node_const(node, LENGTH), *where = hn_node_const(node, AXIS);
    int axis;
    hn_dft_axis s;
    if ((hn_node_in(node, LENGTH) && !length) || (hn_node_in(node, AXIS) && !where))
        return hn_op_unsupported(env, node, "no decomposition when dft_length or axis is computed");
    HN_TRY(read(env, node, x->rank, x->dims, length, length, where, &axis, &s));
    return hn_dft_nodes(rw, node, &s, node->in[X], axis, &out[0]);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double elems = hn_nn_elems(n->out[0]);
    *cost = (hn_cost){.flops = 5 * elems * log2(elems + 1), .bytes = hn_nn_bytes(n)};
}

static void some(hn_cases *c, const char *name, int64_t inverse, int64_t onesided)
{
    hn_case(c, name);
    hn_case_int(c, "inverse", inverse);
    hn_case_int(c, "onesided", onesided);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 1), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 4, 2), HN_VALS(10, 0, -2, 2, -2, 0, -2, -2));
    some(c, "inverse of it", 1, 0);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 2), HN_VALS(10, 0, -2, 2, -2, 0, -2, -2));
    hn_case_want(c, HN_F32, HN_DIMS(1, 4, 2), HN_VALS(1, 0, 2, 0, 3, 0, 4, 0));
    some(c, "one side", 0, 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 1), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 3, 2), HN_VALS(10, 0, -2, 2, -2, 0));
    some(c, "from one side, odd length", 1, 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(6, 5, -1.5, 0.8660254037844386));
    hn_case_scalar(c, HN_I32, 3);
    hn_case_want(c, HN_F32, HN_DIMS(1, 3, 1), HN_VALS(1, 2, 3));
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    some(c, "from one side, even length", 1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 2), -1, 1);
    some(c, "length 30, cut from 31, first axis", 0, 0);
    hn_case_rand(c, HN_F32, HN_DIMS(31, 2, 2), -1, 1);
    hn_case_scalar(c, HN_I64, 30);
    hn_case_scalar(c, HN_I64, 0);
    some(c, "prime length, padded, inverse", 1, 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 5, 2, 2), -1, 1);
    hn_case_scalar(c, HN_I64, 7);
    hn_case_scalar(c, HN_I64, -3);
    some(c, "one side, padded, odd", 0, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4, 1), -1, 1);
    hn_case_scalar(c, HN_I64, 9);
    hn_case(c, "length 1");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 1), -1, 1);
    hn_case(c, "the axis of the parts");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 1), -1, 1);
    hn_case_absent(c);
    hn_case_scalar(c, HN_I64, -1);
    some(c, "one side of complex numbers", 0, 1);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 2), -1, 1);
    hn_case(c, "length 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 1), -1, 1);
    hn_case_scalar(c, HN_I64, 0);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"input", HN_T_FLOAT, 'T', false}, {"dft_length", HN_T_I32I64, 0, true}, {"axis", HN_T_I32I64, 0, true}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"inverse", HN_ATTR_INT, false, "0", "1: the inverse transform"},
    {"onesided", HN_ATTR_INT, false, "0", "1: of a real signal only the first n / 2 + 1 values, or back from them"},
    {0}};

const hn_op hn_op_dft = {
    .name = "DFT",
    .domain = "",
    .since = 20,
    .doc = "y[k] = sum_j x[j] exp(-2 pi i j k / n), or its inverse, along `axis`; x is cut or padded with zeros to "
           "n = dft_length; the last dim holds real and imaginary part. "
           "DFT([1, 2, 3, 4]) = [10, -2 + 2 i, -2, -2 - 2 i].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
