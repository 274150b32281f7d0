/* onnx_preview: operators of ai.onnx.preview as the standard operators they stand for. FlexAttention is attention whose
 * scores and probabilities pass through graphs given with the node; these become part of the graph around them.
 * Source: the function body of FlexAttention-1. */
#include <math.h>
#include <string.h>

#include "formats/onnx_version.h"

static hn_value *dims_of(hn_rw *rw, hn_value *v, int64_t from, int64_t to)
{
    return hn_rw_op(rw, "Shape", 1, &v, (const hn_rw_attr[]){HN_A_INT("start", from), HN_A_INT("end", to), {0}});
}

static hn_value *join(hn_rw *rw, size_t n, hn_value *const *parts)
{
    return hn_rw_op(rw, "Concat", n, parts, (const hn_rw_attr[]){HN_A_INT("axis", 0), {0}});
}

static hn_value *cast(hn_rw *rw, hn_value *v, hn_dtype to)
{
    if (v == NULL || v->type.dtype == to) return v;
    return hn_rw_op(rw, "Cast", 1, &v, (const hn_rw_attr[]){HN_A_INT("to", to), {0}});
}

static int64_t dim(const hn_value *v, int d)
{
    return v->type.rank == 4 ? v->type.dims[d] : -1;
}

/* Every head of kv once for each head of q that reads it. */
static hn_value *per_head(hn_rw *rw, hn_value *q, hn_value *kv)
{
    int64_t two = 2, one = 1;
    if (dim(q, 1) >= 0 && dim(q, 1) == dim(kv, 1)) return kv;
    hn_value *heads = dims_of(rw, q, 1, 2), *groups = dims_of(rw, kv, 1, 2), *ones = hn_rw_ints(rw, &one, 1);
    hn_value *wide[] = {ones, ones, hn_rw_2(rw, "Div", heads, groups), ones, ones};
    hn_value *flat[] = {dims_of(rw, kv, 0, 1), heads, dims_of(rw, kv, 2, 4)};
    hn_value *v = hn_rw_2(rw, "Unsqueeze", kv, hn_rw_ints(rw, &two, 1));
    v = hn_rw_2(rw, "Expand", v, join(rw, 5, wide));
    return hn_rw_2(rw, "Reshape", v, join(rw, 3, flat));
}

/* scale, or 1 / sqrt of the size of a head. */
static hn_value *scale_of(hn_rw *rw, const hn_onnx_node *n, hn_dtype dtype)
{
    int64_t size = dim(n->in[0], 3);
    if (hn_onnx_find(n, "scale") != NULL) return hn_rw_scalar(rw, dtype, hn_onnx_float(n, "scale", 1));
    if (size > 0) return hn_rw_scalar(rw, dtype, 1 / sqrt((double)size));
    hn_value *root = hn_rw_1(rw, "Sqrt", cast(rw, dims_of(rw, n->in[0], 3, 4), HN_F32));
    return cast(rw, hn_rw_1(rw, "Reciprocal", root), dtype);
}

static hn_status modify(hn_onnx_scope *s, hn_rw *rw, const hn_onnx_node *n, const char *name, hn_value **v)
{
    HN_TRY(hn_rw_status(rw));
    for (size_t i = 0; i < n->nregions; i++) {
        if (strcmp(n->regions[i].name, name) != 0) continue;
        const char *label = hn_arena_printf(s->r->env, &s->r->scratch, "%s/%s", hn_onnx_label(n), name);
        if (label == NULL) return s->r->env->error.status;
        HN_TRY(hn_context(s->r->env, hn_onnx_graph_inline(s, &n->regions[i], label, *v, v), "%s", name));
        if (*v == NULL) return hn_fail(s->r->env, HN_INPUT, "%s gives nothing", name);
    }
    return HN_OK;
}

static hn_status check(hn_onnx_scope *s, const hn_onnx_node *n, int64_t precision)
{
    static const char *const known[] = {"scale", "softmax_precision"};
    hn_env *env = s->r->env;
    if (n->nin != 3 || n->in[0] == NULL || n->in[1] == NULL || n->in[2] == NULL)
        return hn_fail(env, HN_INPUT, "FlexAttention needs Q, K and V");
    for (size_t i = 0; i < 3; i++)
        if (hn_onnx_rank(n, i) >= 0 && hn_onnx_rank(n, i) != 4)
            return hn_fail(env, HN_INPUT, "input %zu of FlexAttention has rank %d, 4 needed", i, hn_onnx_rank(n, i));
    if (hn_onnx_dtype(n, 0, HN_NONE) == HN_NONE)
        return hn_fail(env, HN_UNSUPPORTED, "FlexAttention on values of unknown type");
    if (!hn_dtype_valid(precision) || !(HN_BIT(precision) & HN_T_FLOAT))
        return hn_fail(env, HN_INPUT, "softmax_precision %lld is no float type", (long long)precision);
    for (int i = 1; i < 3; i++) {
        int64_t q = dim(n->in[0], 1), kv = dim(n->in[i], 1);
        if (q >= 0 && kv >= 0 && (kv == 0 || q % kv != 0))
            return hn_fail(env, HN_INPUT, "%lld heads of Q are no multiple of %lld", (long long)q, (long long)kv);
    }
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next)
        if (strcmp(a->name, known[0]) != 0 && strcmp(a->name, known[1]) != 0)
            return hn_fail(env, HN_UNSUPPORTED, "attribute %.80s of FlexAttention is not known", a->name);
    for (size_t i = 0; i < n->nregions; i++)
        if (strcmp(n->regions[i].name, "score_mod") != 0 && strcmp(n->regions[i].name, "prob_mod") != 0)
            return hn_fail(env, HN_UNSUPPORTED, "graph %.80s of FlexAttention is not known", n->regions[i].name);
    return HN_OK;
}

static hn_status flex_attention(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const int64_t flip[] = {0, 1, 3, 2};
    hn_dtype dtype = hn_onnx_dtype(n, 0, HN_F32);
    int64_t precision = hn_onnx_int(n, "softmax_precision", dtype == HN_F64 ? HN_F64 : HN_F32);
    HN_TRY(check(s, n, precision));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *q = hn_rw_2(&rw, "Mul", n->in[0], scale_of(&rw, n, dtype));
    hn_value *k = hn_rw_transpose(&rw, per_head(&rw, n->in[0], n->in[1]), flip, 4);
    hn_value *v = cast(&rw, hn_rw_2(&rw, "MatMul", q, k), (hn_dtype)precision);
    HN_TRY(modify(s, &rw, n, "score_mod", &v));
    v = hn_rw_1(&rw, "Softmax", v);
    HN_TRY(modify(s, &rw, n, "prob_mod", &v));
    v = hn_rw_2(&rw, "MatMul", cast(&rw, v, dtype), per_head(&rw, n->in[0], n->in[2]));
    return hn_onnx_result(s, n, &rw, v);
}

hn_onnx_conv_fn *hn_onnx_preview(const char *domain, const char *op)
{
    if (strcmp(domain, "ai.onnx.preview") != 0) return NULL;
    return strcmp(op, "FlexAttention") == 0 ? flex_attention : NULL;
}
