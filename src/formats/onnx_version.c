/* onnx_version: the one place where older operator sets become the newest semantics. The table says which conversion
 * applies below which version; versions and changes are those of the ONNX changelog. */
#include "formats/onnx_version.h"

#include <string.h>

hn_rw hn_onnx_rw(hn_onnx_scope *s, const hn_onnx_node *n)
{
    hn_rw rw = hn_rw_at(s->graph, NULL);
    rw.name = n->name;
    return rw;
}

hn_status hn_onnx_input_set(hn_onnx_scope *s, hn_onnx_node *n, size_t i, hn_value *v)
{
    if (i >= n->nin) {
        hn_value **in = hn_arena_array(s->r->env, &s->r->scratch, i + 1, sizeof *in);
        if (in == NULL) return s->r->env->error.status;
        if (n->nin > 0) memcpy(in, n->in, n->nin * sizeof *in);
        n->in = in;
        n->nin = i + 1;
    }
    n->in[i] = v;
    return HN_OK;
}

hn_status hn_onnx_ints_to_input(hn_onnx_scope *s, hn_onnx_node *n, const char *attr, size_t i)
{
    const hn_attr *a = hn_onnx_find(n, attr);
    if (a == NULL) return HN_OK;
    if (a->kind != HN_ATTR_INTS)
        return hn_fail(s->r->env, HN_INPUT, "attribute %s of %.60s must be a list of integers", attr, n->op);
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *v = hn_rw_ints(&rw, a->u.ints, a->count);
    hn_onnx_drop(n, attr);
    HN_TRY(hn_rw_status(&rw));
    return hn_onnx_input_set(s, n, i, v);
}

hn_status hn_onnx_results(hn_onnx_scope *s, hn_onnx_node *n)
{
    n->results = hn_arena_array(s->r->env, &s->r->scratch, n->nout, sizeof *n->results);
    return n->results == NULL ? s->r->env->error.status : HN_OK;
}

hn_status hn_onnx_result(hn_onnx_scope *s, hn_onnx_node *n, hn_rw *rw, hn_value *v)
{
    HN_TRY(hn_rw_status(rw));
    HN_TRY(hn_onnx_results(s, n));
    if (n->nout > 0) n->results[0] = v;
    return HN_OK;
}

hn_dtype hn_onnx_dtype(const hn_onnx_node *n, size_t i, hn_dtype otherwise)
{
    if (i >= n->nin || n->in[i] == NULL || n->in[i]->type.dtype == HN_NONE) return otherwise;
    return n->in[i]->type.dtype;
}

int hn_onnx_rank(const hn_onnx_node *n, size_t i)
{
    return i >= n->nin || n->in[i] == NULL ? -1 : n->in[i]->type.rank;
}

/* A float attribute becomes a scalar input of the type of input 0. */
static hn_status float_to_input(hn_onnx_scope *s, hn_onnx_node *n, const char *attr, size_t i)
{
    const hn_attr *a = hn_onnx_find(n, attr);
    if (a == NULL) return HN_OK;
    if (a->kind != HN_ATTR_FLOAT)
        return hn_fail(s->r->env, HN_INPUT, "attribute %s of %.60s must be a float", attr, n->op);
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *v = hn_rw_scalar(&rw, hn_onnx_dtype(n, 0, HN_F32), a->u.f);
    hn_onnx_drop(n, attr);
    HN_TRY(hn_rw_status(&rw));
    return hn_onnx_input_set(s, n, i, v);
}

static hn_status axes_to_input(hn_onnx_scope *s, hn_onnx_node *n)
{
    const hn_attr *a = hn_onnx_find(n, "axes");
    /* An empty list meant all axes, as an absent one does. */
    if (a != NULL && a->count == 0) hn_onnx_drop(n, "axes");
    return hn_onnx_ints_to_input(s, n, "axes", 1);
}

static hn_status old_slice(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(hn_onnx_ints_to_input(s, n, "starts", 1));
    HN_TRY(hn_onnx_ints_to_input(s, n, "ends", 2));
    return hn_onnx_ints_to_input(s, n, "axes", 3);
}

static hn_status old_clip(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(float_to_input(s, n, "min", 1));
    return float_to_input(s, n, "max", 2);
}

static hn_status old_pad(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(hn_onnx_ints_to_input(s, n, "paddings", 1));
    HN_TRY(hn_onnx_ints_to_input(s, n, "pads", 1));
    if (hn_onnx_float(n, "value", 0.0) == 0.0) hn_onnx_drop(n, "value");
    return float_to_input(s, n, "value", 2);
}

static hn_status old_split(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(hn_onnx_ints_to_input(s, n, "split", 1));
    if (n->nin > 1 && n->in[1] != NULL && n->in[1]->type.dtype != HN_I64) {
        /* Split-1 takes the sizes in the type of the data. */
        hn_rw rw = hn_onnx_rw(s, n);
        hn_value *v = hn_rw_op(&rw, "Cast", 1, &n->in[1], (const hn_rw_attr[]){HN_A_INT("to", HN_I64), {0}});
        HN_TRY(hn_rw_status(&rw));
        return hn_onnx_input_set(s, n, 1, v);
    }
    if (n->nin > 1 && n->in[1] != NULL) return HN_OK;
    return hn_onnx_set_int(s->r, n, "num_outputs", (int64_t)n->nout);
}

static hn_status old_reshape(hn_onnx_scope *s, hn_onnx_node *n)
{
    return hn_onnx_ints_to_input(s, n, "shape", 1);
}

static hn_status old_topk(hn_onnx_scope *s, hn_onnx_node *n)
{
    int64_t k = hn_onnx_int(n, "k", 0);
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *v = hn_rw_ints(&rw, &k, 1);
    hn_onnx_drop(n, "k");
    HN_TRY(hn_rw_status(&rw));
    return hn_onnx_input_set(s, n, 1, v);
}

static hn_status old_cast(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const struct {
        const char *name;
        hn_dtype dtype;
    } names[] = {{"FLOAT", HN_F32},  {"UINT8", HN_U8},   {"INT8", HN_I8},       {"UINT16", HN_U16}, {"INT16", HN_I16},
                 {"INT32", HN_I32},  {"INT64", HN_I64},  {"STRING", HN_STRING}, {"BOOL", HN_BOOL},  {"FLOAT16", HN_F16},
                 {"DOUBLE", HN_F64}, {"UINT32", HN_U32}, {"UINT64", HN_U64}};
    const hn_attr *a = hn_onnx_find(n, "to");
    if (a == NULL || a->kind != HN_ATTR_STRING) return HN_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (hn_str_is(a->u.s, names[i].name)) return hn_onnx_set_int(s->r, n, "to", (int64_t)names[i].dtype);
    return hn_fail(s->r->env, HN_INPUT, "Cast to \"%.*s\", which is no element type",
                   (int)(a->u.s.size < 40 ? a->u.s.size : 40), a->u.s.data);
}

static hn_status float_p(hn_onnx_scope *s, hn_onnx_node *n)
{
    const hn_attr *a = hn_onnx_find(n, "p");
    if (a == NULL || a->kind != HN_ATTR_FLOAT) return HN_OK;
    int64_t p = (int64_t)(a->u.f >= 1 && a->u.f < 1e6 ? a->u.f : 0);
    if ((double)p != a->u.f) return hn_fail(s->r->env, HN_UNSUPPORTED, "%s with p = %g", n->op, a->u.f);
    return hn_onnx_set_int(s->r, n, "p", p);
}

static hn_status old_rnn(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    hn_onnx_drop(n, "output_sequence"); /* outputs have always been optional by name */
    return HN_OK;
}

static hn_status old_roialign(hn_onnx_scope *s, hn_onnx_node *n)
{
    return hn_onnx_set_str(s->r, n, "coordinate_transformation_mode", "output_half_pixel");
}

static hn_status old_gridsample(hn_onnx_scope *s, hn_onnx_node *n)
{
    if (hn_onnx_is(n, "mode", "bilinear", false)) return hn_onnx_set_str(s->r, n, "mode", "linear");
    if (hn_onnx_is(n, "mode", "bicubic", false)) return hn_onnx_set_str(s->r, n, "mode", "cubic");
    return HN_OK;
}

static hn_status old_dft(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *axis = hn_rw_scalar(&rw, HN_I64, (double)hn_onnx_int(n, "axis", 1));
    hn_onnx_drop(n, "axis");
    HN_TRY(hn_rw_status(&rw));
    return hn_onnx_input_set(s, n, 2, axis);
}

static hn_status old_concat(hn_onnx_scope *s, hn_onnx_node *n)
{
    return hn_onnx_find(n, "axis") != NULL ? HN_OK : hn_onnx_set_int(s->r, n, "axis", 1);
}

static hn_status old_selu(hn_onnx_scope *s, hn_onnx_node *n)
{
    if (hn_onnx_find(n, "alpha") == NULL) HN_TRY(hn_onnx_set_float(s->r, n, "alpha", (double)1.6732f));
    if (hn_onnx_find(n, "gamma") == NULL) HN_TRY(hn_onnx_set_float(s->r, n, "gamma", (double)1.0507f));
    return HN_OK;
}

static hn_status old_gemm(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    hn_onnx_drop(n, "broadcast"); /* C broadcasts to the product in every version since */
    return HN_OK;
}

static hn_status old_scatter(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    n->op = "ScatterElements";
    return HN_OK;
}

/* ONNX Runtime writes it into the standard domain. */
static hn_status simplified(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    n->op = "RMSNormalization";
    return HN_OK;
}

typedef struct conversion {
    const char *op;
    int below;     /* applies to versions under this */
    bool replaces; /* the operator itself needs no row */
    hn_onnx_conv_fn *fn;
} conversion;

static const conversion TABLE[] = {
    {"Add", 7, false, hn_onnx_old_broadcast},
    {"Affine", 10, true, hn_onnx_exp_affine},
    {"And", 7, false, hn_onnx_old_broadcast},
    {"BatchNormalization", 14, false, hn_onnx_old_batchnorm},
    {"Cast", 6, false, old_cast},
    {"Clip", 11, false, old_clip},
    {"Concat", 4, false, old_concat},
    {"Crop", 10, true, hn_onnx_exp_crop},
    {"DFT", 20, false, old_dft},
    {"Div", 7, false, hn_onnx_old_broadcast},
    {"Dropout", 12, false, hn_onnx_old_dropout},
    {"DynamicSlice", 10, true, hn_onnx_exp_dynamic_slice},
    {"Equal", 7, false, hn_onnx_old_broadcast},
    {"GRU", 7, false, old_rnn},
    {"Gemm", 7, false, old_gemm},
    {"GlobalLpPool", 2, false, float_p},
    {"Greater", 7, false, hn_onnx_old_broadcast},
    {"GridSample", 20, false, old_gridsample},
    {"GroupNormalization", 21, false, hn_onnx_old_groupnorm},
    {"Hardmax", 13, false, hn_onnx_old_softmax},
    {"ImageScaler", 10, true, hn_onnx_exp_image_scaler},
    {"LSTM", 7, false, old_rnn},
    {"Less", 7, false, hn_onnx_old_broadcast},
    {"LogSoftmax", 13, false, hn_onnx_old_softmax},
    {"LpPool", 2, false, float_p},
    {"MeanVarianceNormalization", 9, false, hn_onnx_exp_mvn},
    {"Mul", 7, false, hn_onnx_old_broadcast},
    {"Or", 7, false, hn_onnx_old_broadcast},
    {"PRelu", 7, false, hn_onnx_old_prelu},
    {"Pad", 11, false, old_pad},
    {"ParametricSoftplus", 10, true, hn_onnx_exp_scaled},
    {"Pow", 7, false, hn_onnx_old_broadcast},
    {"RNN", 7, false, old_rnn},
    {"ReduceL1", 18, false, axes_to_input},
    {"ReduceL2", 18, false, axes_to_input},
    {"ReduceLogSum", 18, false, axes_to_input},
    {"ReduceLogSumExp", 18, false, axes_to_input},
    {"ReduceMax", 18, false, axes_to_input},
    {"ReduceMean", 18, false, axes_to_input},
    {"ReduceMin", 18, false, axes_to_input},
    {"ReduceProd", 18, false, axes_to_input},
    {"ReduceSum", 13, false, axes_to_input},
    {"ReduceSumSquare", 18, false, axes_to_input},
    {"Reshape", 5, false, old_reshape},
    {"Resize", 11, false, hn_onnx_old_resize},
    {"Resize", 13, false, hn_onnx_resize_empty},
    {"RoiAlign", 16, false, old_roialign},
    {"Scale", 10, true, hn_onnx_exp_affine},
    {"ScaledTanh", 10, true, hn_onnx_exp_scaled},
    {"Scan", 9, false, hn_onnx_old_scan},
    {"Scatter", HN_ONNX_NEWEST + 1, true, old_scatter},
    {"Selu", 6, false, old_selu},
    {"SimplifiedLayerNormalization", HN_ONNX_NEWEST + 1, true, simplified},
    {"Slice", 10, false, old_slice},
    {"Softmax", 13, false, hn_onnx_old_softmax},
    {"Split", 18, false, old_split},
    {"Squeeze", 13, false, axes_to_input},
    {"Sub", 7, false, hn_onnx_old_broadcast},
    {"Tile", 6, false, hn_onnx_old_tile},
    {"TopK", 10, false, old_topk},
    {"Unsqueeze", 13, false, axes_to_input},
    {"Upsample", HN_ONNX_NEWEST + 1, true, hn_onnx_old_upsample},
    {"Xor", 7, false, hn_onnx_old_broadcast},
};
enum { CONVERSIONS = sizeof TABLE / sizeof *TABLE };

bool hn_onnx_converts(const char *domain, const char *op, int64_t version)
{
    if (domain[0] != '\0') return hn_onnx_domain(domain, op) != NULL || hn_onnx_preview(domain, op) != NULL;
    for (size_t i = 0; i < CONVERSIONS; i++)
        if (TABLE[i].replaces && version < TABLE[i].below && strcmp(TABLE[i].op, op) == 0) return true;
    return false;
}

/* Old versions told the runtime which inputs it may overwrite; some exporters still write it. */
static void drop_notes(hn_onnx_node *n)
{
    if (n->version < 7) hn_onnx_drop(n, "consumed_inputs");
}

hn_status hn_onnx_convert(hn_onnx_scope *s, hn_onnx_node *n)
{
    if (n->domain[0] != '\0') {
        hn_onnx_conv_fn *fn = hn_onnx_domain(n->domain, n->op);
        if (fn == NULL) fn = hn_onnx_preview(n->domain, n->op);
        return fn == NULL ? HN_OK : fn(s, n);
    }
    drop_notes(n);
    const char *op = n->op;
    for (size_t i = 0; i < CONVERSIONS && n->results == NULL; i++)
        if (n->version < TABLE[i].below && strcmp(TABLE[i].op, op) == 0) HN_TRY(TABLE[i].fn(s, n));
    return HN_OK;
}
