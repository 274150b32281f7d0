/* onnx_write_opset: which operator set a graph needs, and how it is said in an older one. The table lists, of the
 * changes after opset 13, those that add an operator, an attribute or an input; versions are those of the ONNX
 * changelog. */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "formats/onnx_write_priv.h"

typedef struct change {
    const char *op;
    const char *attr; /* NULL: the operator itself, or its input number `input` */
    int input;        /* 0: none */
    int since;
} change;

static const change CHANGES[] = {
    {"AffineGrid", NULL, 0, 20},
    {"Attention", NULL, 0, 23},
    {"Attention", NULL, 6, 24},
    {"Attention", "left_window_size", 0, 25},
    {"Attention", "right_window_size", 0, 25},
    {"AveragePool", "dilations", 0, 19},
    {"BatchNormalization", "training_mode", 0, 14},
    {"Bernoulli", NULL, 0, 15},
    {"BitCast", NULL, 0, 26},
    {"BitwiseAnd", NULL, 0, 18},
    {"BitwiseNot", NULL, 0, 18},
    {"BitwiseOr", NULL, 0, 18},
    {"BitwiseXor", NULL, 0, 18},
    {"BlackmanWindow", NULL, 0, 17},
    {"Cast", "round_mode", 0, 24},
    {"Cast", "saturate", 0, 19},
    {"CastLike", NULL, 0, 15},
    {"CastLike", "round_mode", 0, 24},
    {"CastLike", "saturate", 0, 19},
    {"CausalConvWithState", NULL, 0, 27},
    {"CenterCropPad", NULL, 0, 18},
    {"Col2Im", NULL, 0, 18},
    {"CumProd", NULL, 0, 26},
    {"DFT", NULL, 0, 20},
    {"DeformConv", NULL, 0, 19},
    {"DequantizeLinear", "block_size", 0, 21},
    {"DequantizeLinear", "output_dtype", 0, 23},
    {"GRU", "layout", 0, 14},
    {"Gelu", NULL, 0, 20},
    {"GridSample", NULL, 0, 20},
    {"GroupNormalization", NULL, 0, 21},
    {"HammingWindow", NULL, 0, 17},
    {"HannWindow", NULL, 0, 17},
    {"HardSwish", NULL, 0, 14},
    {"ImageDecoder", NULL, 0, 20},
    {"LSTM", "layout", 0, 14},
    {"LayerNormalization", NULL, 0, 17},
    {"LinearAttention", NULL, 0, 27},
    {"LpPool", "ceil_mode", 0, 18},
    {"LpPool", "dilations", 0, 18},
    {"MelWeightMatrix", NULL, 0, 17},
    {"Mish", NULL, 0, 18},
    {"Optional", NULL, 0, 15},
    {"OptionalGetElement", NULL, 0, 15},
    {"OptionalHasElement", NULL, 0, 15},
    {"Pad", NULL, 3, 18},
    {"QuantizeLinear", "block_size", 0, 21},
    {"QuantizeLinear", "output_dtype", 0, 21},
    {"QuantizeLinear", "precision", 0, 23},
    {"QuantizeLinear", "saturate", 0, 19},
    {"RMSNormalization", NULL, 0, 23},
    {"RNN", "layout", 0, 14},
    {"Range", "stash_type", 0, 27},
    {"ReduceL1", "noop_with_empty_axes", 0, 18},
    {"ReduceL2", "noop_with_empty_axes", 0, 18},
    {"ReduceLogSum", "noop_with_empty_axes", 0, 18},
    {"ReduceLogSumExp", "noop_with_empty_axes", 0, 18},
    {"ReduceMax", "noop_with_empty_axes", 0, 18},
    {"ReduceMean", "noop_with_empty_axes", 0, 18},
    {"ReduceMin", "noop_with_empty_axes", 0, 18},
    {"ReduceProd", "noop_with_empty_axes", 0, 18},
    {"ReduceSumSquare", "noop_with_empty_axes", 0, 18},
    {"RegexFullMatch", NULL, 0, 20},
    {"Reshape", "allowzero", 0, 14},
    {"Resize", "antialias", 0, 18},
    {"Resize", "axes", 0, 18},
    {"Resize", "keep_aspect_ratio_policy", 0, 18},
    {"RoiAlign", NULL, 0, 16},
    {"RotaryEmbedding", NULL, 0, 23},
    {"STFT", NULL, 0, 17},
    {"ScatterElements", "reduction", 0, 16},
    {"ScatterND", "reduction", 0, 16},
    {"SequenceMap", NULL, 0, 17},
    {"Shape", "end", 0, 15},
    {"Shape", "start", 0, 15},
    {"SpaceToDepth", "mode", 0, 28},
    {"StringConcat", NULL, 0, 20},
    {"StringSplit", NULL, 0, 20},
    {"SwiGLU", NULL, 0, 28},
    {"Swish", NULL, 0, 24},
    {"TensorScatter", NULL, 0, 24},
    {"Trilu", NULL, 0, 14},
};
enum { NCHANGES = sizeof CHANGES / sizeof *CHANGES };

/* Operators whose axes were an attribute before opset 18. */
static bool reduces(const hn_node *n)
{
    return n->op->domain[0] == '\0' && strncmp(n->op->name, "Reduce", 6) == 0 && strcmp(n->op->name, "ReduceSum") != 0;
}

static bool standard(const hn_node *n, const char *op)
{
    return n->op->domain[0] == '\0' && strcmp(n->op->name, op) == 0;
}

static const hn_attr_row *row_of(const hn_node *n, const char *attr)
{
    for (const hn_attr_row *r = n->op->attrs; r != NULL && r->name != NULL; r++)
        if (strcmp(r->name, attr) == 0) return r;
    return NULL;
}

/* The attribute says what its absence would say. */
static bool is_default(const hn_node *n, const hn_attr *a)
{
    const hn_attr_row *r = row_of(n, a->name);
    if (r == NULL || r->otherwise == NULL) return false;
    switch (a->kind) {
    case HN_ATTR_INT: return strtoll(r->otherwise, NULL, 10) == a->u.i;
    case HN_ATTR_FLOAT: return strtod(r->otherwise, NULL) == a->u.f;
    case HN_ATTR_STRING: return hn_str_is(a->u.s, r->otherwise);
    default: return false;
    }
}

static int of_dtype(hn_dtype t)
{
    switch (t) {
    case HN_F6E2M3:
    case HN_F6E3M2: return 28;
    case HN_U2:
    case HN_I2: return 25;
    case HN_F8E8M0: return 24;
    case HN_F4E2M1: return 23;
    case HN_BF16: return 22;
    case HN_U4:
    case HN_I4: return 21;
    case HN_F8E4M3FN:
    case HN_F8E4M3FNUZ:
    case HN_F8E5M2:
    case HN_F8E5M2FNUZ: return 19;
    default: return HN_ONNX_OLDEST_WRITTEN;
    }
}

/* Operators that took an element type later than the type's own arrival. */
static const struct {
    const char *op;
    uint32_t types;
    int since;
} LATE_TYPES[] = {
    {"BitShift", HN_T_SINT, 28},
    {"Celu", HN_BIT(HN_BF16) | HN_BIT(HN_F16) | HN_BIT(HN_F64), 28},
    {"Compress", HN_BIT(HN_BF16), 28},
    {"CumSum", HN_BIT(HN_BF16) | HN_BIT(HN_F16), 14},
    {"DequantizeLinear", HN_BIT(HN_I16) | HN_BIT(HN_U16), 21},
    {"Einsum", HN_BIT(HN_BF16), 28},
    {"Equal", HN_BIT(HN_STRING), 19},
    {"IsInf", HN_BIT(HN_F16) | HN_BIT(HN_BF16), 20},
    {"OneHot", HN_BIT(HN_BF16), 28},
    {"QuantizeLinear", HN_BIT(HN_I16) | HN_BIT(HN_U16), 21},
    {"Range", HN_BIT(HN_BF16) | HN_BIT(HN_F16), 27},
    {"ReduceMax", HN_BIT(HN_BOOL), 20},
    {"ReduceMin", HN_BIT(HN_BOOL), 20},
    {"Relu", HN_T_SINT, 14},
    {"ReverseSequence", HN_BIT(HN_BF16), 28},
    {"SplitToSequence", HN_BIT(HN_BF16), 24},
    {"TopK", HN_BIT(HN_BF16), 24},
    {"Unique", HN_BIT(HN_BF16), 28},
};

static int of_value(const hn_node *n, const hn_value *v)
{
    if (v == NULL) return 0;
    int late = 0;
    for (size_t i = 0; n->op->domain[0] == '\0' && i < sizeof LATE_TYPES / sizeof *LATE_TYPES; i++)
        if ((LATE_TYPES[i].types & HN_BIT(v->type.dtype)) != 0 && strcmp(LATE_TYPES[i].op, n->op->name) == 0)
            late = LATE_TYPES[i].since;
    int own = of_dtype(v->type.dtype);
    return own > late ? own : late;
}

/* Before opset 22 a pooling window could start beyond the input when the size was rounded up. */
static bool drops_window(const hn_node *n)
{
    bool pools = standard(n, "MaxPool") || standard(n, "AveragePool") || standard(n, "LpPool");
    const hn_value *x = hn_node_in(n, 0), *y = hn_node_out(n, 0);
    const int64_t *kernel, *strides, *pads, *dilations;
    if (!pools || x == NULL || y == NULL || hn_attr_int(n, "ceil_mode", 0) == 0) return false;
    int spatial = x->type.rank - 2;
    size_t nk = hn_attr_ints(n, "kernel_shape", &kernel), ns = hn_attr_ints(n, "strides", &strides);
    size_t np = hn_attr_ints(n, "pads", &pads), nd = hn_attr_ints(n, "dilations", &dilations);
    for (int d = 0; d < spatial && (size_t)d < nk && y->type.rank == x->type.rank; d++) {
        int64_t in = x->type.dims[d + 2], out = y->type.dims[d + 2], stride = (size_t)d < ns ? strides[d] : 1;
        int64_t pad = 0, window = 0;
        if (np == 2 * (size_t)spatial && !hn_i64_add(pads[d], pads[d + spatial], &pad)) continue;
        if (!hn_i64_mul((size_t)d < nd ? dilations[d] : 1, kernel[d] < 1 ? 0 : kernel[d] - 1, &window) ||
            window == INT64_MAX)
            continue;
        window++;
        const int64_t most = INT64_C(1) << 40; /* beyond it sums could overflow, and nobody pools over that much */
        if (in > most || pad > most || pad < 0 || window > most || window < 1 || stride > most) continue;
        if (in >= 0 && out >= 0 && stride > 0 && in + pad >= window &&
            out < (in + pad - window + stride - 1) / stride + 1)
            return true;
    }
    return false;
}

static int of_node(const hn_node *n)
{
    int needed = HN_ONNX_OLDEST_WRITTEN;
    for (size_t i = 0; i < n->nin + n->nout; i++) {
        int v = of_value(n, i < n->nin ? n->in[i] : n->out[i - n->nin]);
        if (v > needed) needed = v;
    }
    if (n->op->domain[0] != '\0') return needed;
    for (size_t i = 0; i < NCHANGES; i++) {
        const change *c = &CHANGES[i];
        if (c->since <= needed || strcmp(c->op, n->op->name) != 0) continue;
        const hn_attr *a = c->attr == NULL ? NULL : hn_node_attr(n, c->attr);
        if (c->attr != NULL ? a != NULL && !is_default(n, a) : c->input == 0 || hn_node_in(n, (size_t)c->input) != NULL)
            needed = c->since;
    }
    if (needed < 22 && drops_window(n)) needed = 22;
    if (reduces(n) && hn_node_in(n, 1) != NULL && hn_node_const(n, 1) == NULL && needed < 18) needed = 18;
    return needed;
}

hn_status hn_onnx_check_ops(hn_env *env, const hn_graph *g, int64_t *needed)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        if ((n->op->flags & HN_OP_INTERNAL) != 0 || strcmp(n->op->domain, "hone") == 0) {
            hn_fail(env, HN_UNSUPPORTED, "node \"%.80s\" (%s.%s) has no ONNX operator", hn_node_label(n), n->op->domain,
                    n->op->name);
            hn_hint(env, "export the graph before it is fused for this machine, or decompose this operator");
            return env->error.status;
        }
        int v = of_node(n);
        if (v > *needed) *needed = v;
        for (size_t i = 0; i < n->nregions; i++) HN_TRY(hn_onnx_check_ops(env, n->regions[i], needed));
    }
    return HN_OK;
}

hn_status hn_onnx_opset_needed(hn_env *env, const hn_graph *g, int64_t *out)
{
    *out = HN_ONNX_OLDEST_WRITTEN;
    return hn_onnx_check_ops(env, g, out);
}

static hn_status too_old(hn_onnx_writer *w, const hn_node *n, const char *what, int since)
{
    hn_fail(w->env, HN_UNSUPPORTED, "node \"%.80s\" (%s): %s needs opset %d, but %lld was asked for", hn_node_label(n),
            n->op->name, what, since, (long long)w->opset);
    hn_hint(w->env, "export with --opset %d or leave the choice to hone", since);
    return w->env->error.status;
}

/* Equal parts without num_outputs: the length must be a multiple of their number. */
static hn_status even_split(hn_onnx_writer *w, const hn_node *n)
{
    const hn_type *t = &n->in[0]->type;
    int axis = 0;
    if (t->rank > 0 && hn_axis(hn_attr_int(n, "axis", 0), t->rank, &axis) && t->dims[axis] >= 0 &&
        t->dims[axis] % (int64_t)n->nout == 0)
        return HN_OK;
    return too_old(w, n, "Split into parts that may be uneven", 18);
}

hn_status hn_onnx_keeps_attr(hn_onnx_writer *w, const hn_node *n, const hn_attr *a, bool *keep)
{
    *keep = true;
    if (n->op->domain[0] != '\0') return HN_OK;
    if (w->opset < 18 && standard(n, "Split") && strcmp(a->name, "num_outputs") == 0) {
        *keep = false;
        return even_split(w, n);
    }
    for (size_t i = 0; i < NCHANGES; i++) {
        const change *c = &CHANGES[i];
        if (c->attr == NULL || c->since <= w->opset || strcmp(c->op, n->op->name) != 0 || strcmp(c->attr, a->name) != 0)
            continue;
        if (!is_default(n, a)) return too_old(w, n, a->name, c->since);
        *keep = false;
    }
    return HN_OK;
}

hn_status hn_onnx_put_lowered(hn_onnx_writer *w, const hn_node *n, size_t *nin)
{
    *nin = n->nin - n->ncaptures;
    while (*nin > 0 && n->in[*nin - 1] == NULL) --*nin;
    if (!reduces(n) || w->opset >= 18 || *nin < 2) return HN_OK;
    const hn_tensor *axes = hn_node_const(n, 1);
    *nin = 1;
    if (axes == NULL) return too_old(w, n, "axes that are computed", 18);
    size_t mark = hn_pb_begin(w->env, w->out, 5);
    hn_pb_put_str(w->env, w->out, 1, "axes");
    for (size_t i = 0; i < hn_tensor_elems(axes); i++) hn_pb_put_int(w->env, w->out, 8, hn_get_i64(axes, i));
    hn_pb_put_int(w->env, w->out, 20, 7);
    hn_pb_end(w->env, w->out, mark);
    return HN_OK;
}
