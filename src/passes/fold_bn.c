/* fold_bn: per-channel scales and shifts go into the weights beside them. y = x * a + b per channel comes from
 * BatchNormalization with constant statistics, or from Mul, Div, Add and Sub by a constant. Sums are in double and
 * rounded once. */
#include <math.h>

#include "base/size.h"
#include "passes/lib_match.h"

typedef struct affine {
    hn_value *x;
    int64_t n; /* channels */
    double *a, *b;
} affine;

/* A node with weights that can take a scale and a shift per output channel. */
typedef struct target {
    hn_node *node;
    const hn_tensor *w;
    int64_t n;
    int64_t inner; /* weights in a row that share a channel */
    int64_t rows;  /* channels run fastest but for `inner`: channel of weight i is chan(i) */
    bool per_group;
    int axis; /* of the channels in the node's output */
} target;

static bool affine_room(hn_pass_ctx *c, affine *f, int64_t n)
{
    f->n = n;
    f->a = hn_arena_array(c->env, c->graph->arena, (size_t)n, sizeof(double));
    f->b = hn_arena_array(c->env, c->graph->arena, (size_t)n, sizeof(double));
    return f->a != NULL && f->b != NULL;
}

static bool read_binary(const hn_node *n, int axis, affine *f)
{
    bool add = hn_node_is(n, "Add"), sub = hn_node_is(n, "Sub"), mul = hn_node_is(n, "Mul"), div = hn_node_is(n, "Div");
    if (!add && !sub && !mul && !div) return false;
    int side = hn_operand(n, f->x);
    if (side < 0 || (div && side != 0) || !hn_dims_same(&f->x->type, &n->out[0]->type)) return false;
    if (!hn_const_channel(n->in[1 - side], f->x->type.rank, axis, f->n, f->b)) return false;
    for (int64_t i = 0; i < f->n; ++i) {
        double k = f->b[i];
        f->a[i] = mul ? k : div ? 1 / k : sub && side == 1 ? -1 : 1;
        f->b[i] = add ? k : sub ? (side == 0 ? -k : k) : 0;
        if (!isfinite(f->a[i])) return false;
    }
    return true;
}

/* The affine form of node n over the value x, whose channels are along `axis`. */
static bool read_affine(hn_pass_ctx *c, const hn_node *n, hn_value *x, int axis, int64_t channels, affine *f)
{
    f->x = x;
    if (channels <= 0 || n->nout != 1 || !hn_is_real(x) || !affine_room(c, f, channels)) return false;
    if (hn_node_is(n, "BatchNormalization")) return n->in[0] == x && axis == 1 && hn_bn_affine(n, channels, f->a, f->b);
    return read_binary(n, axis, f);
}

static bool read_target(hn_node *n, target *t)
{
    bool conv = hn_node_is(n, "Conv"), up = hn_node_is(n, "ConvTranspose"), gemm = hn_node_is(n, "Gemm");
    *t = (target){.node = n, .w = hn_node_const(n, 1), .inner = 1, .axis = 1};
    if (t->w == NULL || !hn_is_real(n->in[1]) || (hn_node_in(n, 2) != NULL && n->in[2]->data == NULL)) return false;
    if (conv || up) {
        int64_t group = hn_attr_int(n, "group", 1);
        if (t->w->rank < 3 || group < 1 || group > t->w->dims[0] || hn_tensor_elems(t->w) == 0) return false;
        t->inner = (int64_t)hn_dims_elems(t->w->rank, t->w->dims, conv ? 1 : 2, t->w->rank);
        t->n = conv ? t->w->dims[0] : t->w->dims[1] * group;
        t->rows = conv ? t->w->dims[0] : t->w->dims[1];
        t->per_group = up && group > 1;
        return t->n > 0 && t->inner > 0;
    }
    if (!gemm && !hn_node_is(n, "MatMul")) return false;
    if (t->w->rank != 2 || n->in[0]->type.rank < 2) return false;
    bool trans = gemm && hn_attr_int(n, "transB", 0) != 0;
    t->n = t->rows = t->w->dims[trans ? 0 : 1];
    t->inner = trans ? t->w->dims[1] : 1;
    t->axis = n->in[0]->type.rank - 1;
    return t->n > 0 && t->inner > 0;
}

static int64_t channel(const target *t, int64_t i)
{
    int64_t row = i / t->inner % t->rows;
    if (!t->per_group) return row;
    int64_t group = t->n / t->rows, in_per_group = t->w->dims[0] / group;
    return i / t->inner / t->rows / in_per_group * t->rows + row;
}

/* Weights times a, bias times a plus b, in a new node in place of n. */
static hn_status fold_after(hn_pass_ctx *c, const target *t, hn_node *n, const affine *f)
{
    hn_node *m = t->node;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_tensor *w, *bias;
    double alpha = hn_attr_float(m, "alpha", 1), beta = hn_attr_float(m, "beta", 1);
    bool gemm = hn_node_is(m, "Gemm");
    double *old = hn_arena_array(c->env, c->graph->arena, (size_t)t->n, sizeof(double));
    if (old == NULL) return c->env->error.status;
    hn_value *in[3] = {m->in[0], NULL, NULL};
    bool shift = hn_node_in(m, 2) != NULL;
    if (shift && !hn_const_channel(m->in[2], gemm ? 2 : 1, gemm ? 1 : 0, t->n, old)) return HN_OK;
    for (int64_t i = 0; i < t->n; ++i) shift = shift || f->b[i] != 0;
    if (shift && hn_node_is(m, "MatMul")) return HN_OK;
    in[1] = hn_rw_const_new(&rw, t->w->dtype, t->w->rank, t->w->dims, &w);
    if (in[1] == NULL) return hn_rw_status(&rw);
    for (size_t i = 0; i < hn_tensor_elems(w); ++i)
        hn_set_f64(w, i, hn_get_f64(t->w, i) * f->a[channel(t, (int64_t)i)] * (gemm ? alpha : 1));
    if (shift) {
        in[2] = hn_rw_const_new(&rw, t->w->dtype, 1, &t->n, &bias);
        if (in[2] == NULL) return hn_rw_status(&rw);
        for (int64_t i = 0; i < t->n; ++i) hn_set_f64(bias, (size_t)i, old[i] * (gemm ? beta : 1) * f->a[i] + f->b[i]);
    }
    rw.name = m->name;
    hn_node *fresh = hn_rw_like(&rw, m, shift ? 3 : 2, in);
    if (fresh == NULL) return hn_rw_status(&rw);
    if (gemm) hn_node_unset(fresh, "alpha");
    if (gemm) hn_node_unset(fresh, "beta");
    return hn_replace_first(c, &rw, n, fresh->out[0]);
}

static bool unpadded(const hn_node *n)
{
    const int64_t *pads;
    size_t count = hn_attr_ints(n, "pads", &pads);
    if (!hn_attr_is(n, "auto_pad", "NOTSET") && !hn_attr_is(n, "auto_pad", "VALID")) return false;
    for (size_t i = 0; i < count; ++i)
        if (pads[i] != 0) return false;
    return true;
}

/* Conv(x * a + b): exact without padding, and with padding when b is zero. */
static hn_status fold_before(hn_pass_ctx *c, hn_node *conv, const affine *f)
{
    const hn_tensor *w = conv->in[1]->data;
    int64_t m = w->dims[0], per = w->dims[1], group = hn_attr_int(conv, "group", 1);
    size_t inner = hn_dims_elems(w->rank, w->dims, 2, w->rank);
    bool shift = false;
    for (int64_t i = 0; i < f->n; ++i) shift = shift || f->b[i] != 0;
    if (group < 1 || m % group != 0 || per * group != f->n || (shift && !unpadded(conv))) return HN_OK;
    if (hn_node_in(conv, 2) != NULL && conv->in[2]->data == NULL) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, conv);
    hn_tensor *nw, *nb = NULL;
    hn_value *in[3] = {f->x, hn_rw_const_new(&rw, w->dtype, w->rank, w->dims, &nw), NULL};
    bool bias = shift || hn_node_in(conv, 2) != NULL;
    if (bias) in[2] = hn_rw_const_new(&rw, w->dtype, 1, &m, &nb);
    HN_TRY(hn_rw_status(&rw));
    for (int64_t o = 0; o < m; ++o) {
        double sum = hn_node_in(conv, 2) != NULL ? hn_get_f64(conv->in[2]->data, (size_t)o) : 0;
        for (int64_t i = 0; i < per; ++i) {
            int64_t ch = o / (m / group) * per + i;
            for (size_t k = 0; k < inner; ++k) {
                size_t at = ((size_t)o * (size_t)per + (size_t)i) * inner + k;
                double v = hn_get_f64(w, at);
                sum += v * f->b[ch];
                hn_set_f64(nw, at, v * f->a[ch]);
            }
        }
        if (bias) hn_set_f64(nb, (size_t)o, sum);
    }
    const hn_node *fresh = hn_rw_like(&rw, conv, bias ? 3 : 2, in);
    if (fresh == NULL) return hn_rw_status(&rw);
    return hn_replace_first(c, &rw, conv, fresh->out[0]);
}

static hn_status after(hn_pass_ctx *c, hn_node *n, bool *done)
{
    for (size_t i = 0; i < 2 && i < n->nin && !*done; ++i) {
        hn_value *v = n->in[i];
        target t;
        affine f;
        if (v == NULL || v->producer == NULL || hn_only_user(v) != n || !read_target(v->producer, &t)) continue;
        if (!read_affine(c, n, v, t.axis, t.n, &f)) continue;
        size_t before = c->changes;
        HN_TRY(fold_after(c, &t, n, &f));
        *done = c->changes != before;
    }
    return HN_OK;
}

static hn_status ahead(hn_pass_ctx *c, hn_node *n)
{
    const hn_tensor *w = hn_node_const(n, 1);
    hn_node *p = n->in[0]->producer;
    int64_t group = hn_attr_int(n, "group", 1);
    affine f;
    if (w == NULL || w->rank < 3 || p == NULL || hn_only_user(n->in[0]) != n || !hn_is_real(n->in[1])) return HN_OK;
    if (group < 1 || group > w->dims[0] || hn_tensor_elems(w) == 0) return HN_OK;
    for (size_t i = 0; i < 2 && i < p->nin; ++i) {
        hn_value *x = p->in[i];
        if (x == NULL || x->data != NULL || x->type.rank < 3) continue;
        if (!read_affine(c, p, x, 1, w->dims[1] * group, &f)) continue;
        return fold_before(c, n, &f);
    }
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        bool done = false;
        next = n->next;
        HN_TRY(after(c, n, &done));
        if (!done && hn_node_is(n, "Conv")) HN_TRY(ahead(c, n));
    }
    return HN_OK;
}

const hn_pass hn_pass_fold_bn = {
    .name = "fold_bn",
    .doc = "Puts BatchNormalization with constant statistics, and Mul, Div, Add and Sub by per-channel constants, into "
           "the constant "
           "weights and bias of the Conv, ConvTranspose, Gemm or MatMul before them, or of the Conv after them where "
           "that is exact "
           "(no padding, or no shift). Sums are in double and rounded once.",
    .run = run,
};
