/* Attention: scaled dot-product attention with masks, windows, grouped heads and a cache. A query that may see no key
 * gives 0. */
#include "ops/lib_nn.h"

enum { Q, K, V, MASK, PAST_K, PAST_V, NONPAD };
enum { QK_RAW, QK_CAPPED, QK_BIASED, QK_SOFTMAX };

typedef struct shape {
    bool flat; /* Q, K, V, Y are [batch, steps, heads * size], else [batch, heads, steps, size] */
    int64_t batch, heads, kv_heads, queries, fresh, past, keys, size, v_size; /* -1: unknown */
} shape;

static int64_t part(int64_t whole, int64_t n)
{
    return whole < 0 || n <= 0 ? -1 : whole / n;
}

static hn_status read(hn_env *env, const hn_node *node, const hn_type *q, const hn_type *k, const hn_type *v,
                      const hn_type *past, shape *s)
{
    int64_t heads = hn_attr_int(node, "q_num_heads", 0), kv_heads = hn_attr_int(node, "kv_num_heads", 0);
    *s = (shape){.flat = q->rank == 3};
    if ((q->rank != 3 && q->rank != 4) || k->rank != q->rank || v->rank != q->rank) {
        return hn_op_fail(env, node, "Q, K and V must all have rank 3 or 4");
    }
    if (s->flat && (heads < 1 || kv_heads < 1))
        return hn_op_fail(env, node, "inputs of rank 3 need the numbers of heads");
    int steps = s->flat ? 1 : 2;
    s->heads = s->flat ? heads : q->dims[1];
    s->kv_heads = s->flat ? kv_heads : k->dims[1];
    s->queries = q->dims[steps];
    s->fresh = k->dims[steps];
    s->size = s->flat ? part(q->dims[2], heads) : q->dims[3];
    s->v_size = s->flat ? part(v->dims[2], kv_heads) : v->dims[3];
    HN_TRY(hn_nn_same_dim(env, node, "batch of Q and K", q->dims[0], k->dims[0], &s->batch));
    HN_TRY(hn_nn_same_dim(env, node, "batch of V", s->batch, v->dims[0], &s->batch));
    HN_TRY(hn_nn_same_dim(env, node, "steps of K and V", s->fresh, v->dims[steps], &s->fresh));
    HN_TRY(hn_nn_same_dim(env, node, "head sizes of Q and K", s->size,
                          s->flat ? part(k->dims[2], kv_heads) : k->dims[3], NULL));
    if (s->heads >= 0 && s->kv_heads >= 0 && (s->kv_heads == 0 || s->heads % s->kv_heads != 0)) {
        return hn_op_fail(env, node, "%lld heads over %lld heads of K", (long long)s->heads, (long long)s->kv_heads);
    }
    s->past = past ? past->rank == 4 ? past->dims[2] : -1 : 0;
    s->keys = hn_dim_add(s->past, s->fresh);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *q = c->in[Q], *past = hn_nn_type(c, PAST_K);
    shape s;
    for (size_t i = 0; i < c->nout; i++)
        c->out[i].dtype = i == 2 ? c->in[V]->dtype : i == 1 ? c->in[K]->dtype : q->dtype;
    if (q->rank < 0 || c->in[K]->rank < 0 || c->in[V]->rank < 0) return HN_OK;
    HN_TRY(read(c->env, c->node, q, c->in[K], c->in[V], past, &s));
    if (!past != !hn_nn_type(c, PAST_V)) return hn_op_fail(c->env, c->node, "past_key and past_value come together");
    int64_t flat[] = {s.batch, s.queries, hn_dim_mul(s.heads, s.v_size)}, y[] = {s.batch, s.heads, s.queries, s.v_size};
    int64_t key[] = {s.batch, s.kv_heads, s.keys, s.size}, value[] = {s.batch, s.kv_heads, s.keys, s.v_size};
    int64_t qk[] = {s.batch, s.heads, s.queries, s.keys};
    c->out[0] = hn_type_tensor(q->dtype, s.flat ? 3 : 4, s.flat ? flat : y);
    if (c->nout > 1) c->out[1] = hn_type_tensor(c->in[K]->dtype, 4, key);
    if (c->nout > 2) c->out[2] = hn_type_tensor(c->in[V]->dtype, 4, value);
    if (c->nout > 3) c->out[3] = hn_type_tensor(q->dtype, 4, qk);
    return HN_OK;
}

/* past and fresh steps of K or V as [batch, kv_heads, keys, size]. */
static hn_status gather(const hn_refargs *a, const shape *s, size_t in, size_t past, int64_t size, double **out)
{
    double *x, *old;
    HN_TRY(hn_nn_load(a, in, &x));
    HN_TRY(hn_nn_load(a, past, &old));
    HN_TRY(hn_nn_new(a, (size_t)(s->batch * s->kv_heads * s->keys * size), out));
    for (int64_t i = 0; i < s->batch * s->kv_heads * s->keys; i++) {
        int64_t t = i % s->keys, h = i / s->keys % s->kv_heads, b = i / s->keys / s->kv_heads, f = t - s->past;
        const double *src;
        if (f < 0)
            src = old + ((b * s->kv_heads + h) * s->past + t) * size;
        else if (s->flat)
            src = x + ((b * s->fresh + f) * s->kv_heads + h) * size;
        else
            src = x + ((b * s->kv_heads + h) * s->fresh + f) * size;
        memcpy(*out + i * size, src, (size_t)size * sizeof *src);
    }
    return HN_OK;
}

/* Element of the mask for (b, h, i, j), aligned at the right; keys past its end are masked. */
static double mask_at(const hn_tensor *m, const int64_t *at)
{
    size_t index = 0;
    if (!m) return 0;
    if (at[3] >= m->dims[m->rank - 1]) return -HUGE_VAL;
    for (int d = 0; d < m->rank; d++) {
        int64_t p = at[4 - m->rank + d];
        index = index * (size_t)m->dims[d] + (size_t)(m->dims[d] == 1 ? 0 : p);
    }
    if (m->dtype == HN_BOOL) return hn_get_i64(m, index) ? 0 : -HUGE_VAL;
    return hn_get_f64(m, index);
}

static hn_status check_mask(const hn_refargs *a, const shape *s)
{
    const hn_tensor *m = hn_nn_in(a, MASK);
    const int64_t dims[] = {s->batch, s->heads, s->queries, s->keys};
    bool fits = !m || (m->rank >= 1 && m->rank <= 4 && m->dims[m->rank - 1] <= s->keys);
    for (int d = 0; fits && m && d < m->rank - 1; d++) fits = m->dims[d] == 1 || m->dims[d] == dims[4 - m->rank + d];
    return fits ? HN_OK : hn_op_fail(a->env, a->node, "attn_mask cannot be broadcast to the scores");
}

/* What is added to the score of key j for query i, 0 to -inf. */
static double bias(const hn_refargs *a, const shape *s, const int64_t *at)
{
    const hn_tensor *nonpad = hn_nn_in(a, NONPAD);
    int64_t left = hn_attr_int(a->node, "left_window_size", -1), right = hn_attr_int(a->node, "right_window_size", -1);
    int64_t valid = nonpad ? hn_get_i64(nonpad, (size_t)at[0]) : s->keys;
    int64_t now = at[2] + (nonpad && !hn_nn_in(a, PAST_K) ? valid - s->queries : s->past);
    if (hn_attr_int(a->node, "is_causal", 0) != 0 && at[3] > now) return -HUGE_VAL;
    if ((left >= 0 && at[3] < now - left) || (right >= 0 && at[3] > now + right) || at[3] >= valid) return -HUGE_VAL;
    return mask_at(hn_nn_in(a, MASK), at);
}

/* One query: scores in row[keys] become weights; qk (may be NULL) takes the intermediate that was asked for. */
static void weigh(const hn_refargs *a, const shape *s, const int64_t *where, const double *q, const double *k,
                  double *row, const hn_tensor *qk, size_t qk_at)
{
    double cap = hn_attr_float(a->node, "softcap", 0), max = -HUGE_VAL, open = -HUGE_VAL, sum = 0;
    double scale = hn_attr_float(a->node, "scale", 1 / sqrt((double)s->size));
    int64_t mode = hn_attr_int(a->node, "qk_matmul_output_mode", 0);
    for (int64_t j = 0; j < s->keys; j++) {
        int64_t at[] = {where[0], where[1], where[2], j};
        double dot = 0, extra = bias(a, s, at);
        for (int64_t d = 0; d < s->size; d++) dot += q[d] * k[j * s->size + d];
        dot *= scale;
        if (qk && mode == QK_RAW) hn_set_f64(qk, qk_at + (size_t)j, dot);
        if (cap > 0) dot = cap * tanh(dot / cap);
        if (qk && mode == QK_CAPPED) hn_set_f64(qk, qk_at + (size_t)j, dot);
        /* A masked key stays masked whatever its score, be it infinite or NaN. */
        row[j] = extra == -HUGE_VAL ? extra : dot + extra;
        if (qk && mode == QK_BIASED) hn_set_f64(qk, qk_at + (size_t)j, row[j]);
        open = fmax(open, extra);
        max = fmax(max, row[j]);
    }
    for (int64_t j = 0; j < s->keys; j++)
        sum += row[j] = open == -HUGE_VAL || row[j] == -HUGE_VAL ? 0 : exp(row[j] - max);
    for (int64_t j = 0; j < s->keys; j++) {
        if (sum != 0) row[j] /= sum;
        if (qk && mode == QK_SOFTMAX) hn_set_f64(qk, qk_at + (size_t)j, row[j]);
    }
}

static hn_status ref(const hn_refargs *a)
{
    shape s;
    hn_type t[4];
    double *q, *k, *v, *y, *row;
    const hn_tensor *past = hn_nn_in(a, PAST_K), *qk = hn_nn_out(a, 3), *nonpad = hn_nn_in(a, NONPAD);
    for (size_t i = 0; i < 3; i++) t[i] = hn_type_tensor(a->in[i]->dtype, a->in[i]->rank, a->in[i]->dims);
    if (past) t[3] = hn_type_tensor(past->dtype, past->rank, past->dims);
    HN_TRY(read(a->env, a->node, &t[0], &t[1], &t[2], past ? &t[3] : NULL, &s));
    HN_TRY(check_mask(a, &s));
    if (nonpad && hn_tensor_elems(nonpad) != (size_t)s.batch)
        return hn_op_fail(a->env, a->node, "nonpad_kv_seqlen does not fit");
    if (past && (hn_tensor_elems(past) != (size_t)(s.batch * s.kv_heads * s.past * s.size) || !hn_nn_in(a, PAST_V) ||
                 hn_tensor_elems(a->in[PAST_V]) != (size_t)(s.batch * s.kv_heads * s.past * s.v_size))) {
        return hn_op_fail(a->env, a->node, "past_key or past_value does not fit");
    }
    HN_TRY(hn_nn_load(a, Q, &q));
    HN_TRY(gather(a, &s, K, PAST_K, s.size, &k));
    HN_TRY(gather(a, &s, V, PAST_V, s.v_size, &v));
    HN_TRY(hn_nn_new(a, (size_t)(s.batch * s.heads * s.queries * s.v_size), &y));
    HN_TRY(hn_nn_new(a, (size_t)s.keys, &row));
    for (int64_t n = 0; n < s.batch * s.heads * s.queries; n++) {
        int64_t i = n % s.queries, h = n / s.queries % s.heads, b = n / s.queries / s.heads, where[] = {b, h, i};
        int64_t kv = (b * s.kv_heads + h / (s.heads / s.kv_heads)) * s.keys,
                at = s.flat ? (b * s.queries + i) * s.heads + h : n;
        weigh(a, &s, where, q + at * s.size, k + kv * s.size, row, qk, (size_t)(n * s.keys));
        for (int64_t j = 0; j < s.keys; j++) {
            for (int64_t d = 0; row[j] != 0 && d < s.v_size; d++)
                y[at * s.v_size + d] += row[j] * v[(kv + j) * s.v_size + d];
        }
    }
    if (a->out[0]) hn_nn_store(a->out[0], y);
    if (hn_nn_out(a, 1)) hn_nn_store(a->out[1], k);
    if (hn_nn_out(a, 2)) hn_nn_store(a->out[2], v);
    return HN_OK;
}

/* [batch, heads, steps, size] */
static hn_value *unfold(hn_rw *rw, const shape *s, hn_value *x, int64_t heads)
{
    static const int64_t swap[] = {0, 2, 1, 3};
    if (!x || !s->flat) return x;
    int64_t dims[] = {s->batch, x->type.dims[1], heads, x->type.dims[2] / heads};
    return hn_rw_transpose(rw, hn_rw_reshape(rw, x, 4, dims), swap, 4);
}

/* Each head of K or V for `times` heads of Q. */
static hn_value *repeat(hn_rw *rw, hn_value *x, int64_t times)
{
    if (!x || times == 1) return x;
    const int64_t *d = x->type.dims;
    int64_t lifted[] = {d[0], d[1], 1, d[2], d[3]}, wide[] = {d[0], d[1], times, d[2], d[3]};
    int64_t merged[] = {d[0], d[1] * times, d[2], d[3]};
    hn_value *v = hn_rw_2(rw, "Expand", hn_rw_reshape(rw, x, 5, lifted), hn_rw_ints(rw, wide, 5));
    return hn_rw_reshape(rw, v, 4, merged);
}

/* Causal and window masks as a constant [queries, keys], or NULL. */
static hn_value *band(hn_rw *rw, const hn_node *node, const shape *s, hn_dtype dtype)
{
    int64_t left = hn_attr_int(node, "left_window_size", -1), right = hn_attr_int(node, "right_window_size", -1);
    bool causal = hn_attr_int(node, "is_causal", 0) != 0;
    int64_t dims[] = {s->queries, s->keys};
    hn_tensor *t;
    if (!causal && left < 0 && right < 0) return NULL;
    hn_value *v = hn_rw_const_new(rw, dtype, 2, dims, &t);
    for (int64_t k = 0; v && k < s->queries * s->keys; k++) {
        int64_t j = k % s->keys, now = k / s->keys + s->past;
        bool shut = (causal && j > now) || (left >= 0 && j < now - left) || (right >= 0 && j > now + right);
        hn_set_f64(t, (size_t)k, shut ? -HUGE_VAL : 0);
    }
    return v;
}

static hn_value *cache(hn_rw *rw, hn_value *past, hn_value *fresh)
{
    hn_rw_attr axis[] = {HN_A_INT("axis", 2), {0}};
    hn_value *in[] = {past, fresh};
    return past ? hn_rw_op(rw, "Concat", 2, in, axis) : fresh;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    static const int64_t flip[] = {0, 1, 3, 2}, swap[] = {0, 2, 1, 3};
    hn_env *env = rw->graph->env;
    hn_value *past = hn_node_in(n, PAST_K), *mask = hn_node_in(n, MASK);
    int64_t mode = hn_attr_int(n, "qk_matmul_output_mode", 0);
    double cap = hn_attr_float(n, "softcap", 0);
    shape s;
    HN_TRY(read(env, n, &n->in[Q]->type, &n->in[K]->type, &n->in[V]->type, past ? &past->type : NULL, &s));
    if (hn_node_in(n, NONPAD)) return hn_op_unsupported(env, n, "no decomposition with nonpad_kv_seqlen");
    hn_dtype dtype = n->in[Q]->type.dtype;
    hn_value *q = unfold(rw, &s, n->in[Q], s.heads), *k = unfold(rw, &s, n->in[K], s.kv_heads);
    hn_value *v = unfold(rw, &s, n->in[V], s.kv_heads);
    k = cache(rw, past, k);
    v = cache(rw, hn_node_in(n, PAST_V), v);
    if (hn_node_out(n, 1)) out[1] = k;
    if (hn_node_out(n, 2)) out[2] = v;
    hn_value *kt = hn_rw_transpose(rw, repeat(rw, k, s.heads / s.kv_heads), flip, 4);
    hn_value *scores =
        hn_rw_2(rw, "MatMul", hn_g_scale(rw, q, hn_attr_float(n, "scale", 1 / sqrt((double)s.size))), kt);
    hn_value *step[4] = {scores};
    if (cap > 0) scores = hn_g_scale(rw, hn_rw_1(rw, "Tanh", hn_g_scale(rw, scores, 1 / cap)), cap);
    step[QK_CAPPED] = scores;
    if (mask && mask->type.dtype == HN_BOOL) {
        mask = hn_rw_3(rw, "Where", mask, hn_rw_scalar(rw, dtype, 0), hn_rw_scalar(rw, dtype, -HUGE_VAL));
    }
    if (mask && mask->type.dims[mask->type.rank - 1] < s.keys) {
        int64_t pads[2 * HN_MAX_RANK] = {0};
        int rank = mask->type.rank;
        pads[2 * rank - 1] = s.keys - mask->type.dims[rank - 1];
        mask = hn_rw_3(rw, "Pad", mask, hn_rw_ints(rw, pads, 2 * (size_t)rank),
                       hn_rw_scalar(rw, mask->type.dtype, -HUGE_VAL));
    }
    if (mask) scores = hn_g_add(rw, scores, mask);
    hn_value *shut = band(rw, n, &s, dtype);
    if (shut) scores = hn_g_add(rw, scores, shut);
    step[QK_BIASED] = scores;
    hn_value *weights = hn_rw_1(rw, "Softmax", scores);
    step[QK_SOFTMAX] = weights;
    if (hn_node_out(n, 3)) out[3] = step[mode & 3];
    hn_value *y = hn_rw_2(rw, "MatMul", weights, repeat(rw, v, s.heads / s.kv_heads));
    if (s.flat) {
        int64_t dims[] = {s.batch, s.queries, s.heads * s.v_size};
        y = hn_rw_reshape(rw, hn_rw_transpose(rw, y, swap, 4), 3, dims);
    }
    if (hn_node_out(n, 0)) out[0] = y;
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_value *past = hn_node_in(n, PAST_K);
    const hn_type *q = &n->in[Q]->type, *k = &n->in[K]->type, *v = &n->in[V]->type;
    int64_t heads = q->rank == 3 ? hn_attr_int(n, "q_num_heads", 1) : q->dims[1];
    int64_t kv_heads = q->rank == 3 ? hn_attr_int(n, "kv_num_heads", 1) : k->dims[1];
    int steps = q->rank == 3 ? 1 : 2;
    double keys = (double)k->dims[steps] + (past ? (double)past->type.dims[2] : 0);
    double size = (double)q->dims[q->rank - 1] / (q->rank == 3 ? (double)heads : 1);
    double v_size = (double)v->dims[v->rank - 1] / (q->rank == 3 ? (double)kv_heads : 1);
    cost->macs = (double)q->dims[0] * (double)heads * (double)q->dims[steps] * keys * (size + v_size);
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

/* By samples; a mask for all of them stays whole. */
static bool shard(hn_shard *s)
{
    const hn_value *mask = hn_node_in(s->node, MASK);
    for (size_t i = 0; i < s->node->nin; i++) {
        bool shared = i == MASK && mask && (mask->type.rank < 4 || mask->type.dims[0] == 1);
        if (s->node->in[i] && s->in[i] != (shared ? HN_WHOLE : 0)) return false;
    }
    return hn_shard_all(s, 0);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_nout(c, 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 1), HN_VALS(0));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 1), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 1), HN_VALS(4, 8));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 1), HN_VALS(6));
    hn_case(c, "causal, grouped heads, flat");
    hn_case_nout(c, 1);
    hn_case_int(c, "is_causal", 1);
    hn_case_int(c, "q_num_heads", 4);
    hn_case_int(c, "kv_num_heads", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 8), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 6), -1, 1);
    hn_case(c, "mask, cache, softcap, window");
    hn_case_float(c, "softcap", 2);
    hn_case_int(c, "left_window_size", 3);
    hn_case_int(c, "qk_matmul_output_mode", 3);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case(c, "a mask that ends before the keys");
    hn_case_nout(c, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 3), -1, 1);
    hn_case(c, "a query without keys gives 0");
    hn_case_nout(c, 1);
    hn_case_flag(c, HN_CASE_NO_GRAD | HN_CASE_NO_EXPAND);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 1), HN_VALS(1, 1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 1), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 1), HN_VALS(4, 8));
    hn_case_in(c, HN_BOOL, HN_DIMS(2, 2), HN_VALS(0, 0, 0, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2, 1), HN_VALS(0, 8));
    hn_case(c, "heads do not divide");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    return hn_cases_status(c);
}

#define T_MASK (HN_T_NUM | HN_T_BOOL)
static const hn_port in[] = {{"Q", HN_T_FLOAT, 'T', false},          {"K", HN_T_FLOAT, 'T', false},
                             {"V", HN_T_FLOAT, 'V', false},          {"attn_mask", T_MASK, 0, true},
                             {"past_key", HN_T_FLOAT, 'T', true},    {"past_value", HN_T_FLOAT, 'V', true},
                             {"nonpad_kv_seqlen", HN_T_I64, 0, true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false},
                              {"present_key", HN_T_FLOAT, 'T', true},
                              {"present_value", HN_T_FLOAT, 'V', true},
                              {"qk_matmul_output", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {
    {"is_causal", HN_ATTR_INT, false, "0", "1: query i sees keys up to i plus the steps before it"},
    {"kv_num_heads", HN_ATTR_INT, false, NULL, "heads of K and V of rank 3"},
    {"left_window_size", HN_ATTR_INT, false, "-1", "keys seen before the query's own position; -1: all"},
    {"q_num_heads", HN_ATTR_INT, false, NULL, "heads of a Q of rank 3"},
    {"qk_matmul_output_mode", HN_ATTR_INT, false, "0", "qk_matmul_output: 0 raw, 1 softcapped, 2 with bias, 3 softmax"},
    {"right_window_size", HN_ATTR_INT, false, "-1", "keys seen after the query's own position; -1: all"},
    {"scale", HN_ATTR_FLOAT, false, NULL, "factor of the scores; default 1 / sqrt(head size)"},
    {"softcap", HN_ATTR_FLOAT, false, "0.0", "scores become softcap tanh(score / softcap); 0: unchanged"},
    {"softmax_precision", HN_ATTR_INT, false, NULL, "type of the softmax; always f32 or wider"},
    {0}};

const hn_op hn_op_attention = {
    .name = "Attention",
    .domain = "",
    .since = 25,
    .doc = "Y = softmax(softcap(scale Q K') + mask) V per head, with K and V behind those of the cache; a head of K "
           "and V serves "
           "q heads / kv heads of Q. Q = [0], K = [1,2], V = [4,8]: both scores are 0, Y = [6].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .shard = shard,
    .cases = cases,
    .quant = "",
};
