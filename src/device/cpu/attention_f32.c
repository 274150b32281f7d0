/* attention_f32: scaled dot-product attention on float32, a tile of queries of one head at a time, so that the scores
 * never leave the cache. Queries, keys and values of hone.QkvAttention are columns of one tensor. */
#include <math.h>

#include "base/size.h"
#include "device/device.h"
#include "kernels/attention_f32.h"

enum { OPERAND_Q, OPERAND_K, OPERAND_V, OPERAND_MASK, OPERAND_Y };
enum { TASK_MACS = 1 << 17 };

/* Strides in floats: of a batch, a head, a row. */
typedef struct layout {
    uint64_t batch, head, row;
} layout;

typedef struct params {
    uint64_t batch, heads, per_kv, queries, keys, size, v_size; /* per_kv: heads of Q to one of K and V */
    layout q, k, v, mask, y;
    uint64_t k_at, v_at;            /* where keys and values begin, in floats */
    uint64_t tile, tiles, per_task; /* queries a tile; tiles a head; tiles a task */
    float scale;
    uint32_t causal;
} params;

static const char *const OPS[] = {"Attention", "hone.QkvAttention", NULL};

static const hn_value *input(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

static const char *refusal(const hn_node *n)
{
    for (size_t i = 0; i < n->nin && i < 4; i++)
        if (n->in[i] != NULL && n->in[i]->type.dtype != HN_F32) return "not every operand is f32";
    for (size_t i = 4; i < n->nin; i++)
        if (n->in[i] != NULL) return "a cache or a count of keys is given";
    for (size_t i = 1; i < n->nout; i++)
        if (n->out[i] != NULL) return "more than the first output is asked for";
    if (hn_attr_float(n, "softcap", 0) != 0) return "softcap is set";
    if (hn_attr_int(n, "left_window_size", -1) >= 0 || hn_attr_int(n, "right_window_size", -1) >= 0)
        return "a window is set";
    return NULL;
}

/* [batch, heads, rows, size], or flat [batch, rows, heads * size]. */
static layout layout_of(const hn_type *t, uint64_t heads, uint64_t size)
{
    if (t->rank == 3) return (layout){(uint64_t)t->dims[1] * heads * size, size, heads * size};
    return (layout){(uint64_t)t->dims[2] * heads * size, (uint64_t)t->dims[2] * size, size};
}

/* Mask dims, aligned at the right with [batch, heads, queries, keys], into strides. */
static bool read_mask(params *p, const hn_type *t)
{
    uint64_t stride[4] = {0}, at = p->keys;
    const uint64_t full[4] = {p->batch, p->heads, p->queries, p->keys};
    if (t->rank < 1 || t->rank > 4 || (uint64_t)t->dims[t->rank - 1] != p->keys) return false;
    for (int d = t->rank - 2; d >= 0; d--) {
        uint64_t dim = (uint64_t)t->dims[d], want = full[4 - t->rank + d];
        if (dim != 1 && dim != want) return false;
        stride[4 - t->rank + d] = dim == 1 ? 0 : at;
        at *= dim;
    }
    p->mask = (layout){stride[0], stride[1], stride[2]};
    return true;
}

/* Shapes and layouts of Attention; false when heads are missing. */
static bool read_apart(params *p, const hn_node *n)
{
    const hn_type *q = &n->in[0]->type, *k = &n->in[1]->type, *v = &n->in[2]->type;
    bool flat = q->rank == 3;
    uint64_t kv_heads = (uint64_t)(flat ? hn_attr_int(n, "kv_num_heads", 1) : k->dims[1]);
    p->heads = (uint64_t)(flat ? hn_attr_int(n, "q_num_heads", 1) : q->dims[1]);
    p->queries = (uint64_t)q->dims[flat ? 1 : 2];
    p->keys = (uint64_t)k->dims[flat ? 1 : 2];
    if (p->heads == 0 || kv_heads == 0) return false;
    p->size = (uint64_t)(flat ? q->dims[2] / (int64_t)p->heads : q->dims[3]);
    p->v_size = (uint64_t)(flat ? v->dims[2] / (int64_t)kv_heads : v->dims[3]);
    p->per_kv = p->heads / kv_heads;
    p->q = layout_of(q, p->heads, p->size);
    p->k = layout_of(k, kv_heads, p->size);
    p->v = layout_of(v, kv_heads, p->v_size);
    return true;
}

/* The same of hone.QkvAttention, whose inference has checked them. */
static void read_packed(params *p, const hn_node *n)
{
    const int64_t *x = n->in[0]->type.dims;
    uint64_t kv_heads = (uint64_t)hn_attr_int(n, "kv_num_heads", 1), row = (uint64_t)x[2];
    p->heads = (uint64_t)hn_attr_int(n, "q_num_heads", 1);
    p->queries = p->keys = (uint64_t)x[1];
    p->size = p->v_size = row / (p->heads + 2 * kv_heads);
    p->per_kv = p->heads / kv_heads;
    p->q = p->k = p->v = (layout){p->keys * row, p->size, row};
    p->k_at = p->heads * p->size;
    p->v_at = p->k_at + kv_heads * p->size;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    bool packed = hn_node_is(n, "hone.QkvAttention");
    const char *why = refusal(n);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->batch = (uint64_t)n->in[0]->type.dims[0];
    if (packed)
        read_packed(p, n);
    else if (!read_apart(p, n))
        return hn_lower_refuse(c, "there are no heads");
    if (p->queries == 0 || p->keys == 0 || p->batch == 0) return hn_lower_refuse(c, "nothing to attend to");
    if (p->size > HN_ATTENTION_SIZE || p->v_size > HN_ATTENTION_SIZE)
        return hn_lower_refuse(c, "heads of more than %d numbers", HN_ATTENTION_SIZE);
    const hn_kernel *kernel = hn_lower_kernel(c, "attention_f32", -1, 0);
    if (kernel == NULL) return hn_lower_refuse(c, "no attention_f32 kernel");
    p->y = layout_of(&n->out[0]->type, p->heads, p->v_size);
    const hn_value *mask = input(n, packed ? 1 : 3);
    if (mask != NULL && !read_mask(p, &mask->type)) return hn_lower_refuse(c, "the mask is shorter than the keys");
    p->scale = (float)hn_attr_float(n, "scale", 1 / sqrt((double)p->size));
    p->causal = hn_attr_int(n, "is_causal", 0) != 0;
    p->tile = kernel->nr;
    p->tiles = hn_div_up(p->queries, p->tile);
    p->per_task = hn_max_size(TASK_MACS / (p->tile * p->keys * (p->size + p->v_size + 16)), 1);
    for (size_t i = 0; i < 4; i++)
        if (hn_lower_input(c, !packed ? i : i == OPERAND_MASK ? 1 : 0) < 0) return HN_NOMEM;
    return hn_lower_output(c, 0) < 0 ? HN_NOMEM : HN_OK;
}

static void one_tile(const hn_run *r, size_t index)
{
    const params *p = r->params;
    size_t first = index % p->tiles * p->tile, h = index / p->tiles % p->heads, b = index / p->tiles / p->heads;
    size_t kv = h / p->per_kv;
    const float *mask = r->ptr[OPERAND_MASK];
    hn_attention_f32 g = {.queries = hn_min_size(p->tile, p->queries - first), .keys = p->keys, .size = p->size};
    g.v_size = p->v_size;
    g.open = p->causal ? first + 1 : p->keys;
    g.q = (const float *)r->ptr[OPERAND_Q] + b * p->q.batch + h * p->q.head + first * p->q.row;
    g.k = (const float *)r->ptr[OPERAND_K] + p->k_at + b * p->k.batch + kv * p->k.head;
    g.v = (const float *)r->ptr[OPERAND_V] + p->v_at + b * p->v.batch + kv * p->v.head;
    g.mask = mask == NULL ? NULL : mask + b * p->mask.batch + h * p->mask.head + first * p->mask.row;
    g.y = (float *)r->ptr[OPERAND_Y] + b * p->y.batch + h * p->y.head + first * p->y.row;
    g.q_stride = p->q.row;
    g.k_stride = p->k.row;
    g.v_stride = p->v.row;
    g.mask_stride = p->mask.row;
    g.y_stride = p->y.row;
    g.scale = p->scale;
    ((hn_attention_f32_fn *)r->kernels[0]->fn)(&g);
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    size_t all = p->batch * p->heads * p->tiles, end = hn_min_size((index + 1) * p->per_task, all);
    for (size_t i = index * p->per_task; i < end; i++) one_tile(r, i);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->batch * p->heads * p->tiles, p->per_task), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_attention_f32 = {
    .name = "attention_f32",
    .doc = "float32 attention without a cache: scores, softmax and the weighted sum in one pass over tiles",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
