/* fuse_pattern: functions written out in primitives become the one op that they are. A function is recognised by its
 * values, not by the shape of its graph: the piece between one source and a root is evaluated and compared with the
 * candidates. */
#include <math.h>

#include "base/rng.h"
#include "base/size.h"
#include "passes/lib_cone.h"

enum { SAMPLES = 512 };

/* ---- scalar functions ---- */
static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double f_gelu(double x, double a)
{
    return (void)a, 0.5 * x * (1 + erf(x * 0.70710678118654752));
}
static double f_gelu_tanh(double x, double a)
{
    return (void)a, 0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
}
static double f_swish(double x, double a)
{
    return x * sigmoid(a * x);
}
static double f_hard_swish(double x, double a)
{
    return (void)a, x * fmax(0, fmin(1, x / 6 + 0.5));
}
static double f_hard_sigmoid(double x, double a)
{
    return fmax(0, fmin(1, a * x + 0.5));
}
static double f_sigmoid(double x, double a)
{
    return (void)a, sigmoid(x);
}
static double f_mish(double x, double a)
{
    return (void)a, x * tanh(x > 40 ? x : log1p(exp(x)));
}
static double f_relu(double x, double a)
{
    return (void)a, x > 0 ? x : 0;
}

static const struct function {
    const char *op;
    double (*f)(double x, double a);
    bool takes_alpha;
    double alpha; /* tried first */
    bool tanh_form;
    bool clamps;  /* Clip, Max and Min belong to it; elsewhere they guard a logarithm or a division and have to stay */
    double slack; /* absolute, for forms whose tails cancel; Relu is compared to the bit */
} functions[] = {
    {"Relu", f_relu, false, 0, false, true, 0},
    {"Sigmoid", f_sigmoid, false, 0, false, false, 1e-37},
    {"Gelu", f_gelu, false, 0, false, false, 2e-6},
    {"Gelu", f_gelu_tanh, false, 0, true, false, 2e-6},
    {"Swish", f_swish, true, 1, false, false, 1e-37},
    {"HardSwish", f_hard_swish, false, 0, false, true, 2e-6},
    {"HardSigmoid", f_hard_sigmoid, true, 1.0 / 6, false, true, 2e-7},
    {"Mish", f_mish, false, 0, false, false, 2e-6},
};

static double sample(size_t i)
{
    static const double far[] = {-1000, -100, -50,  -30, -20, -1e-4, -1e-8, -1e-20, 0,
                                 1e-20, 1e-8, 1e-4, 20,  30,  50,    100,   1000};
    return i < HN_COUNT(far) ? far[i]
                             : -12 + 24.0 * (double)(i - HN_COUNT(far)) / (double)(SAMPLES - 1 - HN_COUNT(far));
}

static bool agrees(const hn_tensor *x, const hn_tensor *y, const struct function *k, double alpha)
{
    for (size_t i = 0; i < SAMPLES; ++i) {
        double want = k->f(hn_get_f64(x, i), alpha), got = hn_get_f64(y, i);
        double allowed = k->slack == 0 ? 0 : 2e-5 * fabs(want) + k->slack * (1 + fabs(hn_get_f64(x, i)));
        if (!(fabs(want - got) <= allowed)) return false;
    }
    return true;
}

static bool clamps(const hn_cone *c)
{
    static const char *const ops[] = {"Clip", "Max", "Min", "Relu"};
    for (size_t k = 0; k < c->count; ++k)
        for (size_t i = 0; i < HN_COUNT(ops); ++i)
            if (hn_node_is(c->nodes[k], ops[i])) return true;
    return false;
}

/* The single-element constants of a cone are where parameters come from. */
static size_t scalars(const hn_cone *c, double *dst, size_t most)
{
    size_t count = 0;
    for (size_t k = 0; k < c->count; ++k)
        for (size_t i = 0; i < c->nodes[k]->nin; ++i)
            if (count < most && hn_const_scalar(c->nodes[k]->in[i], &dst[count])) count++;
    return count;
}

static const struct function *recognise(const hn_cone *cone, const hn_tensor *x, const hn_tensor *y, double *alpha)
{
    double tried[32];
    size_t count = scalars(cone, tried, HN_COUNT(tried));
    for (size_t i = 0; i < HN_COUNT(functions); ++i) {
        const struct function *k = &functions[i];
        *alpha = k->alpha;
        if (!k->clamps && clamps(cone)) continue;
        if (agrees(x, y, k, *alpha)) return k;
        for (size_t j = 0; k->takes_alpha && j < count; ++j) {
            *alpha = tried[j];
            if (agrees(x, y, k, *alpha)) return k;
        }
    }
    return NULL;
}

static hn_status replace_scalar(hn_pass_ctx *c, const hn_cone *cone, hn_node *n, const struct function *k, double alpha)
{
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_rw_attr attrs[3] = {{0}};
    size_t at = 0;
    rw.name = n->name;
    if (k->takes_alpha) attrs[at++] = (hn_rw_attr)HN_A_FLOAT("alpha", alpha);
    if (k->tanh_form) attrs[at++] = (hn_rw_attr)HN_A_STR("approximate", "tanh");
    hn_value *x = cone->source;
    return hn_replace_first(c, &rw, n, hn_rw_op(&rw, k->op, 1, &x, attrs));
}

static hn_status take_scalar(hn_pass_ctx *c, hn_arena *scratch, hn_node *n, hn_cone *cone)
{
    hn_tensor *x = NULL, *y;
    hn_cone_start(cone, n->out[0], false);
    while (hn_cone_grow(cone)) {
        double alpha;
        if (cone->source == NULL || cone->source->data != NULL || cone->source->type.dtype != HN_F32) continue;
        if (x == NULL) {
            x = hn_arena_alloc(c->env, scratch, sizeof(*x));
            if (x == NULL) return c->env->error.status;
            HN_TRY(hn_tensor_init(c->env, scratch, x, HN_F32, 1, (int64_t[]){SAMPLES}));
            for (size_t i = 0; i < SAMPLES; ++i) hn_set_f64(x, i, sample(i));
        }
        hn_status st = hn_cone_eval(c->env, scratch, cone, x, &y);
        if (st == HN_INPUT || st == HN_UNSUPPORTED) {
            /* A row that takes this shape of x but not that of the samples. */
            hn_error_clear(c->env);
            continue;
        }
        HN_TRY(st);
        if (y->rank != 1 || y->dtype != HN_F32) continue;
        const struct function *k = recognise(cone, x, y, &alpha);
        if (k == NULL || (cone->count == 1 && hn_node_is(n, k->op))) continue;
        if (hn_op_find(c->graph->ops, "", k->op) == NULL) continue;
        return replace_scalar(c, cone, n, k, alpha);
    }
    return HN_OK;
}

/* ---- functions of rows: the last axis ---- */
typedef enum norm { LAYER, RMS } norm;

typedef struct rows {
    const hn_cone *cone;
    size_t count, width;
    hn_tensor *x[3], *y[3];
    double *n; /* normalised x, [3][count][width] */
    double *gamma, *beta;
} rows;

static void normalise(const rows *r, norm kind, double eps)
{
    for (size_t s = 0; s < 3; ++s) {
        for (size_t i = 0; i < r->count; ++i) {
            size_t at = i * r->width;
            double mean = 0, square = 0;
            for (size_t j = 0; j < r->width; ++j) mean += hn_get_f64(r->x[s], at + j);
            mean = kind == LAYER ? mean / (double)r->width : 0;
            for (size_t j = 0; j < r->width; ++j) {
                double d = hn_get_f64(r->x[s], at + j) - mean;
                square += d * d;
            }
            double scale = 1 / sqrt(square / (double)r->width + eps);
            double *to = r->n + (s * r->count + i) * r->width;
            for (size_t j = 0; j < r->width; ++j) to[j] = (hn_get_f64(r->x[s], at + j) - mean) * scale;
        }
    }
}

/* y = n * gamma + beta per column by least squares; false when the columns do not follow it, or nothing of x is left in
 * y. */
static bool fit(const rows *r, norm kind)
{
    double m = (double)(3 * r->count), most = 0;
    for (size_t j = 0; j < r->width; ++j) {
        double sn = 0, sy = 0, snn = 0, sny = 0;
        for (size_t k = 0; k < 3 * r->count; ++k) {
            double n = r->n[k * r->width + j], y = hn_get_f64(r->y[k / r->count], k % r->count * r->width + j);
            sn += n;
            sy += y;
            snn += n * n;
            sny += n * y;
        }
        double var = m * snn - sn * sn;
        r->gamma[j] = kind == LAYER ? (m * sny - sn * sy) / var : sny / snn;
        r->beta[j] = kind == LAYER ? (sy - r->gamma[j] * sn) / m : 0;
        if (!isfinite(r->gamma[j])) return false;
        most = fmax(most, fabs(r->gamma[j]));
        for (size_t k = 0; k < 3 * r->count; ++k) {
            double want = r->n[k * r->width + j] * r->gamma[j] + r->beta[j];
            double got = hn_get_f64(r->y[k / r->count], k % r->count * r->width + j);
            if (!(fabs(want - got) <= 3e-4 * (1 + fabs(want)))) return false;
        }
    }
    return most > 1e-6;
}

static bool is_softmax(const rows *r)
{
    for (size_t k = 0; k < 3 * r->count; ++k) {
        const hn_tensor *x = r->x[k / r->count], *y = r->y[k / r->count];
        size_t at = k % r->count * r->width;
        double top = -INFINITY, sum = 0;
        for (size_t j = 0; j < r->width; ++j) top = fmax(top, hn_get_f64(x, at + j));
        for (size_t j = 0; j < r->width; ++j) sum += exp(hn_get_f64(x, at + j) - top);
        for (size_t j = 0; j < r->width; ++j) {
            double want = exp(hn_get_f64(x, at + j) - top) / sum;
            if (!(fabs(want - hn_get_f64(y, at + j)) <= 1e-4 * want)) return false;
        }
    }
    return true;
}

/* The fitted vector, or the constant of the cone that it is, to the bit. */
static hn_value *vector(hn_rw *rw, const rows *r, const double *v)
{
    hn_tensor *t;
    int64_t width = (int64_t)r->width;
    hn_value *made = hn_rw_const_new(rw, HN_F32, 1, &width, &t);
    if (made == NULL) return NULL;
    bool plain = true;
    for (size_t j = 0; j < r->width; ++j) plain = plain && fabs(v[j] - rint(v[j])) < 1e-4 && fabs(v[j] - v[0]) < 1e-4;
    for (size_t j = 0; j < r->width; ++j) hn_set_f64(t, j, plain ? rint(v[j]) : v[j]);
    for (size_t k = 0; k < r->cone->count; ++k) {
        for (size_t i = 0; i < r->cone->nodes[k]->nin; ++i) {
            const hn_value *w = r->cone->nodes[k]->in[i];
            if (w == NULL || w->data == NULL || w->data->dtype != HN_F32 || hn_tensor_elems(w->data) != r->width)
                continue;
            bool same = true;
            for (size_t j = 0; j < r->width && same; ++j)
                same = fabs(hn_get_f64(w->data, j) - v[j]) <= 1e-3 * (1e-3 + fabs(v[j]));
            for (size_t j = 0; same && j < r->width; ++j) hn_set_f64(t, j, hn_get_f64(w->data, j));
            if (same) return made;
        }
    }
    return made;
}

static hn_status replace_rows(hn_pass_ctx *c, const rows *r, hn_node *n, const char *op, double eps)
{
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value *in[3] = {r->cone->source};
    size_t nin = 1;
    rw.name = n->name;
    hn_rw_attr attrs[3] = {HN_A_INT("axis", -1)};
    if (r->gamma != NULL) {
        bool shift = false;
        for (size_t j = 0; j < r->width; ++j) shift = shift || fabs(r->beta[j]) > 1e-6;
        in[nin++] = vector(&rw, r, r->gamma);
        if (shift) in[nin++] = vector(&rw, r, r->beta);
        attrs[1] = (hn_rw_attr)HN_A_FLOAT("epsilon", eps);
    }
    return hn_replace_first(c, &rw, n, hn_rw_op(&rw, op, nin, in, attrs));
}

static bool has(const hn_cone *cone, const char *op)
{
    for (size_t i = 0; i < cone->count; ++i)
        if (hn_node_is(cone->nodes[i], op)) return true;
    return false;
}

/* x for three trials: small, ordinary and large numbers. Without reshapes inside, a few rows stand for all: two along
 * each axis, so that a function which mixes rows shows. */
static hn_status try_rows(hn_pass_ctx *c, hn_arena *scratch, hn_node *n, const hn_cone *cone)
{
    static const double scale[3] = {0.02, 1, 8};
    const hn_type *t = &cone->source->type;
    int64_t dims[HN_MAX_RANK];
    bool fixed = has(cone, "Reshape");
    for (int i = 0; i < t->rank; ++i) {
        int64_t few = i == t->rank - 2 ? 4 : 2;
        dims[i] = i == t->rank - 1 || fixed || t->dims[i] < few ? t->dims[i] : few;
    }
    rows r = {.cone = cone, .width = (size_t)t->dims[t->rank - 1]};
    size_t elems;
    hn_rng rng;
    if (!hn_dims_count(t->rank, dims, &elems) || r.width < 2 || elems == 0 || elems > (size_t)1 << 20) return HN_OK;
    hn_rng_init(&rng, 17, 0);
    for (size_t s = 0; s < 3; ++s) {
        r.x[s] = hn_arena_alloc(c->env, scratch, sizeof(hn_tensor));
        if (r.x[s] == NULL) return c->env->error.status;
        HN_TRY(hn_tensor_init(c->env, scratch, r.x[s], HN_F32, t->rank, dims));
        for (size_t i = 0; i < hn_tensor_elems(r.x[s]); ++i)
            hn_set_f64(r.x[s], i, scale[s] * (hn_rng_normal(&rng) + 0.3));
        hn_status st = hn_cone_eval(c->env, scratch, cone, r.x[s], &r.y[s]);
        if (st == HN_INPUT || st == HN_UNSUPPORTED) {
            hn_error_clear(c->env);
            return HN_OK;
        }
        HN_TRY(st);
        if (r.y[s]->dtype != HN_F32 || !hn_tensor_same_shape(r.x[s], r.y[s])) return HN_OK;
    }
    r.count = hn_tensor_elems(r.x[0]) / r.width;
    if (has(cone, "Exp") && is_softmax(&r)) return replace_rows(c, &r, n, "Softmax", 0);
    double eps[32];
    size_t count = scalars(cone, eps, HN_COUNT(eps));
    r.n = hn_arena_array(c->env, scratch, 3 * r.count * r.width, sizeof(double));
    r.gamma = hn_arena_array(c->env, scratch, r.width, sizeof(double));
    r.beta = hn_arena_array(c->env, scratch, r.width, sizeof(double));
    if (r.n == NULL || r.gamma == NULL || r.beta == NULL) return c->env->error.status;
    for (size_t i = 0; i < count; ++i) {
        if (!(eps[i] >= 0 && eps[i] < 0.1)) continue;
        for (norm kind = LAYER; kind <= RMS; ++kind) {
            normalise(&r, kind, eps[i]);
            const char *op = kind == LAYER ? "LayerNormalization" : "RMSNormalization";
            if (fit(&r, kind) && hn_op_find(c->graph->ops, "", op) != NULL) return replace_rows(c, &r, n, op, eps[i]);
        }
    }
    return HN_OK;
}

static hn_status take_rows(hn_pass_ctx *c, hn_arena *scratch, hn_node *n, hn_cone *cone)
{
    size_t before = c->changes;
    hn_cone_start(cone, n->out[0], true);
    while (c->changes == before && hn_cone_grow(cone)) {
        const hn_value *x = cone->source;
        if (x == NULL || x->data != NULL || x->type.dtype != HN_F32 || x->type.rank < 1 || !hn_type_known(&x->type))
            continue;
        if (!hn_dims_same(&x->type, &n->out[0]->type)) continue;
        bool sums = has(cone, "ReduceMean") || has(cone, "ReduceSum") || has(cone, "ReduceSumSquare");
        if (!sums || !(has(cone, "Sqrt") || has(cone, "Pow") || has(cone, "Exp"))) continue;
        HN_TRY(try_rows(c, scratch, n, cone));
    }
    return HN_OK;
}

/* Softmax(x - m) where m is the same along a row: the shift changes nothing, and the op guards against overflow itself.
 */
static hn_status take_shift(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first; n != NULL; n = n->next) {
        const hn_node *sub = hn_node_is(n, "Softmax") ? hn_made_by(n->in[0], "Sub") : NULL;
        const hn_type *x = &n->in[0]->type;
        int axis;
        if (sub == NULL || !hn_dims_same(&sub->in[0]->type, x) || !hn_axis(hn_attr_int(n, "axis", -1), x->rank, &axis))
            continue;
        const hn_type *m = &sub->in[1]->type;
        int at = axis - (x->rank - m->rank);
        if (m->rank < 0 || m->rank > x->rank || (at >= 0 && m->dims[at] != 1)) continue;
        hn_node_input_set(n, 0, sub->in[0]);
        c->changes++;
    }
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->last, *prev; n != NULL; n = prev) {
        hn_arena scratch = {0};
        prev = n->prev;
        if (n->nout != 1 || n->out[0] == NULL || n->out[0]->nuses == 0 || (n->op->flags & HN_OP_ELEMENTWISE) == 0)
            continue;
        if (n->out[0]->type.dtype != HN_F32 || n->op->domain[0] != 0) continue;
        size_t before = c->changes;
        hn_cone cone;
        hn_status st = take_scalar(c, &scratch, n, &cone);
        bool binary = hn_node_is(n, "Add") || hn_node_is(n, "Mul") || hn_node_is(n, "Div");
        if (st == HN_OK && c->changes == before && binary) st = take_rows(c, &scratch, n, &cone);
        hn_arena_fini(c->env, &scratch);
        HN_TRY(st);
        for (size_t k = 1; c->changes != before && k < cone.count; ++k) {
            hn_node *inner = cone.nodes[k];
            if (inner->out[0]->nuses != 0) continue;
            if (inner == prev) prev = inner->prev;
            hn_node_remove(inner);
        }
    }
    return take_shift(c);
}

const hn_pass hn_pass_fuse_pattern = {
    .name = "fuse_pattern",
    .doc = "Functions written in primitives become one op: Relu, Sigmoid, Gelu (both forms), Swish, HardSwish, "
           "HardSigmoid, Mish of "
           "one value; Softmax, LayerNormalization and RMSNormalization of the last axis. They are recognised by their "
           "values on "
           "sample inputs, so the way they are written does not matter.",
    .run = run,
};
