/* channels: shuffles and selections of channels that are written as reshapes and transposes. What such a chain does is
 * found by sending element numbers through it. */
#include "base/size.h"
#include "passes/lib_match.h"

enum { LONGEST = 8 };
#define MOST_ELEMS ((size_t)1 << 22)

static bool moves(const hn_node *n)
{
    static const char *const ops[] = {"Flatten", "Gather", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"};
    bool is = false;
    for (size_t i = 0; i < HN_COUNT(ops); ++i) is = is || hn_node_is(n, ops[i]);
    for (size_t i = 1; is && i < n->nin; ++i) is = n->in[i] == NULL || n->in[i]->data != NULL;
    return is && n->nin <= LONGEST && n->in[0] != NULL && n->in[0]->data == NULL && hn_type_known(&n->in[0]->type);
}

/* Element numbers of the source after the chain, nodes[0] last. */
static hn_status trace(hn_env *env, hn_arena *arena, hn_node *const *nodes, size_t count, hn_tensor **out)
{
    const hn_type *t = &nodes[count - 1]->in[0]->type;
    hn_tensor *x = hn_arena_alloc(env, arena, sizeof(*x));
    if (x == NULL) return env->error.status;
    HN_TRY(hn_tensor_init(env, arena, x, HN_I32, t->rank, t->dims));
    for (size_t i = 0; i < hn_tensor_elems(x); ++i) ((int32_t *)x->data)[i] = (int32_t)i;
    for (size_t k = count; k-- > 0;) {
        const hn_tensor *in[LONGEST] = {x};
        for (size_t i = 1; i < nodes[k]->nin; ++i) in[i] = hn_node_const(nodes[k], i);
        HN_TRY(hn_eval_node(env, arena, nodes[k], in, &x));
    }
    *out = x;
    return HN_OK;
}

/* index[c] when the result is source[:, index[c], :, :]. */
static bool selects(const hn_tensor *y, const hn_type *x, int64_t *index)
{
    int64_t channels = x->dims[1], plane = x->dims[2] * x->dims[3], made = y->dims[1];
    const int32_t *v = y->data;
    for (int64_t n = 0; n < y->dims[0]; ++n) {
        for (int64_t c = 0; c < made; ++c) {
            int64_t first = v[(n * made + c) * plane];
            if (n == 0) index[c] = first / plane;
            for (int64_t p = 0; p < plane; ++p)
                if (v[(n * made + c) * plane + p] != (n * channels + index[c]) * plane + p) return false;
        }
    }
    return true;
}

static hn_status replace(hn_pass_ctx *c, hn_node *n, hn_value *x, const int64_t *index, int64_t count)
{
    hn_rw rw = hn_rw_at(c->graph, n);
    int64_t step = count > 1 ? index[1] - index[0] : 1;
    bool even = step > 0;
    rw.name = n->name;
    for (int64_t i = 1; i < count; ++i) even = even && index[i] - index[i - 1] == step;
    if (!even) {
        hn_value *in[] = {x, hn_rw_ints(&rw, index, (size_t)count)};
        return hn_replace_first(c, &rw, n,
                                hn_rw_op(&rw, "Gather", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", 1), {0}}));
    }
    hn_value *in[] = {x, hn_rw_ints(&rw, &index[0], 1), hn_rw_ints(&rw, (int64_t[]){index[count - 1] + 1}, 1),
                      hn_rw_ints(&rw, (int64_t[]){1}, 1), hn_rw_ints(&rw, &step, 1)};
    return hn_replace_first(c, &rw, n, hn_rw_op(&rw, "Slice", 5, in, NULL));
}

static hn_status take(hn_pass_ctx *c, hn_node *n)
{
    hn_node *nodes[LONGEST];
    const hn_type *t = &n->out[0]->type;
    bool transposed = false;
    size_t count = 0;
    for (hn_node *m = n; m != NULL && moves(m) && count < LONGEST; m = m->in[0]->producer) {
        hn_value *x = m->in[0];
        nodes[count++] = m;
        transposed = transposed || hn_node_is(m, "Transpose");
        if (!transposed || count < 2 || x->type.rank != 4 || hn_type_elems(&x->type) > MOST_ELEMS) continue;
        if (x->type.dims[0] != t->dims[0] || x->type.dims[2] != t->dims[2] || x->type.dims[3] != t->dims[3]) continue;
        hn_arena scratch = {0};
        hn_tensor *y = NULL;
        hn_status st = trace(c->env, &scratch, nodes, count, &y);
        int64_t *index = hn_arena_array(c->env, c->graph->arena, (size_t)t->dims[1], sizeof(*index));
        bool found = st == HN_OK && index != NULL && selects(y, &x->type, index);
        hn_arena_fini(c->env, &scratch);
        HN_TRY(st);
        if (index == NULL) return c->env->error.status;
        if (found) return replace(c, n, x, index, t->dims[1]);
    }
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->nout != 1 || n->out[0]->nuses == 0 || n->out[0]->type.rank != 4 || !hn_type_known(&n->out[0]->type))
            continue;
        if (hn_type_elems(&n->out[0]->type) == 0 || !moves(n)) continue;
        HN_TRY(take(c, n));
    }
    return HN_OK;
}

const hn_pass hn_pass_channels = {
    .name = "channels",
    .doc = "Chains of Reshape, Transpose, Gather and Slice that only select or shuffle the channels of an image become "
           "one Slice or "
           "Gather along them, which works in either layout.",
    .run = run,
};
