/* lib_rnn_unroll: RNN, GRU and LSTM as plain nodes, one cell per step; needs a known sequence length. A step past the
 * end of a sample's sequence keeps its state and gives zeros, in both directions. */
#include "ops/lib_rnn.h"

enum { STEPS_MAX = 4096 };

hn_value *hn_rnn_g_act(hn_rw *rw, const hn_rnn *s, int dir, int act, hn_value *x)
{
    const hn_act *f = &s->act[dir][act];
    if (!x) return NULL;
    if (s->clip < HUGE_VAL) x = hn_rw_3(rw, "Clip", x, hn_g_scalar(rw, x, -s->clip), hn_g_scalar(rw, x, s->clip));
    if (strcmp(f->name, "Affine") == 0) return hn_g_plus(rw, hn_g_scale(rw, x, f->alpha), f->beta);
    if (strcmp(f->name, "ScaledTanh") == 0) {
        return hn_g_scale(rw, hn_rw_1(rw, "Tanh", hn_g_scale(rw, x, f->beta)), f->alpha);
    }
    hn_rw_attr attrs[3] = {{0}};
    if (f->params >= 1) attrs[0] = (hn_rw_attr)HN_A_FLOAT("alpha", f->alpha);
    if (f->params >= 2) attrs[1] = (hn_rw_attr)HN_A_FLOAT("beta", f->beta);
    return hn_rw_op(rw, f->name, 1, &x, attrs);
}

hn_value *hn_rnn_g_gate(hn_rw *rw, const hn_rnn *s, hn_value *v, int i, int n)
{
    int64_t from = i * s->hidden, to = (i + n) * s->hidden, axis = 1;
    if (!v) return NULL;
    hn_value *in[] = {v, hn_rw_ints(rw, &from, 1), hn_rw_ints(rw, &to, 1), hn_rw_ints(rw, &axis, 1)};
    return hn_rw_op(rw, "Slice", 4, in, NULL);
}

/* Entry i of dim 0, without that dim. NULL passes through. */
static hn_value *pick(hn_rw *rw, hn_value *v, int64_t i)
{
    return v ? hn_rw_2(rw, "Gather", v, hn_rw_const(rw, HN_I64, 0, NULL, &i)) : NULL;
}

static hn_value *concat(hn_rw *rw, hn_value *const *v, size_t n, int64_t axis)
{
    hn_rw_attr attrs[] = {HN_A_INT("axis", axis), {0}};
    return n == 1 ? v[0] : hn_rw_op(rw, "Concat", n, v, attrs);
}

static hn_value *swap(hn_rw *rw, hn_value *v)
{
    static const int64_t perm[] = {1, 0, 2};
    return v ? hn_rw_transpose(rw, v, perm, 3) : NULL;
}

typedef struct unroll {
    hn_rw *rw;
    const hn_node *node;
    hn_rnn s;
    hn_rnn_emit *emit;
    hn_value *x;           /* [T, N, I] */
    hn_value *h0, *c0;     /* [D, N, H] or NULL */
    hn_value **y;          /* [steps * dirs], each [1, 1, N, H] */
    hn_value *h[2], *c[2]; /* last states, each [1, N, H] */
} unroll;

/* State of a direction at the start. */
static hn_value *start(unroll *u, hn_value *given, int dir)
{
    int64_t dims[] = {u->s.batch, u->s.hidden};
    hn_tensor *zeros;
    if (given) return pick(u->rw, given, dir);
    return hn_rw_const_new(u->rw, u->x ? u->x->type.dtype : HN_F32, 2, dims, &zeros);
}

/* Is step t inside each sample's sequence: bool [N, 1]. */
static hn_value *inside(unroll *u, int64_t t)
{
    hn_value *lens = hn_node_in(u->node, HN_RNN_LENS);
    int64_t dims[] = {u->s.batch, 1};
    if (!lens) return NULL;
    return hn_rw_2(u->rw, "Greater", hn_rw_reshape(u->rw, lens, 2, dims), hn_rw_scalar(u->rw, HN_I32, (double)t));
}

static void direction(unroll *u, int dir)
{
    hn_rw *rw = u->rw;
    const hn_rnn *s = &u->s;
    static const int64_t flip[] = {1, 0};
    int64_t gh = s->gates * s->hidden, bias_dims[] = {2, 1, gh}, peep_dims[] = {1, 3 * s->hidden};
    hn_value *w = hn_rw_transpose(rw, pick(rw, u->node->in[HN_RNN_W], dir), flip, 2);
    hn_value *rt = hn_rw_transpose(rw, pick(rw, u->node->in[HN_RNN_R], dir), flip, 2);
    hn_value *b = pick(rw, hn_node_in(u->node, HN_RNN_B), dir), *p = pick(rw, hn_node_in(u->node, HN_RNN_P), dir),
             *rb = NULL;
    hn_value *xw = hn_rw_2(rw, "MatMul", u->x, w);
    if (b) {
        b = hn_rw_reshape(rw, b, 3, bias_dims);
        xw = hn_g_add(rw, xw, pick(rw, b, 0));
        rb = pick(rw, b, 1);
    }
    if (p) p = hn_rw_reshape(rw, p, 2, peep_dims);
    hn_value *h = start(u, u->h0, dir), *c = start(u, u->c0, dir);
    for (int64_t i = 0; i < s->steps && hn_rw_status(rw) == HN_OK; i++) {
        int64_t t = s->reverse[dir] ? s->steps - 1 - i : i, dims[] = {1, 1, s->batch, s->hidden};
        hn_value *old_h = h, *old_c = c, *mask = inside(u, t), *y;
        u->emit(rw, s, u->node, dir, pick(rw, xw, t), rt, rb, p, &h, &c);
        y = h;
        if (mask) {
            y = hn_rw_3(rw, "Where", mask, h, hn_g_scalar(rw, h, 0));
            h = hn_rw_3(rw, "Where", mask, h, old_h);
            c = c == old_c ? c : hn_rw_3(rw, "Where", mask, c, old_c);
        }
        u->y[t * s->dirs + dir] = hn_rw_reshape(rw, y, 4, dims);
    }
    int64_t dims[] = {1, s->batch, s->hidden};
    u->h[dir] = hn_rw_reshape(rw, h, 3, dims);
    u->c[dir] = hn_rw_reshape(rw, c, 3, dims);
}

hn_status hn_rnn_unroll(hn_rw *rw, const hn_node *node, int gates, int acts, const char *const *otherwise,
                        hn_rnn_emit *emit, hn_value **out)
{
    static const int64_t first[] = {2, 0, 1, 3};
    hn_env *env = rw->graph->env;
    unroll u = {.rw = rw, .node = node, .emit = emit, .x = node->in[HN_RNN_X]};
    HN_TRY(hn_rnn_read(env, node, gates, acts, otherwise, &u.x->type, &node->in[HN_RNN_W]->type,
                       &node->in[HN_RNN_R]->type, &u.s));
    const hn_rnn *s = &u.s;
    if (s->steps < 1 || s->batch < 0 || s->hidden < 0)
        return hn_op_unsupported(env, node, "unrolling needs a known length");
    if (s->steps > STEPS_MAX) {
        return hn_op_unsupported(env, node, "unrolling %lld steps (the most is %d)", (long long)s->steps, STEPS_MAX);
    }
    u.y = hn_arena_array(env, rw->graph->arena, (size_t)(s->steps * s->dirs), sizeof *u.y);
    if (!u.y) return HN_NOMEM;
    u.h0 = hn_node_in(node, HN_RNN_H0);
    u.c0 = hn_node_in(node, HN_RNN_C0);
    if (s->batch_first) {
        u.x = swap(rw, u.x);
        u.h0 = swap(rw, u.h0);
        u.c0 = swap(rw, u.c0);
    }
    for (int d = 0; d < s->dirs; d++) direction(&u, d);
    HN_TRY(hn_rw_status(rw));
    if (hn_node_out(node, 0)) {
        for (int64_t t = 0; t < s->steps; t++) u.y[t] = concat(rw, &u.y[t * s->dirs], (size_t)s->dirs, 1);
        out[0] = concat(rw, u.y, (size_t)s->steps, 0);
        if (s->batch_first) out[0] = hn_rw_transpose(rw, out[0], first, 4);
    }
    for (size_t i = 1; i < node->nout; i++) {
        if (!node->out[i]) continue;
        out[i] = concat(rw, i == 1 ? u.h : u.c, (size_t)s->dirs, 0);
        if (s->batch_first) out[i] = swap(rw, out[i]);
    }
    return hn_rw_status(rw);
}
