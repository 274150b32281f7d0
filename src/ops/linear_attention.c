/* LinearAttention: attention by a running state instead of scores; each step writes a key-value pair into the state and
 * reads it with the query. Source: ONNX LinearAttention-27. */
#include "ops/lib_nn.h"

enum { Q, K, V, PAST, DECAY, BETA, STEPS_MAX = 1024 };

typedef struct shape {
    int64_t batch, steps, heads, kv_heads, size, v_size, decays, betas;
    bool gated, delta;
} shape;

/* -1 in, -1 out; q, k, v of rank 3. */
static hn_status read(hn_env *env, const hn_node *n, const int64_t *q, const int64_t *k, const int64_t *v,
                      const int64_t *decay, const int64_t *beta, shape *s)
{
    int64_t heads = hn_attr_int(n, "q_num_heads", 0), kv = hn_attr_int(n, "kv_num_heads", 0);
    bool plain = hn_attr_is(n, "update_rule", "linear");
    *s = (shape){.heads = heads, .kv_heads = kv, .decays = -1, .betas = -1};
    s->gated = hn_attr_is(n, "update_rule", "gated") || hn_attr_is(n, "update_rule", "gated_delta");
    s->delta = hn_attr_is(n, "update_rule", "delta") || hn_attr_is(n, "update_rule", "gated_delta");
    if (!plain && !s->gated && !s->delta)
        return hn_op_fail(env, n, "update_rule must be linear, gated, delta or gated_delta");
    if (heads < 1 || kv < 1 || heads % kv != 0)
        return hn_op_fail(env, n, "%lld query heads and %lld key heads", (long long)heads, (long long)kv);
    if ((decay != NULL) != s->gated) return hn_op_fail(env, n, "decay goes with gated update rules, and only there");
    if ((beta != NULL) != s->delta) return hn_op_fail(env, n, "beta goes with delta update rules, and only there");
    if ((q[2] >= 0 && q[2] % heads != 0) || (k[2] >= 0 && k[2] % kv != 0) || (v[2] >= 0 && v[2] % kv != 0))
        return hn_op_fail(env, n, "the last dims do not divide into heads");
    HN_TRY(hn_nn_same_dim(env, n, "batch of query and key", q[0], k[0], &s->batch));
    HN_TRY(hn_nn_same_dim(env, n, "batch of query and value", s->batch, v[0], &s->batch));
    HN_TRY(hn_nn_same_dim(env, n, "steps of query and key", q[1], k[1], &s->steps));
    HN_TRY(hn_nn_same_dim(env, n, "steps of query and value", s->steps, v[1], &s->steps));
    HN_TRY(hn_nn_same_dim(env, n, "head size of query and key", q[2] < 0 ? -1 : q[2] / heads, k[2] < 0 ? -1 : k[2] / kv,
                          &s->size));
    s->v_size = v[2] < 0 ? -1 : v[2] / kv;
    const int64_t *extra[] = {decay, beta};
    for (int i = 0; i < 2; i++) {
        if (!extra[i]) continue;
        HN_TRY(hn_nn_same_dim(env, n, "batch of query and decay or beta", s->batch, extra[i][0], NULL));
        HN_TRY(hn_nn_same_dim(env, n, "steps of query and decay or beta", s->steps, extra[i][1], NULL));
    }
    if (decay && decay[2] >= 0) {
        if (decay[2] != kv && s->size >= 0 && decay[2] != kv * s->size)
            return hn_op_fail(env, n, "decay ends in %lld, %lld or %lld needed", (long long)decay[2], (long long)kv,
                              (long long)kv * (long long)s->size);
        s->decays = decay[2] == kv ? 1 : s->size;
    }
    if (beta && beta[2] >= 0) {
        if (beta[2] != kv && beta[2] != 1)
            return hn_op_fail(env, n, "beta ends in %lld, %lld or 1 needed", (long long)beta[2], (long long)kv);
        s->betas = beta[2];
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    static const int64_t none[] = {-1, -1, -1};
    const int64_t *dims[6] = {none, none, none, NULL, NULL, NULL};
    const hn_type *past = hn_nn_type(c, PAST);
    shape s;
    for (size_t i = 0; i < 6; i++) {
        bool known;
        if (!hn_nn_type(c, i)) continue;
        HN_TRY(hn_nn_rank(c, i, i == PAST ? 4 : 3, i == PAST ? 4 : 3, &known));
        dims[i] = known ? c->in[i]->dims : none;
    }
    HN_TRY(read(c->env, c->node, dims[Q], dims[K], dims[V], dims[DECAY], dims[BETA], &s));
    int64_t state[] = {s.batch, s.kv_heads, s.size, s.v_size};
    if (past && past->rank == 4)
        for (int d = 0; d < 4; d++)
            HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of past_state", state[d], past->dims[d], &state[d]));
    int64_t y[] = {state[0], s.steps, state[3] < 0 ? -1 : s.heads * state[3]};
    c->out[0] = hn_type_tensor(c->in[Q]->dtype, 3, y);
    if (c->nout > 1) c->out[1] = hn_type_tensor(past ? past->dtype : c->in[Q]->dtype, 4, state);
    return HN_OK;
}

/* One step of one key head: the state m [size, v_size] forgets, is corrected, and takes in k and v. */
static void update(const shape *s, const double *k, const double *v, const double *decay, const double *beta, double *m,
                   double *fresh)
{
    for (int64_t d = 0; decay && d < s->size; d++) {
        double keep = exp(decay[s->decays == 1 ? 0 : d]);
        for (int64_t j = 0; j < s->v_size; j++) m[d * s->v_size + j] *= keep;
    }
    for (int64_t j = 0; j < s->v_size; j++) {
        double known = 0;
        for (int64_t d = 0; beta && d < s->size; d++) known += m[d * s->v_size + j] * k[d];
        fresh[j] = beta ? *beta * (v[j] - known) : v[j];
    }
    for (int64_t d = 0; d < s->size; d++)
        for (int64_t j = 0; j < s->v_size; j++) m[d * s->v_size + j] += k[d] * fresh[j];
}

static double scale_of(const hn_node *n, const shape *s)
{
    double scale = hn_attr_float(n, "scale", 0);
    return scale != 0 ? scale : 1 / sqrt((double)s->size);
}

static hn_status ref(const hn_refargs *a)
{
    shape s;
    const hn_tensor *decay_in = hn_nn_in(a, DECAY), *beta_in = hn_nn_in(a, BETA);
    double *q, *k, *v, *past, *decay, *beta, *m, *fresh;
    HN_TRY(read(a->env, a->node, a->in[Q]->dims, a->in[K]->dims, a->in[V]->dims, decay_in ? decay_in->dims : NULL,
                beta_in ? beta_in->dims : NULL, &s));
    HN_TRY(hn_nn_load(a, Q, &q));
    HN_TRY(hn_nn_load(a, K, &k));
    HN_TRY(hn_nn_load(a, V, &v));
    HN_TRY(hn_nn_load(a, PAST, &past));
    HN_TRY(hn_nn_load(a, DECAY, &decay));
    HN_TRY(hn_nn_load(a, BETA, &beta));
    HN_TRY(hn_nn_new(a, (size_t)(s.size * s.v_size), &m));
    HN_TRY(hn_nn_new(a, (size_t)s.v_size, &fresh));
    int64_t group = s.heads / s.kv_heads;
    double scale = scale_of(a->node, &s);
    for (int64_t p = 0; p < s.batch * s.kv_heads; p++) {
        int64_t b = p / s.kv_heads, h = p % s.kv_heads, cells = s.size * s.v_size;
        for (int64_t i = 0; i < cells; i++) m[i] = past ? past[p * cells + i] : 0;
        for (int64_t t = 0; t < s.steps; t++) {
            int64_t row = b * s.steps + t, head = row * s.kv_heads + h;
            update(&s, k + head * s.size, v + head * s.v_size, decay ? decay + head * s.decays : NULL,
                   beta ? beta + row * s.betas + (s.betas == 1 ? 0 : h) : NULL, m, fresh);
            for (int64_t g = 0; a->out[0] && g < group; g++) {
                int64_t at = row * s.heads + h * group + g;
                for (int64_t j = 0; j < s.v_size; j++) {
                    double sum = 0;
                    for (int64_t d = 0; d < s.size; d++) sum += q[at * s.size + d] * m[d * s.v_size + j];
                    hn_set_f64(a->out[0], (size_t)(at * s.v_size + j), scale * sum);
                }
            }
        }
        for (int64_t i = 0; hn_nn_out(a, 1) && i < cells; i++) hn_set_f64(a->out[1], (size_t)(p * cells + i), m[i]);
    }
    return HN_OK;
}

/* Step t of [batch, steps, heads * size] as [batch, heads, rows, columns]. NULL passes through. */
static hn_value *step(hn_rw *rw, hn_value *x, int64_t t, int64_t heads, int64_t rows, int64_t columns)
{
    hn_value *in[] = {x, hn_rw_const(rw, HN_I64, 0, NULL, &t)};
    if (!x) return NULL;
    int64_t dims[] = {x->type.dims[0], heads, rows, columns};
    return hn_rw_reshape(rw, hn_rw_op(rw, "Gather", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", 1), {0}}), 4, dims);
}

static hn_value *cast(hn_rw *rw, hn_value *x, hn_dtype to)
{
    if (!x || x->type.dtype == to) return x;
    return hn_rw_op(rw, "Cast", 1, &x, (const hn_rw_attr[]){HN_A_INT("to", to), {0}});
}

/* One group of nodes per step. */
static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    shape s;
    hn_env *env = rw->graph->env;
    hn_value *decay = hn_node_in(n, DECAY), *beta = hn_node_in(n, BETA), *past = hn_node_in(n, PAST);
    hn_dtype dtype = n->in[Q]->type.dtype, kept = past ? past->type.dtype : dtype;
    HN_TRY(read(env, n, n->in[Q]->type.dims, n->in[K]->type.dims, n->in[V]->type.dims, decay ? decay->type.dims : NULL,
                beta ? beta->type.dims : NULL, &s));
    if (s.steps < 1 || s.steps > STEPS_MAX)
        return hn_op_unsupported(env, n, "no decomposition of %lld steps", (long long)s.steps);
    int64_t state[] = {s.batch, s.kv_heads, s.size, s.v_size}, group = s.heads / s.kv_heads;
    int64_t line[] = {s.batch, 1, s.heads * s.v_size};
    hn_tensor *zero;
    hn_value *m = past ? cast(rw, past, dtype) : hn_rw_const_new(rw, dtype, 4, state, &zero);
    hn_value *q = hn_g_scale(rw, n->in[Q], scale_of(n, &s)), *y[STEPS_MAX];
    if (decay) decay = hn_rw_1(rw, "Exp", decay);
    for (int64_t t = 0; t < s.steps && hn_rw_status(rw) == HN_OK; t++) {
        hn_value *v = step(rw, n->in[V], t, s.kv_heads, 1, s.v_size);
        if (decay) m = hn_g_mul(rw, m, step(rw, decay, t, s.kv_heads, s.decays, 1));
        if (beta) {
            v = hn_g_sub(rw, v, hn_rw_2(rw, "MatMul", step(rw, n->in[K], t, s.kv_heads, 1, s.size), m));
            v = hn_g_mul(rw, v, step(rw, beta, t, s.betas, 1, 1));
        }
        m = hn_g_add(rw, m, hn_g_mul(rw, step(rw, n->in[K], t, s.kv_heads, s.size, 1), v));
        y[t] = hn_rw_reshape(rw, hn_rw_2(rw, "MatMul", step(rw, q, t, s.kv_heads, group, s.size), m), 3, line);
    }
    HN_TRY(hn_rw_status(rw));
    hn_rw_attr axis[] = {HN_A_INT("axis", 1), {0}};
    if (hn_node_out(n, 0)) out[0] = s.steps == 1 ? y[0] : hn_rw_op(rw, "Concat", (size_t)s.steps, y, axis);
    if (hn_node_out(n, 1)) out[1] = cast(rw, m, kept);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double heads = (double)hn_attr_int(n, "q_num_heads", 1), kv = (double)hn_attr_int(n, "kv_num_heads", 1);
    double rows = hn_nn_elems(n->in[Q]) / heads, v_size = (double)n->in[V]->type.dims[2] / kv;
    double writes = hn_attr_is(n, "update_rule", "delta") || hn_attr_is(n, "update_rule", "gated_delta") ? 2 : 1;
    cost->macs = rows * v_size * (heads + writes * kv);
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static void some(hn_cases *c, const char *name, const char *rule, int64_t heads, int64_t kv_heads)
{
    hn_case(c, name);
    hn_case_string(c, "update_rule", rule);
    hn_case_int(c, "q_num_heads", heads);
    hn_case_int(c, "kv_num_heads", kv_heads);
}

static hn_status cases(hn_cases *c)
{
    some(c, "example", "linear", 1, 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(3, 1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(10, 5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(30, 70));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 1), HN_VALS(35));
    some(c, "gated delta, grouped heads, past, one beta", "gated_delta", 4, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 8), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 6), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -1, 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 1), 0, 1);
    some(c, "gated per head", "gated", 2, 2);
    hn_case_float(c, "scale", 0.5);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2), -1, 1);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2), -1, 0);
    some(c, "delta, without state", "delta", 2, 2);
    hn_case_nout(c, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 2), -1, 1);
    hn_case_absent(c);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 2), 0, 1);
    some(c, "gated without decay", "gated", 1, 1);
    hn_case_flag(c, HN_CASE_FAILS);
    for (int i = 0; i < 3; i++) hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2), -1, 1);
    some(c, "heads do not divide", "linear", 3, 2);
    hn_case_flag(c, HN_CASE_FAILS);
    for (int i = 0; i < 3; i++) hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 6), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"query", HN_T_FLOAT, 'T', false}, {"key", HN_T_FLOAT, 'T', false},
                             {"value", HN_T_FLOAT, 'T', false}, {"past_state", HN_T_FLOAT, 'S', true},
                             {"decay", HN_T_FLOAT, 'T', true},  {"beta", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}, {"present_state", HN_T_FLOAT, 0, true}};
static const hn_attr_row attrs[] = {
    {"chunk_size", HN_ATTR_INT, false, "64", "a hint for chunked kernels; the result does not depend on it"},
    {"kv_num_heads", HN_ATTR_INT, true, NULL, "heads of key and value"},
    {"q_num_heads", HN_ATTR_INT, true, NULL, "heads of query, a multiple of kv_num_heads"},
    {"scale", HN_ATTR_FLOAT, false, "0.0", "factor of the output; 0: 1 / sqrt(head size)"},
    {"update_rule", HN_ATTR_STRING, false, "gated_delta", "linear, gated, delta or gated_delta"},
    {0}};

const hn_op hn_op_linear_attention = {
    .name = "LinearAttention",
    .domain = "",
    .since = 27,
    .doc = "S = exp(g) S + k (x) beta (v - (exp(g) S)' k), y = scale S' q per step and head; without decay g = 0, "
           "without beta the whole v is added. linear, q = [1, 2], k = [3, 1], v = [10, 5]: S = 30, 35; y = [30, 70].",
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
