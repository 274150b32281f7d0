/* lib_conv: see the header. One walk serves the three products, because each visits the same triples (x, w, y). */
#include "ops/lib_conv.h"

/* A convolution that maps each pixel to itself is one long row. */
static hn_window collapse(const hn_window *w)
{
    for (int i = 0; i < w->n; i++) {
        if (w->k[i] != 1 || w->s[i] != 1 || w->lo[i] != 0 || w->hi[i] != 0) return *w;
    }
    int64_t n = (int64_t)hn_window_elems(w->in, w->n);
    return (hn_window){.n = 1, .in = {n}, .out = {n}, .k = {1}, .s = {1}, .d = {1}};
}

/* One tap along one row: x and y are already moved to the row, o runs over the outputs in [from, to). */
static void span(hn_conv_what what, double *x, double *w, double *y, int64_t from, int64_t to, int64_t stride)
{
    double k = *w;
    if (what == HN_CONV_FORWARD) {
        if (stride == 1) {
            for (int64_t o = from; o < to; o++) y[o] += k * x[o];
        } else {
            for (int64_t o = from; o < to; o++) y[o] += k * x[o * stride];
        }
    } else if (what == HN_CONV_INPUT) {
        for (int64_t o = from; o < to; o++) x[o * stride] += k * y[o];
    } else {
        for (int64_t o = from; o < to; o++) k += x[o * stride] * y[o];
        *w = k;
    }
}

/* One input plane against one output plane. */
static void plane(hn_conv_what what, const hn_window *g, double *x, double *w, double *y)
{
    int last = g->n - 1;
    size_t tap_rows = hn_window_elems(g->k, last), rows = hn_window_elems(g->out, last);
    for (size_t tap = 0; tap < tap_rows; tap++) {
        for (size_t row = 0; row < rows; row++) {
            size_t in_row;
            if (!hn_window_row(g, tap, row, &in_row)) continue;
            for (int64_t k = 0; k < g->k[last]; k++) {
                int64_t from, to, shift;
                hn_window_span(g, k, &from, &to, &shift);
                if (from >= to) continue;
                int64_t at = (int64_t)in_row * g->in[last] + shift;
                /* Move by the first output, so that no pointer leaves its array. */
                span(what, x + (at + from * g->s[last]), w + tap * (size_t)g->k[last] + k,
                     y + row * (size_t)g->out[last] + from, 0, to - from, g->s[last]);
            }
        }
    }
}

void hn_conv_run(hn_conv_what what, const hn_conv *g, double *x, double *w, double *y)
{
    hn_window win = collapse(&g->w);
    size_t taps = hn_window_taps(&win), xs = hn_window_elems(win.in, win.n), ys = hn_window_elems(win.out, win.n);
    size_t gi = (size_t)(g->cin / g->group), go = (size_t)(g->cout / g->group);
    for (size_t n = 0; n < (size_t)g->batch; n++) {
        for (size_t m = 0; m < (size_t)g->cout; m++) {
            for (size_t c = 0; c < gi; c++) {
                size_t cin = m / go * gi + c;
                plane(what, &win, x + (n * (size_t)g->cin + cin) * xs, w + (m * gi + c) * taps,
                      y + (n * (size_t)g->cout + m) * ys);
            }
        }
    }
}

hn_status hn_conv_read(hn_env *env, const hn_node *node, int rank, const int64_t *x, const int64_t *w, bool nhwc,
                       hn_conv *g)
{
    int64_t group = hn_attr_int(node, "group", 1);
    if (group < 1) return hn_fail(env, HN_INPUT, "%s: group is %lld", hn_node_label(node), (long long)group);
    *g = (hn_conv){.batch = x[0], .cin = nhwc ? x[rank - 1] : x[1], .cout = w[0], .group = group};
    if (w[0] >= 0 && w[0] % group != 0) {
        return hn_fail(env, HN_INPUT, "%s: %lld output channels cannot be cut into %lld groups", hn_node_label(node),
                       (long long)w[0], (long long)group);
    }
    if (w[1] >= 0) {
        int64_t cin;
        if (!hn_i64_mul(w[1], group, &cin)) return hn_fail(env, HN_LIMIT, "%s: too many channels", hn_node_label(node));
        if (g->cin >= 0 && cin != g->cin) {
            return hn_fail(env, HN_INPUT,
                           "%s: the input has %lld channels, the weights are for %lld (%lld groups of %lld)",
                           hn_node_label(node), (long long)g->cin, (long long)cin, (long long)group, (long long)w[1]);
        }
        g->cin = cin;
    }
    return hn_window_read(env, node, rank - 2, nhwc ? x + 1 : x + 2, w + 2, &g->w);
}

void hn_conv_out_dims(const hn_conv *g, bool nhwc, int64_t *dims)
{
    dims[0] = g->batch;
    dims[nhwc ? g->w.n + 1 : 1] = g->cout;
    for (int i = 0; i < g->w.n; i++) dims[nhwc ? i + 1 : i + 2] = g->w.out[i];
}

hn_status hn_conv_infer(hn_infer *c, size_t x, size_t w, size_t bias)
{
    const hn_type *tx = c->in[x], *tw = c->in[w];
    bool known;
    HN_TRY(hn_nn_rank(c, x, 3, HN_MAX_RANK, &known));
    HN_TRY(hn_nn_rank(c, w, 3, HN_MAX_RANK, &known));
    int rank = tx->rank >= 0 ? tx->rank : tw->rank;
    if (rank < 0) return HN_OK;
    if (tx->rank >= 0 && tw->rank >= 0 && tx->rank != tw->rank) {
        return hn_fail(c->env, HN_INPUT, "%s: input of rank %d, weights of rank %d", hn_node_label(c->node), tx->rank,
                       tw->rank);
    }
    int64_t none[HN_MAX_RANK];
    for (int i = 0; i < HN_MAX_RANK; i++) none[i] = -1;
    bool nhwc = hn_attr_int(c->node, "layout", 0) == 1;
    bool in_nhwc = hn_attr_int(c->node, "in_layout", nhwc) == 1;
    hn_conv g;
    HN_TRY(hn_conv_read(c->env, c->node, rank, tx->rank >= 0 ? tx->dims : none, tw->rank >= 0 ? tw->dims : none,
                        in_nhwc, &g));
    const hn_type *tb = hn_nn_type(c, bias);
    if (tb && tb->rank >= 0) {
        HN_TRY(hn_nn_rank(c, bias, 1, 1, &known));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "bias and output channels", g.cout, tb->dims[0], NULL));
    }
    c->out[0].rank = rank;
    hn_conv_out_dims(&g, nhwc, c->out[0].dims);
    return HN_OK;
}

void hn_conv_cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *w = &hn_node_in(n, 1)->type;
    double per_output = 1;
    for (int i = 1; i < w->rank; i++) per_output *= (double)w->dims[i];
    cost->macs = hn_nn_elems(n->out[0]) * per_output;
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

void hn_conv_swap_layout(const double *src, double *dst, size_t batch, size_t channels, size_t spatial, bool to_first)
{
    for (size_t n = 0; n < batch; n++) {
        for (size_t c = 0; c < channels; c++) {
            for (size_t p = 0; p < spatial; p++) {
                size_t first = (n * channels + c) * spatial + p, last = (n * spatial + p) * channels + c;
                if (to_first)
                    dst[first] = src[last];
                else
                    dst[last] = src[first];
            }
        }
    }
}

/* One node with the geometry's attributes; `in` holds the spatial input sizes, for the rows that cannot derive them. */
static hn_value *emit(hn_rw *rw, const char *op, const hn_conv *g, hn_value *a, hn_value *b, bool shape)
{
    int64_t pads[2 * HN_MAX_RANK];
    hn_rw_attr attrs[7] = {{0}};
    hn_value *in[2] = {a, b};
    hn_window_rw(&g->w, pads, attrs);
    attrs[4] = (hn_rw_attr)HN_A_INT("group", g->group);
    if (shape) attrs[5] = (hn_rw_attr)HN_A_INTS("input_shape", g->w.in, (size_t)g->w.n);
    return hn_rw_op(rw, op, 2, in, attrs);
}

hn_value *hn_conv_g_input(hn_rw *rw, const hn_conv *g, hn_value *dy, hn_value *w)
{
    return emit(rw, "hone.ConvGradInput", g, dy, w, true);
}

hn_value *hn_conv_g_weight(hn_rw *rw, const hn_conv *g, hn_value *dy, hn_value *x)
{
    return emit(rw, "hone.ConvGradWeight", g, dy, x, false);
}

hn_value *hn_conv_g_forward(hn_rw *rw, const hn_conv *g, hn_value *x, hn_value *w)
{
    return emit(rw, "Conv", g, x, w, false);
}

hn_value *hn_conv_g_bias(hn_rw *rw, hn_value *dy)
{
    int64_t axes[HN_MAX_RANK] = {0};
    if (!dy) return NULL;
    for (int i = 2; i < dy->type.rank; i++) axes[i - 1] = i;
    return hn_rw_reduce_sum(rw, dy, axes, (size_t)dy->type.rank - 1, false);
}
