/* graphgen_nets: makers of what networks are built from - convolutions with what follows them, products, norms, pools,
 * quantised layers, and functions written out in primitives: the patterns that passes look for. */
#include <math.h>

#include "support/graphgen_priv.h"

#define A(...) ((const hn_rw_attr[]){__VA_ARGS__, {0}})

static hn_value *v1(hn_gen *g, const char *op, hn_value *x)
{
    return x ? hn_gen_op(g, op, 1, &x, NULL) : NULL;
}

static hn_value *v2(hn_gen *g, const char *op, hn_value *x, hn_value *y)
{
    return x && y ? hn_gen_op(g, op, 2, (hn_value *[]){x, y}, NULL) : NULL;
}

static hn_value *activate(hn_gen *g, hn_value *x)
{
    static const char *const acts[] = {"Relu", "Sigmoid",     "Tanh", "HardSwish", "LeakyRelu",
                                       "Clip", "HardSigmoid", "Elu",  "Gelu"};
    size_t k = hn_gen_below(g, HN_COUNT(acts) + 3);
    if (!x || k >= HN_COUNT(acts)) return x;
    if (k == 5) {
        hn_value *in[] = {x, hn_gen_scalar(g, HN_F32, 0), hn_gen_scalar(g, HN_F32, 6)};
        return hn_gen_op(g, "Clip", 3, in, NULL);
    }
    return v1(g, acts[k], x);
}

/* An image [n, c, h, w] (or of one dim less): one at hand or fresh. */
static hn_value *image(hn_gen *g)
{
    int rank = hn_gen_chance(g, 85) ? 4 : 3;
    int64_t dims[] = {1 + (int64_t)hn_gen_below(g, 2), hn_gen_size(g, 6, 40), 2 + hn_gen_size(g, 6, 18),
                      2 + hn_gen_size(g, 6, 18)};
    if (hn_gen_chance(g, 60)) {
        hn_value *x = hn_gen_pick(g, HN_F32, rank, rank);
        if (x) return x;
    }
    return hn_gen_input(g, hn_gen_tensor(g, HN_F32, rank, dims, -1, 1));
}

typedef struct window {
    int64_t k[2], s[2], d[2], p[4];
    size_t n;
} window;

static window some_window(hn_gen *g, const hn_tensor *x, bool dilates)
{
    window w = {.n = (size_t)x->rank - 2};
    for (size_t i = 0; i < w.n; i++) {
        w.k[i] = 1 + (int64_t)hn_gen_below(g, hn_gen_chance(g, 15) ? 7 : 3);
        w.s[i] = 1 + (int64_t)(hn_gen_chance(g, 30) ? hn_gen_below(g, 3) : 0);
        w.d[i] = dilates && hn_gen_chance(g, 15) ? 2 : 1;
        w.p[i] = hn_gen_chance(g, 50) ? w.k[i] / 2 : 0;
        w.p[w.n + i] = hn_gen_chance(g, 80) ? w.p[i] : 0;
    }
    return w;
}

static hn_value *norm(hn_gen *g, hn_value *x)
{
    size_t c = x ? (size_t)x->type.dims[1] : 0;
    if (!x || c == 0) return NULL;
    hn_value *in[] = {x, hn_gen_floats(g, c, 0.5, 2), hn_gen_floats(g, c, -1, 1), hn_gen_floats(g, c, -1, 1),
                      hn_gen_floats(g, c, 0.5, 2)};
    return hn_gen_op(g, "BatchNormalization", 5, in, NULL);
}

/* Weights; at times with zeros for whole results and for whole channels of the input. */
static hn_tensor *some_weights(hn_gen *g, hn_dtype dtype, int rank, const int64_t *dims, double most)
{
    hn_tensor *t = hn_gen_tensor(g, dtype, rank, dims, -most, most);
    if (!t || rank < 2 || !hn_gen_chance(g, 25)) return t;
    for (int axis = 0; axis < 2; axis++) {
        size_t inner = hn_dims_elems(rank, dims, axis + 1, rank), n = (size_t)dims[axis];
        for (size_t i = 0; i < n; i++) {
            if (!hn_gen_chance(g, 30)) continue;
            for (size_t e = 0; e < hn_tensor_elems(t); e++)
                if (e / inner % n == i) hn_set_f64(t, e, 0);
        }
    }
    return t;
}

static void conv(hn_gen *g)
{
    hn_value *x = image(g), *skip = NULL;
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t || t->dims[1] < 1) return;
    int64_t c = t->dims[1], group = hn_gen_chance(g, 25) ? c : 1,
            m = group * (group > 1 ? hn_gen_size(g, 2, 2) : hn_gen_size(g, 6, 72));
    window w = some_window(g, t, true);
    int64_t dims[] = {m, c / group, w.k[0], w.k[1]};
    if (hn_gen_chance(g, 10)) x = v1(g, "Relu", x);
    if (hn_gen_chance(g, 12)) {
        int64_t pads[] = {0, 0, 1, (int64_t)hn_gen_below(g, 2), 0, 0, 1, (int64_t)hn_gen_below(g, 2)};
        if (t->rank == 4) x = v2(g, "Pad", x, hn_gen_ints(g, 8, pads));
    }
    hn_value *in[] = {x, hn_gen_const(g, some_weights(g, HN_F32, t->rank, dims, 0.5)),
                      hn_gen_floats(g, (size_t)m, -1, 1)};
    if (!x || !in[1]) return;
    hn_value *y = hn_gen_op(g, "Conv", 2 + hn_gen_below(g, 2), in,
                            A(HN_A_INTS("pads", w.p, 2 * w.n), HN_A_INTS("strides", w.s, w.n),
                              HN_A_INTS("dilations", w.d, w.n), HN_A_INT("group", group)));
    if (y && hn_gen_chance(g, 35)) y = norm(g, y);
    if (y && hn_gen_chance(g, 20)) {
        for (size_t i = 0; i < g->n && !skip; i++)
            if (g->v[i] != y && g->t[i]->dtype == HN_F32 && hn_tensor_same_shape(g->t[i], hn_gen_data(g, y)))
                skip = g->v[i];
        hn_value *sum = skip ? v2(g, "Add", y, skip) : NULL;
        if (sum) y = sum;
    }
    if (hn_gen_chance(g, 60)) activate(g, y);
}

/* Convolutions of one image that have few channels each; often with a depthwise one and an activation behind them. */
static void heads(hn_gen *g)
{
    int64_t c = hn_gen_size(g, 24, 70), k = hn_gen_chance(g, 70) ? 1 : 3,
            dims[] = {1 + (int64_t)hn_gen_below(g, 2), c, 8 + hn_gen_size(g, 4, 10), 8 + hn_gen_size(g, 4, 10)};
    hn_value *x = hn_gen_input(g, hn_gen_tensor(g, HN_F32, 4, dims, -1, 1));
    bool deep = hn_gen_chance(g, 60), same = hn_gen_chance(g, 80);
    for (size_t i = 0, n = 2 + hn_gen_below(g, 4); x && i < n; i++) {
        int64_t m = hn_gen_size(g, 6, 17), pads[] = {k / 2, k / 2, k / 2, k / 2}, w[] = {m, c, k, k},
                v[] = {m, 1, 3, 3};
        hn_value *in[] = {x, hn_gen_const(g, some_weights(g, HN_F32, 4, w, 0.2)), hn_gen_floats(g, (size_t)m, -1, 1)};
        hn_value *y = hn_gen_op(g, "Conv", 2 + hn_gen_below(g, 2), in, A(HN_A_INTS("pads", pads, 4)));
        if (y && deep && (same || i > 0)) {
            hn_value *next[] = {y, hn_gen_const(g, hn_gen_tensor(g, HN_F32, 4, v, -0.5, 0.5)),
                                hn_gen_floats(g, (size_t)m, -1, 1)};
            y = hn_gen_op(g, "Conv", 2 + hn_gen_below(g, 2), next,
                          A(HN_A_INTS("pads", ((int64_t[]){1, 1, 1, 1}), 4), HN_A_INT("group", m)));
        }
        if (hn_gen_chance(g, 40)) activate(g, y);
    }
}

static void deconv(hn_gen *g)
{
    hn_value *x = image(g);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t || t->dims[1] < 1) return;
    window w = some_window(g, t, true);
    int64_t dims[] = {t->dims[1], hn_gen_size(g, 3, 20), w.k[0], w.k[1]};
    for (size_t i = 0; i < 2 * w.n; i++) w.p[i] = 0;
    hn_value *in[] = {x, hn_gen_const(g, hn_gen_tensor(g, HN_F32, t->rank, dims, -0.5, 0.5)),
                      hn_gen_floats(g, (size_t)dims[1], -1, 1)};
    hn_value *y = hn_gen_op(g, "ConvTranspose", 2 + hn_gen_below(g, 2), in,
                            A(HN_A_INTS("pads", w.p, 2 * w.n), HN_A_INTS("strides", w.s, w.n)));
    if (hn_gen_chance(g, 30)) activate(g, y);
}

static void pool(hn_gen *g)
{
    hn_value *x = image(g);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    if (hn_gen_chance(g, 30)) {
        v1(g, hn_gen_chance(g, 70) ? "GlobalAveragePool" : "GlobalMaxPool", x);
        return;
    }
    window w = some_window(g, t, false);
    for (size_t i = 0; i < 2 * w.n; i++) w.p[i] = w.p[i] < w.k[i % w.n] ? w.p[i] : 0;
    hn_rw_attr a[] = {HN_A_INTS("kernel_shape", w.k, w.n),
                      HN_A_INTS("pads", w.p, 2 * w.n),
                      HN_A_INTS("strides", w.s, w.n),
                      HN_A_INT("ceil_mode", hn_gen_chance(g, 20)),
                      {0},
                      {0}};
    bool mean = hn_gen_chance(g, 50);
    if (mean) a[4] = (hn_rw_attr)HN_A_INT("count_include_pad", hn_gen_chance(g, 40));
    hn_gen_op(g, mean ? "AveragePool" : "MaxPool", 1, &x, a);
}

static hn_value *matrix(hn_gen *g, int64_t k)
{
    int64_t dims[] = {k, hn_gen_size(g, 10, 80)};
    return hn_gen_const(g, some_weights(g, HN_F32, 2, dims, 0.7));
}

static void product(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 4), *y;
    if (!x || hn_gen_data(g, x)->rank < 1) return;
    int64_t k = x->type.dims[hn_gen_data(g, x)->rank - 1];
    if (hn_gen_chance(g, 25) && hn_gen_data(g, x)->rank >= 2) {
        int64_t perm[HN_MAX_RANK];
        for (int d = 0; d < hn_gen_data(g, x)->rank; d++) perm[d] = d;
        perm[hn_gen_data(g, x)->rank - 1] = hn_gen_data(g, x)->rank - 2;
        perm[hn_gen_data(g, x)->rank - 2] = hn_gen_data(g, x)->rank - 1;
        hn_value *turned =
            hn_gen_op(g, "Transpose", 1, &x, A(HN_A_INTS("perm", perm, (size_t)hn_gen_data(g, x)->rank)));
        y = v2(g, "MatMul", x, turned);
        if (y && hn_gen_chance(g, 40)) y = v2(g, "Mul", y, hn_gen_scalar(g, HN_F32, 0.5));
        if (y && hn_gen_chance(g, 40)) y = v1(g, "Softmax", y);
        if (y && hn_gen_chance(g, 40)) v2(g, "MatMul", y, x);
        return;
    }
    hn_value *w = matrix(g, k);
    y = v2(g, "MatMul", x, w);
    if (y && hn_gen_chance(g, 60)) {
        hn_value *b = hn_gen_floats(g, (size_t)w->type.dims[1], -1, 1);
        y = hn_gen_chance(g, 50) ? v2(g, "Add", y, b) : v2(g, "Add", b, y);
    }
    if (hn_gen_chance(g, 50)) activate(g, y);
}

/* Several products of one matrix, sometimes of one row, that meet again: in one Attention, or element by element. */
static void projections(hn_gen *g)
{
    int64_t kv = 1 + (int64_t)hn_gen_below(g, 2), heads = kv * (1 + (int64_t)hn_gen_below(g, 2)),
            size = hn_gen_size(g, 6, 20);
    int64_t dims[] = {hn_gen_size(g, 2, 3), hn_gen_chance(g, 50) ? 1 : hn_gen_size(g, 6, 20), hn_gen_size(g, 8, 40)};
    hn_value *x = hn_gen_input(g, hn_gen_tensor(g, HN_F32, 3, dims, -1, 1)), *part[3];
    bool attend = hn_gen_chance(g, 50), bias = hn_gen_chance(g, 50);
    for (size_t i = 0; i < 3; i++) {
        int64_t w[] = {dims[2], (i == 0 && attend ? heads : kv) * size};
        part[i] = v2(g, "MatMul", x, hn_gen_const(g, hn_gen_tensor(g, HN_F32, 2, w, -0.7, 0.7)));
        if (part[i] && (bias || hn_gen_chance(g, 20)))
            part[i] = v2(g, "Add", part[i], hn_gen_floats(g, (size_t)w[1], -1, 1));
        if (!attend && hn_gen_chance(g, 40)) activate(g, part[i]);
        if (!part[i]) return;
    }
    if (attend)
        hn_gen_op(g, "Attention", 3, part,
                  A(HN_A_INT("q_num_heads", heads), HN_A_INT("kv_num_heads", kv), HN_A_INT("is_causal", bias)));
    else
        v2(g, "Add", v2(g, "Mul", v1(g, "Sigmoid", part[0]), part[1]), part[2]);
}

static void gemm(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 2, 2);
    if (!x || hn_gen_data(g, x)->rank != 2) return;
    bool ta = hn_gen_chance(g, 30), tb = hn_gen_chance(g, 50);
    int64_t k = x->type.dims[ta ? 0 : 1], n = hn_gen_size(g, 8, 80), dims[] = {tb ? n : k, tb ? k : n};
    hn_value *in[] = {x, hn_gen_const(g, some_weights(g, HN_F32, 2, dims, 0.7)), hn_gen_floats(g, (size_t)n, -1, 1)};
    hn_value *y =
        hn_gen_op(g, "Gemm", 2 + hn_gen_below(g, 2), in,
                  A(HN_A_INT("transA", ta), HN_A_INT("transB", tb), HN_A_FLOAT("alpha", hn_gen_chance(g, 80) ? 1 : 0.5),
                    HN_A_FLOAT("beta", hn_gen_chance(g, 80) ? 1 : 2)));
    if (hn_gen_chance(g, 40)) activate(g, y);
}

static void norms(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 2, 4);
    if (!x || hn_gen_data(g, x)->rank < 2) return;
    size_t last = (size_t)x->type.dims[hn_gen_data(g, x)->rank - 1], c = (size_t)x->type.dims[1];
    if (last == 0 || c == 0) return;
    hn_value *in[] = {x, NULL, NULL};
    size_t what = hn_gen_below(g, 4), n = what == 2 ? c : last;
    in[1] = hn_gen_floats(g, n, 0.5, 2);
    in[2] = hn_gen_floats(g, n, -1, 1);
    if (what == 0) hn_gen_op(g, "LayerNormalization", 2 + hn_gen_below(g, 2), in, NULL);
    if (what == 1) hn_gen_op(g, "RMSNormalization", 2, in, NULL);
    if (what == 2 && hn_gen_data(g, x)->rank >= 3) hn_gen_op(g, "InstanceNormalization", 3, in, NULL);
    if (what == 3) norm(g, x);
}

/* ---- written out ---- */
static hn_value *times(hn_gen *g, hn_value *x, double v)
{
    return v2(g, "Mul", x, hn_gen_scalar(g, HN_F32, v));
}

static hn_value *plus(hn_gen *g, hn_value *x, double v)
{
    return v2(g, "Add", x, hn_gen_scalar(g, HN_F32, v));
}

static hn_value *mean_of(hn_gen *g, const char *op, hn_value *x, int64_t axis)
{
    return x ? hn_gen_op(g, op, 2, (hn_value *[]){x, hn_gen_ints(g, 1, &axis)}, A(HN_A_INT("keepdims", 1))) : NULL;
}

static void written(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 4);
    if (!x || hn_gen_data(g, x)->rank < 1) return;
    int64_t axis = hn_gen_chance(g, 75) ? -1 : (int64_t)hn_gen_below(g, (size_t)hn_gen_data(g, x)->rank);
    switch (hn_gen_below(g, 7)) {
    case 0: v2(g, "Mul", x, v1(g, "Sigmoid", x)); break;
    case 1: /* gelu */ v2(g, "Mul", times(g, x, 0.5), plus(g, v1(g, "Erf", times(g, x, sqrt(0.5))), 1)); break;
    case 2: { /* softmax */
        hn_value *e = v1(g, "Exp", v2(g, "Sub", x, mean_of(g, "ReduceMax", x, axis)));
        v2(g, "Div", e, mean_of(g, "ReduceSum", e, axis));
        break;
    }
    case 3: { /* layer norm */
        hn_value *d = v2(g, "Sub", x, mean_of(g, "ReduceMean", x, axis));
        hn_value *s = v1(g, "Sqrt", plus(g, mean_of(g, "ReduceMean", v2(g, "Mul", d, d), axis), 1e-5));
        v2(g, "Div", d, s);
        break;
    }
    case 4: { /* rms norm */
        hn_value *s = v1(g, "Sqrt", plus(g, mean_of(g, "ReduceMean", v2(g, "Mul", x, x), axis), 1e-5));
        v2(g, "Mul", x, v1(g, "Reciprocal", s));
        break;
    }
    case 5: { /* hard swish */
        hn_value *in[] = {plus(g, x, 3), hn_gen_scalar(g, HN_F32, 0), hn_gen_scalar(g, HN_F32, 6)};
        hn_value *c = in[0] ? hn_gen_op(g, "Clip", 3, in, NULL) : NULL;
        v2(g, "Mul", x, times(g, c, 1.0 / 6));
        break;
    }
    default: v2(g, "Mul", x, v1(g, "Tanh", v1(g, "Softplus", x))); break; /* mish */
    }
}

/* ---- quantised layers ---- */
static hn_value *quantised(hn_gen *g, hn_value *x, double scale, hn_dtype dtype, int64_t zero)
{
    hn_value *in[] = {x, hn_gen_scalar(g, HN_F32, scale), hn_gen_scalar(g, dtype, (double)zero)};
    return x ? hn_gen_op(g, "QuantizeLinear", 3, in, NULL) : NULL;
}

static hn_value *back(hn_gen *g, hn_value *q, double scale, int64_t zero)
{
    hn_value *in[] = {q, hn_gen_scalar(g, HN_F32, scale), q ? hn_gen_scalar(g, q->type.dtype, (double)zero) : NULL};
    return q ? hn_gen_op(g, "DequantizeLinear", 3, in, NULL) : NULL;
}

static double some_scale(hn_gen *g)
{
    return 0.01 + 0.05 * hn_rng_unit(&g->rng);
}

static hn_value *pair_at(hn_gen *g, hn_value *x, double scale)
{
    bool sign = hn_gen_chance(g, 50);
    int64_t zero = sign ? (int64_t)hn_gen_below(g, 20) - 10 : 118 + (int64_t)hn_gen_below(g, 20);
    return back(g, quantised(g, x, scale, sign ? HN_I8 : HN_U8, zero), scale, zero);
}

static hn_value *pair(hn_gen *g, hn_value *x)
{
    return pair_at(g, x, some_scale(g));
}

static hn_value *weights(hn_gen *g, int rank, const int64_t *dims, double scale)
{
    hn_tensor *t = some_weights(g, HN_I8, rank, dims, 100);
    return t ? back(g, hn_gen_const(g, t), scale, 0) : NULL;
}

/* In steps of the sum, as exporters write it: another bias would be rounded to such steps. */
static hn_value *q_bias(hn_gen *g, int64_t n, double step)
{
    hn_tensor *t = hn_gen_tensor(g, HN_I32, 1, &n, -1 / step, 1 / step);
    hn_value *in[] = {hn_gen_const(g, t), hn_gen_scalar(g, HN_F32, (double)(float)step)};
    return in[0] ? hn_gen_op(g, "DequantizeLinear", 2, in, NULL) : NULL;
}

static void q_layer(hn_gen *g)
{
    size_t what = hn_gen_below(g, 6);
    float sx = (float)some_scale(g), sw = (float)(some_scale(g) / 4);
    hn_value *y = NULL;
    if (what <= 1) {
        hn_value *x = pair_at(g, image(g), (double)sx);
        const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
        if (!t || t->rank != 4 || t->dims[1] < 1) return;
        window w = some_window(g, t, false);
        int64_t group = what == 1 ? t->dims[1] : 1, m = group * ((group > 1 ? 1 : hn_gen_size(g, 5, 40)));
        int64_t dims[] = {m, t->dims[1] / group, w.k[0], w.k[1]};
        hn_value *in[] = {x, weights(g, 4, dims, (double)sw), q_bias(g, m, (double)(sx * sw))};
        if (!in[1] || !in[2]) return;
        y = hn_gen_op(g, "Conv", 2 + hn_gen_below(g, 2), in,
                      A(HN_A_INTS("pads", w.p, 4), HN_A_INTS("strides", w.s, 2), HN_A_INT("group", group)));
        if (hn_gen_chance(g, 50)) y = activate(g, y);
    } else if (what == 2) {
        hn_value *x = pair_at(g, hn_gen_pick(g, HN_F32, 2, 3), (double)sx);
        if (!x) return;
        int64_t dims[] = {x->type.dims[hn_gen_data(g, x)->rank - 1], hn_gen_size(g, 9, 70)};
        y = v2(g, "MatMul", x, weights(g, 2, dims, (double)sw));
        if (y && hn_gen_chance(g, 50)) y = v2(g, "Add", y, q_bias(g, dims[1], (double)(sx * sw)));
    } else if (what == 3) {
        hn_value *a = hn_gen_pick(g, HN_F32, 1, 4);
        y = v2(g, hn_gen_chance(g, 60) ? "Add" : "Mul", pair(g, a),
               pair(g, hn_gen_chance(g, 50) ? a : hn_gen_pick(g, HN_F32, 1, 4)));
    } else if (what == 4) {
        y = activate(g, pair(g, hn_gen_pick(g, HN_F32, 1, 4)));
    } else {
        hn_value *x = pair(g, image(g));
        const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
        if (!t) return;
        window w = some_window(g, t, false);
        y = hn_gen_op(g, hn_gen_chance(g, 50) ? "MaxPool" : "AveragePool", 1, &x,
                      A(HN_A_INTS("kernel_shape", w.k, w.n), HN_A_INTS("strides", w.s, w.n)));
    }
    if (y && hn_gen_chance(g, 85)) pair(g, y);
}

/* Convolutions of one 8-bit image that have few channels each; often with a depthwise one behind them. */
static void q_heads(hn_gen *g)
{
    float sx = (float)some_scale(g), sw = (float)(some_scale(g) / 4);
    int64_t c = hn_gen_size(g, 24, 70), dims[] = {1 + (int64_t)hn_gen_below(g, 2), c, 8, 8 + hn_gen_size(g, 4, 10)};
    hn_value *x = pair_at(g, hn_gen_input(g, hn_gen_tensor(g, HN_F32, 4, dims, -1, 1)), (double)sx);
    bool clamped = hn_gen_chance(g, 30), deep = hn_gen_chance(g, 60);
    for (size_t i = 0, n = 2 + hn_gen_below(g, 4); x && i < n; i++) {
        int64_t m = hn_gen_size(g, 6, 17), w[] = {m, c, 1, 1};
        hn_value *in[] = {x, weights(g, 4, w, (double)sw), q_bias(g, m, (double)(sx * sw))};
        hn_value *y = in[1] && in[2] ? hn_gen_op(g, "Conv", 2 + hn_gen_below(g, 2), in, NULL) : NULL;
        if (y && (clamped || hn_gen_chance(g, 20))) y = v1(g, "Relu", y);
        double s = some_scale(g);
        if (y) y = pair_at(g, y, s);
        if (!y || !deep) continue;
        int64_t v[] = {m, 1, 3, 3};
        hn_value *next[] = {y, weights(g, 4, v, (double)sw), q_bias(g, m, (double)((float)s * sw))};
        y = next[1] && next[2]
                ? hn_gen_op(g, "Conv", 2 + hn_gen_below(g, 2), next,
                            A(HN_A_INTS("pads", ((const int64_t[]){1, 1, 1, 1}), 4), HN_A_INT("group", m)))
                : NULL;
        if (y) pair(g, y);
    }
}

/* Shuffled channels, as 8-bit graphs write it: a pair behind every step, all with one scale. */
static void q_shuffle(hn_gen *g)
{
    const double scale = some_scale(g);
    const int64_t parts = 2 + (int64_t)hn_gen_below(g, 2), c = parts * hn_gen_size(g, 3, 20), h = hn_gen_size(g, 3, 9),
                  w = hn_gen_size(g, 3, 9), dims[] = {1, c, h, w}, last[] = {parts, -1, c / parts, h, w};
    hn_value *x = hn_gen_input(g, hn_gen_tensor(g, HN_F32, 4, dims, -1, 1)), *in[2];
    const int64_t zero = 118 + (int64_t)hn_gen_below(g, 20);
    const bool deep = hn_gen_chance(g, 50);
    for (int step = 0; x && step < 4; step++) {
        x = back(g, quantised(g, x, scale, HN_U8, zero), scale, zero);
        in[0] = x;
        in[1] = step == 0 ? hn_gen_ints(g, 3, (const int64_t[]){c / parts, parts, h * w})
                          : hn_gen_ints(g, 5, deep ? last : (const int64_t[]){1, parts, c / parts, h, w});
        if (!x || !in[1]) return;
        if (step == 1)
            x = hn_gen_op(g, "Transpose", 1, in, A(HN_A_INTS("perm", ((const int64_t[]){1, 0, 2}), 3)));
        else if (step < 3)
            x = hn_gen_op(g, "Reshape", 2, in, NULL);
    }
    for (int64_t i = 0; x && i < parts; i++) {
        in[0] = x;
        in[1] = hn_gen_scalar(g, HN_I64, (double)i);
        hn_value *y = in[1] ? hn_gen_op(g, "Gather", 2, in, A(HN_A_INT("axis", deep ? 0 : 1))) : NULL;
        if (y && hn_gen_chance(g, 80)) back(g, quantised(g, y, scale, HN_U8, zero), scale, zero);
    }
}

static void resize(hn_gen *g)
{
    hn_value *x = image(g);
    if (!x) return;
    size_t n = (size_t)hn_gen_data(g, x)->rank;
    bool linear = hn_gen_chance(g, 50);
    hn_tensor *t = hn_gen_tensor(g, HN_F32, 1, (int64_t[]){(int64_t)n}, 1, 1);
    for (size_t i = 2; t && i < n; i++) hn_set_f64(t, i, hn_gen_chance(g, 70) ? 2 : 1.5);
    hn_value *in[] = {x, NULL, hn_gen_const(g, t)};
    hn_gen_op(g, "Resize", 3, in,
              A(HN_A_STR("mode", linear ? "linear" : "nearest"),
                HN_A_STR("coordinate_transformation_mode", hn_gen_chance(g, 50) ? "half_pixel" : "asymmetric")));
}

const hn_gen_row hn_gen_nets[] = {
    {conv, 30},    {heads, 4},    {deconv, 4},  {pool, 10},     {product, 16}, {gemm, 8},        {norms, 8},
    {written, 12}, {q_layer, 18}, {q_heads, 4}, {q_shuffle, 4}, {resize, 4},   {projections, 6}, {0},
};
