/* lib_rnn: see the header. This file: reading, inference, the reference loop. lib_rnn_unroll.c holds the unrolling. */
#include "ops/lib_rnn.h"

static hn_status read_acts(hn_env *env, const hn_node *node, const char *const *otherwise, hn_rnn *s)
{
    const hn_attr *names = hn_node_attr(node, "activations");
    const double *alpha, *beta;
    size_t na = hn_attr_floats(node, "activation_alpha", &alpha), nb = hn_attr_floats(node, "activation_beta", &beta);
    size_t ia = 0, ib = 0, total = (size_t)s->dirs * (size_t)s->acts;
    if (names && names->count != 0 && names->count != total) {
        return hn_op_fail(env, node, "%zu activations, %zu needed", names->count, total);
    }
    for (size_t i = 0; i < total; i++) {
        size_t per = (size_t)s->acts;
        hn_str name = {otherwise[i % per], strlen(otherwise[i % per])};
        if (names && names->count != 0) name = names->u.strings[i];
        const hn_act *act = hn_act_rnn(name);
        if (!act)
            return hn_op_fail(env, node, "unknown activation \"%.*s\"", (int)hn_min_size(name.size, 40), name.data);
        hn_act *dst = &s->act[i / per][i % per];
        *dst = *act;
        if (act->params >= 1 && ia < na) dst->alpha = alpha[ia++];
        if (act->params >= 2 && ib < nb) dst->beta = beta[ib++];
    }
    return HN_OK;
}

hn_status hn_rnn_read(hn_env *env, const hn_node *node, int gates, int acts, const char *const *otherwise,
                      const hn_type *x, const hn_type *w, const hn_type *r, hn_rnn *s)
{
    bool both = hn_attr_is(node, "direction", "bidirectional"), back = hn_attr_is(node, "direction", "reverse");
    if (!both && !back && !hn_attr_is(node, "direction", "forward")) return hn_op_fail(env, node, "unknown direction");
    *s = (hn_rnn){.gates = gates, .dirs = both ? 2 : 1, .acts = acts, .clip = HUGE_VAL};
    s->reverse[0] = back;
    s->reverse[1] = true;
    s->batch_first = hn_attr_int(node, "layout", 0) != 0;
    if (hn_node_attr(node, "clip")) s->clip = hn_attr_float(node, "clip", 0);
    HN_TRY(read_acts(env, node, otherwise, s));
    if ((x->rank >= 0 && x->rank != 3) || (w->rank >= 0 && w->rank != 3) || (r->rank >= 0 && r->rank != 3)) {
        return hn_op_fail(env, node, "X, W and R must have rank 3");
    }
    s->steps = x->rank < 0 ? -1 : x->dims[s->batch_first];
    s->batch = x->rank < 0 ? -1 : x->dims[!s->batch_first];
    s->in = x->rank < 0 ? -1 : x->dims[2];
    s->hidden = hn_attr_int(node, "hidden_size", -1);
    if (s->hidden == 0 || s->hidden > INT64_C(1) << 31) {
        return hn_op_fail(env, node, "hidden_size is %lld", (long long)s->hidden);
    }
    if (r->rank == 3) {
        HN_TRY(hn_nn_same_dim(env, node, "hidden_size and R", s->hidden, r->dims[2], &s->hidden));
        HN_TRY(hn_nn_same_dim(env, node, "directions and R", s->dirs, r->dims[0], NULL));
        HN_TRY(hn_nn_same_dim(env, node, "rows of R", hn_dim_mul(gates, s->hidden), r->dims[1], NULL));
    }
    if (w->rank == 3) {
        HN_TRY(hn_nn_same_dim(env, node, "columns of W and of X", w->dims[2], s->in, &s->in));
        HN_TRY(hn_nn_same_dim(env, node, "directions and W", s->dirs, w->dims[0], NULL));
        HN_TRY(hn_nn_same_dim(env, node, "rows of W", hn_dim_mul(gates, s->hidden), w->dims[1], NULL));
    }
    return HN_OK;
}

/* Checks a state or bias input against [a, b, c] (rank 3), or [a, b] when c is 0. */
static hn_status check(const hn_infer *c, size_t i, int64_t d0, int64_t d1, int64_t d2)
{
    const hn_type *t = hn_nn_type(c, i);
    int64_t dims[] = {d0, d1, d2};
    bool known;
    if (!t) return HN_OK;
    int rank = d2 == 0 ? 2 : 3;
    HN_TRY(hn_nn_rank(c, i, rank, rank, &known));
    for (int d = 0; known && d < rank; d++) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of a bias or state", dims[d], t->dims[d], NULL));
    }
    return HN_OK;
}

hn_status hn_rnn_infer(hn_infer *c, int gates, int acts, const char *const *otherwise)
{
    hn_rnn s;
    bool known;
    HN_TRY(hn_rnn_read(c->env, c->node, gates, acts, otherwise, c->in[0], c->in[1], c->in[2], &s));
    int64_t d0 = s.batch_first ? s.batch : s.dirs, d1 = s.batch_first ? s.dirs : s.batch;
    HN_TRY(check(c, HN_RNN_B, s.dirs, hn_dim_mul(2 * gates, s.hidden), 0));
    HN_TRY(check(c, HN_RNN_H0, d0, d1, s.hidden));
    HN_TRY(check(c, HN_RNN_C0, d0, d1, s.hidden));
    HN_TRY(check(c, HN_RNN_P, s.dirs, hn_dim_mul(3, s.hidden), 0));
    if (hn_nn_type(c, HN_RNN_LENS)) {
        HN_TRY(hn_nn_rank(c, HN_RNN_LENS, 1, 1, &known));
        if (known) HN_TRY(hn_nn_same_dim(c->env, c->node, "sequence_lens", s.batch, c->in[HN_RNN_LENS]->dims[0], NULL));
    }
    int64_t y[] = {s.steps, s.dirs, s.batch, s.hidden}, y_first[] = {s.batch, s.steps, s.dirs, s.hidden};
    int64_t state[] = {d0, d1, s.hidden};
    for (size_t i = 0; i < c->nout; i++) {
        c->out[i] = i == 0 ? hn_type_tensor(c->in[0]->dtype, 4, s.batch_first ? y_first : y)
                           : hn_type_tensor(c->in[0]->dtype, 3, state);
    }
    return HN_OK;
}

double hn_rnn_apply(const hn_rnn *s, int dir, int act, double x)
{
    const hn_act *f = &s->act[dir][act];
    if (x > s->clip) x = s->clip;
    if (x < -s->clip) x = -s->clip;
    return f->fn(x, f->alpha, f->beta);
}

void hn_rnn_matvec(size_t rows, size_t cols, const double *m, const double *x, double *y)
{
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < cols; j++) sum += m[i * cols + j] * x[j];
        y[i] += sum;
    }
}

typedef struct run {
    hn_rnn s;
    double *x, *w, *r, *b, *h0, *c0, *p, *h, *c, *xw, *tmp, *zero;
} run;

static hn_status load(const hn_refargs *a, run *u)
{
    size_t h = (size_t)u->s.hidden, gh = h * (size_t)u->s.gates;
    HN_TRY(hn_nn_load(a, HN_RNN_X, &u->x));
    HN_TRY(hn_nn_load(a, HN_RNN_W, &u->w));
    HN_TRY(hn_nn_load(a, HN_RNN_R, &u->r));
    HN_TRY(hn_nn_load(a, HN_RNN_B, &u->b));
    HN_TRY(hn_nn_load(a, HN_RNN_H0, &u->h0));
    HN_TRY(hn_nn_load(a, HN_RNN_C0, &u->c0));
    HN_TRY(hn_nn_load(a, HN_RNN_P, &u->p));
    HN_TRY(hn_nn_new(a, h, &u->h));
    HN_TRY(hn_nn_new(a, h, &u->c));
    HN_TRY(hn_nn_new(a, gh, &u->xw));
    HN_TRY(hn_nn_new(a, gh, &u->tmp));
    return hn_nn_new(a, gh, &u->zero);
}

static void put(const hn_tensor *t, size_t at, const double *v, size_t n)
{
    for (size_t i = 0; t && i < n; i++) hn_set_f64(t, at + i, v[i]);
}

/* One sample in one direction. */
static hn_status sequence(const hn_refargs *a, run *u, size_t d, size_t n, hn_rnn_cell *cell)
{
    const hn_rnn *s = &u->s;
    const hn_tensor *lens = hn_nn_in(a, HN_RNN_LENS);
    size_t h = (size_t)s->hidden, gh = h * (size_t)s->gates, in = (size_t)s->in;
    size_t steps = (size_t)s->steps, batch = (size_t)s->batch, dirs = (size_t)s->dirs;
    int64_t len = lens ? hn_get_i64(lens, n) : s->steps;
    if (len < 0 || len > s->steps) return hn_op_fail(a->env, a->node, "a sequence of %lld steps", (long long)len);
    size_t state = (s->batch_first ? n * dirs + d : d * batch + n) * h;
    for (size_t i = 0; i < h; i++) {
        u->h[i] = u->h0 ? u->h0[state + i] : 0;
        u->c[i] = u->c0 ? u->c0[state + i] : 0;
    }
    const double *wb = u->b ? u->b + d * 2 * gh : u->zero, *rb = u->b ? wb + gh : u->zero;
    for (size_t i = 0; i < (size_t)len; i++) {
        size_t t = s->reverse[d] ? (size_t)len - 1 - i : i;
        const double *x = u->x + (s->batch_first ? n * steps + t : t * batch + n) * in;
        memcpy(u->xw, wb, gh * sizeof *wb);
        hn_rnn_matvec(gh, in, u->w + d * gh * in, x, u->xw);
        cell(s, a->node, (int)d, u->xw, u->r + d * gh * h, rb, u->p ? u->p + d * 3 * h : NULL, u->h, u->c, u->tmp);
        size_t y = s->batch_first ? (n * steps + t) * dirs + d : (t * dirs + d) * batch + n;
        put(hn_nn_out(a, 0), y * h, u->h, h);
    }
    put(hn_nn_out(a, 1), state, u->h, h);
    put(hn_nn_out(a, 2), state, u->c, h);
    return HN_OK;
}

hn_status hn_rnn_ref(const hn_refargs *a, int gates, int acts, const char *const *otherwise, hn_rnn_cell *cell)
{
    run u = {.x = NULL};
    hn_type t[3];
    for (size_t i = 0; i < 3; i++) t[i] = hn_type_tensor(a->in[i]->dtype, a->in[i]->rank, a->in[i]->dims);
    HN_TRY(hn_rnn_read(a->env, a->node, gates, acts, otherwise, &t[0], &t[1], &t[2], &u.s));
    HN_TRY(load(a, &u));
    for (size_t d = 0; d < (size_t)u.s.dirs; d++) {
        for (size_t n = 0; n < (size_t)u.s.batch; n++) HN_TRY(sequence(a, &u, d, n, cell));
    }
    return HN_OK;
}

bool hn_rnn_is_identity(const hn_tensor *w)
{
    if (w == NULL || w->dtype != HN_F32 || w->rank != 3 || w->dims[0] != 1 || w->dims[1] != w->dims[2]) return false;
    const float *x = w->data;
    for (int64_t i = 0; i < w->dims[1]; i++)
        for (int64_t j = 0; j < w->dims[1]; j++)
            if (*x++ != (i == j ? 1.0f : 0.0f)) return false;
    return true;
}

void hn_rnn_cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *x = &n->in[HN_RNN_X]->type;
    double samples = (double)x->dims[0] * (double)x->dims[1];
    bool plain = hn_rnn_is_identity(n->in[HN_RNN_W]->data);
    cost->macs = samples * ((plain ? 0 : hn_nn_elems(n->in[HN_RNN_W])) + hn_nn_elems(n->in[HN_RNN_R]));
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n) - (plain ? (double)n->in[HN_RNN_W]->data->bytes : 0);
}

bool hn_rnn_shard(hn_shard *s)
{
    bool first = hn_attr_int(s->node, "layout", 0) == 1;
    for (size_t i = 0; i < s->node->nin; i++) {
        int want = i == HN_RNN_X || i == HN_RNN_H0 || i == HN_RNN_C0 ? !first : i == HN_RNN_LENS ? 0 : HN_WHOLE;
        if (s->node->in[i] && s->in[i] != want) return false;
    }
    for (size_t k = 0; k < s->node->nout; k++) s->out[k] = first ? 0 : k == 0 ? 2 : 1;
    return true;
}
