/* RotaryEmbedding: turns pairs of features by angles that depend on the position. */
#include "ops/lib_nn.h"

typedef struct shape {
    int64_t batch, heads, steps, size, turned; /* turned: features that take part */
    bool flat;                                 /* X is [batch, steps, heads * size], else [batch, heads, steps, size] */
} shape;

static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *x, shape *s)
{
    int64_t heads = hn_attr_int(node, "num_heads", 0), turned = hn_attr_int(node, "rotary_embedding_dim", 0);
    if (rank != 3 && rank != 4) return hn_op_fail(env, node, "X has rank %d, 3 or 4 needed", rank);
    if (rank == 3 && (heads < 1 || x[2] % heads != 0))
        return hn_op_fail(env, node, "num_heads is %lld", (long long)heads);
    if (rank == 3)
        *s = (shape){x[0], heads, x[1], x[2] / heads, turned, true};
    else
        *s = (shape){x[0], x[1], x[2], x[3], turned, false};
    if (turned == 0) s->turned = s->size;
    if (s->turned < 0 || s->turned > s->size || s->turned % 2 != 0) {
        return hn_op_fail(env, node, "%lld of %lld features cannot be turned", (long long)s->turned,
                          (long long)s->size);
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    shape s;
    bool known = c->in[0]->rank >= 0;
    for (int i = 0; i < c->in[0]->rank; i++) known = known && c->in[0]->dims[i] >= 0;
    if (known) HN_TRY(read(c->env, c->node, c->in[0]->rank, c->in[0]->dims, &s));
    hn_nn_like(c, 0, 0);
    return HN_OK;
}

/* Row of the caches for a position: [batch, steps, turned / 2] without position_ids, else [positions, turned / 2]. */
static hn_status row(const hn_refargs *a, const shape *s, int64_t b, int64_t t, size_t *out)
{
    const hn_tensor *ids = hn_nn_in(a, 3), *cache = a->in[1];
    size_t half = (size_t)s->turned / 2, rows = half ? hn_tensor_elems(cache) / half : 0;
    int64_t at = ids ? hn_get_i64(ids, (size_t)(b * s->steps + t)) : b * s->steps + t;
    if (at < 0 || (size_t)at >= rows) return hn_op_fail(a->env, a->node, "position %lld of %zu", (long long)at, rows);
    *out = (size_t)at * half;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    shape s;
    double *x, *y, *cosines, *sines;
    bool interleaved = hn_attr_int(a->node, "interleaved", 0) != 0;
    const hn_tensor *ids = hn_nn_in(a, 3);
    HN_TRY(read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, &s));
    size_t half = (size_t)s.turned / 2, n = hn_tensor_elems(a->in[0]);
    if (hn_tensor_elems(a->in[1]) != hn_tensor_elems(a->in[2]))
        return hn_op_fail(a->env, a->node, "caches differ in size");
    if (ids && hn_tensor_elems(ids) != (size_t)(s.batch * s.steps))
        return hn_op_fail(a->env, a->node, "position_ids do not fit");
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &cosines));
    HN_TRY(hn_nn_load(a, 2, &sines));
    HN_TRY(hn_nn_new(a, n, &y));
    memcpy(y, x, n * sizeof *y);
    for (int64_t k = 0; k < s.batch * s.steps * s.heads; k++) {
        int64_t b = k / (s.steps * s.heads), t = k / s.heads % s.steps, h = k % s.heads;
        int64_t at = s.flat ? ((b * s.steps + t) * s.heads + h) * s.size : ((b * s.heads + h) * s.steps + t) * s.size;
        size_t c = 0;
        HN_TRY(row(a, &s, b, t, &c));
        for (size_t i = 0; i < half; i++) {
            size_t p = (size_t)at + (interleaved ? 2 * i : i), q = interleaved ? p + 1 : p + half;
            y[p] = x[p] * cosines[c + i] - x[q] * sines[c + i];
            y[q] = x[p] * sines[c + i] + x[q] * cosines[c + i];
        }
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_value *cut(hn_rw *rw, hn_value *v, int64_t from, int64_t to, int64_t axis)
{
    hn_value *in[] = {v, hn_rw_ints(rw, &from, 1), hn_rw_ints(rw, &to, 1), hn_rw_ints(rw, &axis, 1)};
    return hn_rw_op(rw, "Slice", 4, in, NULL);
}

/* Pairs as [batch, steps, heads, turned / 2] each, turned, and put back. */
static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    static const int64_t swap[] = {0, 2, 1, 3};
    shape s;
    hn_value *x = node->in[0], *ids = hn_node_in(node, 3), *c = node->in[1], *z = node->in[2];
    bool interleaved = hn_attr_int(node, "interleaved", 0) != 0;
    HN_TRY(read(rw->graph->env, node, x->type.rank, x->type.dims, &s));
    int64_t half = s.turned / 2, dims[] = {s.batch, s.steps, s.heads, s.size},
            pairs[] = {s.batch, s.steps, s.heads, half, 2};
    int64_t angle[] = {s.batch, s.steps, 1, half}, one[] = {s.batch, s.steps, s.heads, half, 1};
    x = s.flat ? hn_rw_reshape(rw, x, 4, dims) : hn_rw_transpose(rw, x, swap, 4);
    if (ids) {
        c = hn_rw_2(rw, "Gather", c, ids);
        z = hn_rw_2(rw, "Gather", z, ids);
    }
    c = hn_rw_reshape(rw, c, 4, angle);
    z = hn_rw_reshape(rw, z, 4, angle);
    hn_value *turn = s.turned == s.size ? x : cut(rw, x, 0, s.turned, 3), *p, *q;
    if (interleaved) {
        hn_value *split = hn_rw_reshape(rw, turn, 5, pairs);
        p = hn_rw_reshape(rw, cut(rw, split, 0, 1, 4), 4, one);
        q = hn_rw_reshape(rw, cut(rw, split, 1, 2, 4), 4, one);
    } else {
        p = cut(rw, turn, 0, half, 3);
        q = cut(rw, turn, half, s.turned, 3);
    }
    hn_value *parts[3] = {hn_g_sub(rw, hn_g_mul(rw, p, c), hn_g_mul(rw, q, z)),
                          hn_g_add(rw, hn_g_mul(rw, p, z), hn_g_mul(rw, q, c)), NULL};
    hn_rw_attr last[] = {HN_A_INT("axis", -1), {0}};
    if (interleaved) {
        int64_t whole[] = {s.batch, s.steps, s.heads, s.turned};
        hn_value *two[] = {hn_rw_reshape(rw, parts[0], 5, one), hn_rw_reshape(rw, parts[1], 5, one)};
        parts[0] = hn_rw_reshape(rw, hn_rw_op(rw, "Concat", 2, two, last), 4, whole);
        parts[1] = NULL;
    }
    size_t count = interleaved ? 1 : 2;
    if (s.turned != s.size) parts[count++] = cut(rw, x, s.turned, s.size, 3);
    hn_value *y = count == 1 ? parts[0] : hn_rw_op(rw, "Concat", count, parts, last);
    out[0] = s.flat ? hn_rw_reshape(rw, y, 3, node->in[0]->type.dims) : hn_rw_transpose(rw, y, swap, 4);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 3);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(3, 4));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(0));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(-4, 3));
    hn_case(c, "positions, flat heads, part of the features");
    hn_case_int(c, "num_heads", 2);
    hn_case_int(c, "rotary_embedding_dim", 4);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 12), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 2), -1, 1);
    hn_case_in_i64(c, HN_DIMS(2, 3), (const int64_t[]){0, 1, 2, 4, 3, 0});
    hn_case(c, "interleaved");
    hn_case_int(c, "interleaved", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 4), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 2), -1, 1);
    hn_case(c, "a position outside the cache");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 1, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 1), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 1), -1, 1);
    hn_case_in_i64(c, HN_DIMS(1, 1), (const int64_t[]){5});
    return hn_cases_status(c);
}

#define TYPES (HN_BIT(HN_F32) | HN_BIT(HN_F64) | HN_BIT(HN_F16) | HN_BIT(HN_BF16))
static const hn_port in[] = {{"X", TYPES, 'T', false},
                             {"cos_cache", TYPES, 'T', false},
                             {"sin_cache", TYPES, 'T', false},
                             {"position_ids", HN_T_I64, 0, true}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}};
static const hn_attr_row attrs[] = {
    {"interleaved", HN_ATTR_INT, false, "0", "1: pairs are neighbours; 0: halves of the features"},
    {"num_heads", HN_ATTR_INT, false, NULL, "heads of an X of rank 3"},
    {"rotary_embedding_dim", HN_ATTR_INT, false, "0", "features that are turned; 0: all"},
    {0}};

const hn_op hn_op_rotary_embedding = {
    .name = "RotaryEmbedding",
    .domain = "",
    .since = 23,
    .doc = "(p, q) becomes (p cos - q sin, p sin + q cos) for each pair of features, with cos and sin of its position. "
           "One pair (3, 4), cos 0, sin 1: (-4, 3).",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
