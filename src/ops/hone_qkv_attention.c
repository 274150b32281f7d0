/* hone.QkvAttention: Attention of queries, keys and values that lie one behind the other in the rows of one tensor. */
#include "ops/lib_nn.h"
#include "ops/ops.h"

typedef struct shape {
    int64_t batch, steps, heads, kv_heads, size; /* -1 where unknown */
} shape;

static hn_status read(hn_env *env, const hn_node *node, const hn_type *x, shape *s)
{
    *s = (shape){x->dims[0], x->dims[1], hn_attr_int(node, "q_num_heads", 0), hn_attr_int(node, "kv_num_heads", 0), -1};
    enum { MOST = 1 << 20 };
    if (s->heads < 1 || s->kv_heads < 1 || s->heads > MOST || s->kv_heads > MOST || s->heads % s->kv_heads != 0)
        return hn_op_fail(env, node, "%lld heads of Q and %lld of K and V", (long long)s->heads,
                          (long long)s->kv_heads);
    int64_t all = s->heads + 2 * s->kv_heads;
    if (x->dims[2] >= 0 && x->dims[2] % all != 0)
        return hn_op_fail(env, node, "%lld columns are not %lld heads", (long long)x->dims[2], (long long)all);
    if (x->dims[2] >= 0) s->size = x->dims[2] / all;
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    shape s;
    bool known;
    c->out[0].dtype = c->in[0]->dtype;
    HN_TRY(hn_nn_rank(c, 0, 3, 3, &known));
    if (!known) return HN_OK;
    HN_TRY(read(c->env, c->node, c->in[0], &s));
    c->out[0] = hn_type_tensor(c->in[0]->dtype, 3, (int64_t[]){s.batch, s.steps, hn_dim_mul(s.heads, s.size)});
    return HN_OK;
}

/* Columns [from, from + n) of x. */
static hn_status columns(const hn_refargs *a, int64_t from, int64_t n, const hn_tensor **out)
{
    const hn_tensor *x = a->in[0];
    hn_tensor *t = hn_arena_alloc(a->env, a->scratch, sizeof *t);
    if (t == NULL) return HN_NOMEM;
    HN_TRY(hn_tensor_init(a->env, a->scratch, t, x->dtype, 3, (int64_t[]){x->dims[0], x->dims[1], n}));
    hn_strided_copy(t, x, from, (int64_t[]){x->dims[1] * x->dims[2], x->dims[2], 1});
    *out = t;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    shape s;
    const hn_type x = hn_type_of(a->in[0]);
    const hn_node node = {
        .op = hn_op_find(&hn_ops, "", "Attention"), .name = a->node->name, .nin = 4, .attrs = a->node->attrs};
    const hn_tensor *in[4] = {[3] = a->nin > 1 ? a->in[1] : NULL};
    HN_TRY(read(a->env, a->node, &x, &s));
    HN_TRY(columns(a, 0, s.heads * s.size, &in[0]));
    HN_TRY(columns(a, s.heads * s.size, s.kv_heads * s.size, &in[1]));
    HN_TRY(columns(a, (s.heads + s.kv_heads) * s.size, s.kv_heads * s.size, &in[2]));
    const hn_refargs sub = {
        .env = a->env, .node = &node, .nin = 4, .nout = 1, .in = in, .out = a->out, .scratch = a->scratch};
    return node.op->ref(&sub);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    shape s;
    HN_TRY(read(rw->graph->env, node, &node->in[0]->type, &s));
    const int64_t sizes[] = {s.heads * s.size, s.kv_heads * s.size, s.kv_heads * s.size};
    hn_value *cut[] = {node->in[0], hn_rw_ints(rw, sizes, 3)};
    hn_node *split = hn_rw_node(rw, "Split", 2, cut, 3, (const hn_rw_attr[]){HN_A_INT("axis", 2), {0}});
    if (split == NULL) return hn_rw_status(rw);
    hn_rw_attr attrs[5] = {HN_A_INT("q_num_heads", s.heads), HN_A_INT("kv_num_heads", s.kv_heads),
                           HN_A_INT("is_causal", hn_attr_int(node, "is_causal", 0))};
    if (hn_node_attr(node, "scale") != NULL)
        attrs[3] = (hn_rw_attr)HN_A_FLOAT("scale", hn_attr_float(node, "scale", 1));
    hn_value *in[] = {split->out[0], split->out[1], split->out[2], hn_node_in(node, 1)};
    out[0] = hn_rw_op(rw, "Attention", 4, in, attrs);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const int64_t *x = n->in[0]->type.dims, *y = n->out[0]->type.dims;
    cost->macs = 2 * (double)x[0] * (double)x[1] * (double)x[1] * (double)y[2];
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

/* By samples; a mask for all of them stays whole. */
static bool shard(hn_shard *s)
{
    const hn_value *mask = hn_node_in(s->node, 1);
    bool shared = mask != NULL && (mask->type.rank < 4 || mask->type.dims[0] == 1);
    if (s->in[0] != 0 || (mask != NULL && s->in[1] != (shared ? HN_WHOLE : 0))) return false;
    return hn_shard_all(s, 0);
}

static void heads(hn_cases *c, const char *name, int64_t q, int64_t kv)
{
    hn_case(c, name);
    hn_case_int(c, "q_num_heads", q);
    hn_case_int(c, "kv_num_heads", kv);
}

static hn_status cases(hn_cases *c)
{
    heads(c, "example", 1, 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 3), HN_VALS(0, 1, 4, 0, 2, 8));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(6, 6));
    heads(c, "causal, grouped heads", 4, 2);
    hn_case_int(c, "is_causal", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 5, 24), -1, 1);
    heads(c, "scale and a mask of each sample", 2, 2);
    hn_case_float(c, "scale", 0.3);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4, 12), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 4, 4), -1, 1);
    heads(c, "a mask for all", 2, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 8), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 4), -1, 1);
    heads(c, "columns that are no heads", 2, 1);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 9), -1, 1);
    heads(c, "heads that do not group", 3, 2);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 7), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}, {"attn_mask", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"is_causal", HN_ATTR_INT, false, "0", "1: query i sees keys up to i"},
    {"q_num_heads", HN_ATTR_INT, true, NULL, "heads of Q"},
    {"kv_num_heads", HN_ATTR_INT, true, NULL, "heads of K and V"},
    {"scale", HN_ATTR_FLOAT, false, NULL, "factor of the scores; default 1 / sqrt(head size)"},
    {0}};

const hn_op hn_op_hone_qkv_attention = {
    .name = "QkvAttention",
    .domain = "hone",
    .since = 1,
    .doc = "Attention(Q, K, V, attn_mask) with X = [Q K V] along its last dim, heads of one size. "
           "X = [[0,1,4],[0,2,8]], one head: all scores are 0, Y = [[6],[6]].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = cost,
    .decompose = decompose,
    .shard = shard,
    .cases = cases,
    .quant = "",
};
