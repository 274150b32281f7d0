/* Col2Im: adds the columns of sliding blocks back into an image; the adjoint of reading them. */
#include "ops/lib_nn.h"

enum { X, IMAGE, BLOCK, SIZE_MAX_1 = 1 << 30 };

typedef struct shape {
    int n;
    int64_t image[HN_MAX_RANK], block[HN_MAX_RANK], s[HN_MAX_RANK], d[HN_MAX_RANK], lo[HN_MAX_RANK], hi[HN_MAX_RANK];
    int64_t count[HN_MAX_RANK]; /* blocks along each dim */
    int64_t taps, blocks, points;
} shape;

static hn_status list(hn_env *env, const hn_node *node, const char *name, int n, int64_t min, int64_t *out)
{
    const int64_t *v;
    size_t count = hn_attr_ints(node, name, &v);
    if (count != 0 && count != (size_t)n) return hn_op_fail(env, node, "%s has %zu entries, %d needed", name, count, n);
    for (int i = 0; i < n; i++) {
        out[i] = count ? v[i] : min;
        if (out[i] < min || out[i] > SIZE_MAX_1)
            return hn_op_fail(env, node, "%s[%d] is %lld", name, i, (long long)out[i]);
    }
    return HN_OK;
}

static hn_status read(hn_env *env, const hn_node *node, const hn_tensor *image, const hn_tensor *block, shape *s)
{
    size_t n, m;
    int64_t pads[2 * HN_MAX_RANK];
    *s = (shape){.taps = 1, .blocks = 1, .points = 1};
    HN_TRY(hn_op_ints(env, node, image, HN_MAX_RANK - 2, s->image, &n));
    HN_TRY(hn_op_ints(env, node, block, HN_MAX_RANK - 2, s->block, &m));
    if (n == 0 || n != m) return hn_op_fail(env, node, "image_shape has %zu entries, block_shape %zu", n, m);
    s->n = (int)n;
    HN_TRY(list(env, node, "strides", s->n, 1, s->s));
    HN_TRY(list(env, node, "dilations", s->n, 1, s->d));
    HN_TRY(list(env, node, "pads", 2 * s->n, 0, pads));
    for (int i = 0; i < s->n; i++) {
        s->lo[i] = pads[i];
        s->hi[i] = pads[s->n + i];
        if (s->image[i] < 0 || s->image[i] > SIZE_MAX_1 || s->block[i] < 1 || s->block[i] > SIZE_MAX_1)
            return hn_op_fail(env, node, "blocks of %lld along %lld", (long long)s->block[i], (long long)s->image[i]);
        int64_t room = s->image[i] + s->lo[i] + s->hi[i] - ((s->block[i] - 1) * s->d[i] + 1);
        if (room < 0) return hn_op_fail(env, node, "the block is larger than the padded image along dim %d", i);
        s->count[i] = room / s->s[i] + 1;
        if (__builtin_mul_overflow(s->taps, s->block[i], &s->taps) ||
            __builtin_mul_overflow(s->blocks, s->count[i], &s->blocks) ||
            __builtin_mul_overflow(s->points, s->image[i], &s->points))
            return hn_op_fail(env, node, "the image is too large");
    }
    return HN_OK;
}

static hn_status fits(hn_env *env, const hn_node *node, const int64_t *x, const shape *s)
{
    HN_TRY(hn_nn_same_dim(env, node, "columns and blocks of the image", x[2], s->blocks, NULL));
    if (x[1] >= 0 && x[1] % s->taps != 0)
        return hn_op_fail(env, node, "%lld rows for blocks of %lld points", (long long)x[1], (long long)s->taps);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[X];
    bool known;
    shape s;
    c->out[0].dtype = x->dtype;
    HN_TRY(hn_nn_rank(c, X, 3, 3, &known));
    int rank = -1;
    for (int i = IMAGE; i <= BLOCK; i++)
        if (c->in[i]->rank == 1 && c->in[i]->dims[0] >= 0) rank = (int)hn_min_size((size_t)c->in[i]->dims[0], 99) + 2;
    if (rank > HN_MAX_RANK) return hn_op_fail(c->env, c->node, "an image of rank %d", rank);
    if (rank < 0) return HN_OK;
    hn_type_unknown_dims(&c->out[0], rank);
    if (known) c->out[0].dims[0] = x->dims[0];
    if (!c->data[IMAGE] || !c->data[BLOCK]) return HN_OK;
    HN_TRY(read(c->env, c->node, c->data[IMAGE], c->data[BLOCK], &s));
    for (int i = 0; i < s.n; i++) c->out[0].dims[2 + i] = s.image[i];
    if (!known) return HN_OK;
    HN_TRY(fits(c->env, c->node, x->dims, &s));
    if (x->dims[1] >= 0) c->out[0].dims[1] = x->dims[1] / s.taps;
    return HN_OK;
}

/* The point of the image under tap `tap` of block `block`; -1: in the padding. */
static int64_t point(const shape *s, int64_t tap, int64_t block)
{
    int64_t at = 0, stride = 1;
    for (int i = s->n - 1; i >= 0; i--) {
        int64_t p = block % s->count[i] * s->s[i] - s->lo[i] + tap % s->block[i] * s->d[i];
        tap /= s->block[i];
        block /= s->count[i];
        if (p < 0 || p >= s->image[i]) return -1;
        at += p * stride;
        stride *= s->image[i];
    }
    return at;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[X], *y = a->out[0];
    bool whole = hn_ref_integer(x->dtype);
    shape s;
    HN_TRY(read(a->env, a->node, a->in[IMAGE], a->in[BLOCK], &s));
    HN_TRY(fits(a->env, a->node, x->dims, &s));
    size_t planes = (size_t)(x->dims[0] * (x->dims[1] / s.taps)), points = (size_t)s.points;
    double *sum;
    HN_TRY(hn_nn_new(a, whole ? 0 : points, &sum));
    for (size_t p = 0; p < planes; p++) {
        for (size_t k = 0; !whole && k < points; k++) sum[k] = 0;
        for (int64_t t = 0; t < s.taps; t++) {
            for (int64_t b = 0; b < s.blocks; b++) {
                int64_t at = point(&s, t, b);
                size_t from = (p * (size_t)s.taps + (size_t)t) * (size_t)s.blocks + (size_t)b,
                       to = p * points + (size_t)at;
                if (at < 0) continue;
                if (!whole)
                    sum[at] += hn_get_f64(x, from);
                else if (x->dtype == HN_BOOL)
                    hn_set_i64(y, to, hn_get_i64(y, to) | hn_get_i64(x, from));
                else
                    hn_set_i64(y, to, (int64_t)((uint64_t)hn_get_i64(y, to) + (uint64_t)hn_get_i64(x, from)));
            }
        }
        for (size_t k = 0; !whole && k < points; k++) hn_set_f64(y, p * points + k, sum[k]);
    }
    return HN_OK;
}

/* Each column reads its points of dy; those in the padding read a zero behind the image. */
static hn_status grad(hn_gradargs *g)
{
    const hn_type *x = &g->node->in[X]->type;
    hn_rw *rw = g->rw;
    const hn_tensor *image = hn_node_const(g->node, IMAGE), *block = hn_node_const(g->node, BLOCK);
    shape s;
    if (hn_g_skips(g, X)) return HN_OK;
    if (!image || !block)
        return hn_op_unsupported(rw->graph->env, g->node, "no gradient when image_shape or block_shape is computed");
    HN_TRY(read(rw->graph->env, g->node, image, block, &s));
    int64_t flat[] = {x->dims[0], x->dims[1] / s.taps, s.points}, pads[] = {0, 0, 0, 0, 0, 1},
            list[] = {s.taps * s.blocks};
    hn_tensor *t;
    hn_value *index = hn_rw_const_new(rw, HN_I64, 1, list, &t);
    for (int64_t k = 0; index && k < list[0]; k++) {
        int64_t at = point(&s, k / s.blocks, k % s.blocks);
        hn_set_i64(t, (size_t)k, at < 0 ? s.points : at);
    }
    hn_value *v = hn_rw_2(rw, "Pad", hn_rw_reshape(rw, g->dy[0], 3, flat), hn_rw_ints(rw, pads, 6)), *in[] = {v, index};
    v = hn_rw_op(rw, "Gather", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", 2), {0}});
    g->dx[X] = hn_rw_reshape(rw, v, 3, x->dims);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(1, 2, 10, 20));
    hn_case_axes(c, 1, (const int64_t[]){3});
    hn_case_axes(c, 1, (const int64_t[]){2});
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 12, 20));
    hn_case(c, "stride, dilation, pads, two channels");
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "dilations", 2, (const int64_t[]){1, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 0, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 8, 6), -2, 2);
    hn_case_axes(c, 2, (const int64_t[]){4, 4});
    hn_case_axes(c, 2, (const int64_t[]){2, 2});
    hn_case(c, "volume");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 12), -2, 2);
    hn_case_axes(c, 3, (const int64_t[]){2, 3, 4});
    hn_case_axes(c, 3, (const int64_t[]){1, 2, 2});
    hn_case(c, "columns do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -2, 2);
    hn_case_axes(c, 1, (const int64_t[]){3});
    hn_case_axes(c, 1, (const int64_t[]){2});
    hn_case(c, "a block larger than the image");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 1), -2, 2);
    hn_case_axes(c, 1, (const int64_t[]){3});
    hn_case_axes(c, 1, (const int64_t[]){4});
    return hn_cases_status(c);
}

#define TYPES (HN_T_NUM | HN_T_BOOL)
static const hn_port in[] = {
    {"input", TYPES, 'T', false}, {"image_shape", HN_T_I64, 0, false}, {"block_shape", HN_T_I64, 0, false}};
static const hn_port out[] = {{"output", TYPES, 'T', false}};
static const hn_attr_row attrs[] = {
    {"strides", HN_ATTR_INTS, false, NULL, "default 1"},
    {"dilations", HN_ATTR_INTS, false, NULL, "default 1"},
    {"pads", HN_ATTR_INTS, false, NULL, "begin of each spatial dim, then end of each; default 0"},
    {0}};

const hn_op hn_op_col2_im = {
    .name = "Col2Im",
    .domain = "",
    .since = 18,
    .doc = "y[n, c, p] = sum of x[n, (c, tap), block] over the taps and blocks that lie on p. "
           "Blocks of 2 on an image of 3, x = [[1, 2], [10, 20]]: [1, 12, 20]. Strings and complex numbers, which "
           "cannot be added here, are not taken.",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
