/* onnx_contrib: operators of com.microsoft that the standard operators say exactly, as ONNX Runtime documents them. The
 * quantised ones become the dequantise, compute, quantise form, which is their definition; passes fuse that again. */
#include <string.h>

#include "formats/onnx_version.h"

static hn_value *input(const hn_onnx_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

static hn_status need(hn_onnx_scope *s, const hn_onnx_node *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (input(n, i) == NULL)
            return hn_fail(s->r->env, HN_INPUT, "com.microsoft.%.60s: input %zu is missing", n->op, i);
    if (n->nout < 1) return hn_fail(s->r->env, HN_INPUT, "com.microsoft.%.60s without an output", n->op);
    return HN_OK;
}

/* An attribute that the conversion does not know would change the result unseen. */
static hn_status only(hn_onnx_scope *s, const hn_onnx_node *n, const char *const *names)
{
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next) {
        bool known = false;
        for (size_t i = 0; names[i] != NULL && !known; i++) known = strcmp(names[i], a->name) == 0;
        if (!known)
            return hn_fail(s->r->env, HN_UNSUPPORTED, "com.microsoft.%.60s with attribute %.60s", n->op, a->name);
    }
    return HN_OK;
}

/* A standard node with the attributes of n that the row knows. */
static hn_value *plain(hn_rw *rw, const hn_onnx_node *n, const char *op, size_t nin, hn_value *const *in)
{
    if (hn_rw_status(rw) != HN_OK) return NULL;
    hn_env *env = rw->graph->env;
    const hn_op *row = hn_op_find(rw->graph->ops, "", op);
    if (row == NULL) {
        (void)hn_rw_fail(rw, hn_fail(env, HN_UNSUPPORTED, "operator %s is not supported", op));
        return NULL;
    }
    hn_node *node = hn_node_new(rw->graph, NULL, row, n->name, nin, in, 1);
    if (node == NULL) {
        (void)hn_rw_fail(rw, env->error.status);
        return NULL;
    }
    hn_attr **tail = &node->attrs;
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next) {
        bool known = false;
        for (const hn_attr_row *k = row->attrs; k != NULL && k->name != NULL; k++)
            known |= strcmp(k->name, a->name) == 0;
        if (!known) continue;
        *tail = hn_arena_alloc(env, rw->graph->arena, sizeof **tail);
        if (*tail == NULL) {
            (void)hn_rw_fail(rw, env->error.status);
            return NULL;
        }
        **tail = *a;
        (*tail)->next = NULL;
        tail = &(*tail)->next;
    }
    (void)hn_rw_fail(rw, hn_node_infer(node));
    return node->out[0];
}

static hn_status done(hn_onnx_scope *s, hn_onnx_node *n, hn_rw *rw, hn_value *v)
{
    if (n->nout > 1) return hn_fail(s->r->env, HN_UNSUPPORTED, "com.microsoft.%.60s with %zu outputs", n->op, n->nout);
    return hn_onnx_result(s, n, rw, v);
}

/* ---- floating point ---- */

static hn_value *activate(hn_onnx_scope *s, hn_rw *rw, const hn_onnx_node *n, hn_value *x)
{
    static const char *const plain_ones[] = {"Relu", "Sigmoid", "Tanh", "HardSwish"};
    const hn_attr *kind = hn_onnx_find(n, "activation"), *p = hn_onnx_find(n, "activation_params");
    size_t np = p != NULL && p->kind == HN_ATTR_FLOATS ? p->count : 0;
    const double *v = np > 0 ? p->u.floats : NULL;
    if (kind == NULL || kind->kind != HN_ATTR_STRING || kind->u.s.size == 0) return x;
    for (size_t i = 0; i < sizeof plain_ones / sizeof *plain_ones; i++)
        if (hn_str_is(kind->u.s, plain_ones[i])) return hn_rw_1(rw, plain_ones[i], x);
    if (hn_str_is(kind->u.s, "LeakyRelu") && np >= 1)
        return hn_rw_op(rw, "LeakyRelu", 1, &x, (const hn_rw_attr[]){HN_A_FLOAT("alpha", v[0]), {0}});
    if (hn_str_is(kind->u.s, "HardSigmoid") && np >= 2)
        return hn_rw_op(rw, "HardSigmoid", 1, &x,
                        (const hn_rw_attr[]){HN_A_FLOAT("alpha", v[0]), HN_A_FLOAT("beta", v[1]), {0}});
    if (hn_str_is(kind->u.s, "Clip") && np >= 2)
        return hn_rw_3(rw, "Clip", x, hn_rw_scalar(rw, HN_F32, v[0]), hn_rw_scalar(rw, HN_F32, v[1]));
    (void)hn_rw_fail(rw, hn_fail(s->r->env, HN_UNSUPPORTED, "com.microsoft.%.60s with activation %.*s", n->op,
                                 (int)(kind->u.s.size < 40 ? kind->u.s.size : 40), kind->u.s.data));
    return NULL;
}

static hn_status fused_conv(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {
        "activation", "activation_params", "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", NULL};
    HN_TRY(need(s, n, 2));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *y = plain(&rw, n, "Conv", n->nin < 3 ? n->nin : 3, n->in);
    if (input(n, 3) != NULL) y = hn_rw_2(&rw, "Add", y, n->in[3]);
    return done(s, n, &rw, activate(s, &rw, n, y));
}

static hn_status fused_gemm(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"activation", "activation_params", "alpha", "beta", "transA", "transB", NULL};
    HN_TRY(need(s, n, 2));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    return done(s, n, &rw, activate(s, &rw, n, plain(&rw, n, "Gemm", n->nin, n->in)));
}

static hn_value *swap_last(hn_rw *rw, hn_onnx_scope *s, hn_value *v)
{
    int64_t perm[HN_MAX_RANK];
    int rank = v->type.rank;
    if (rank < 2) {
        (void)hn_rw_fail(rw, hn_fail(s->r->env, HN_UNSUPPORTED, "transposing a tensor of unknown rank"));
        return NULL;
    }
    for (int d = 0; d < rank; d++) perm[d] = d;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return hn_rw_transpose(rw, v, perm, (size_t)rank);
}

static hn_status fused_matmul(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"alpha", "transA", "transB", NULL};
    HN_TRY(need(s, n, 2));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *a = n->in[0], *b = n->in[1];
    double alpha = hn_onnx_float(n, "alpha", 1);
    if (hn_onnx_int(n, "transA", 0) != 0) a = swap_last(&rw, s, a);
    if (hn_onnx_int(n, "transB", 0) != 0) b = swap_last(&rw, s, b);
    hn_value *y = hn_rw_2(&rw, "MatMul", a, b);
    if (alpha != 1) y = hn_rw_2(&rw, "Mul", y, hn_rw_scalar(&rw, hn_onnx_dtype(n, 0, HN_F32), alpha));
    return done(s, n, &rw, y);
}

static hn_value *gelu(hn_rw *rw, hn_value *x, const char *how)
{
    return hn_rw_op(rw, "Gelu", 1, &x, (const hn_rw_attr[]){HN_A_STR("approximate", how), {0}});
}

static hn_status any_gelu(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {NULL};
    HN_TRY(need(s, n, 1));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *x = n->in[0];
    if (input(n, 1) != NULL) x = hn_rw_2(&rw, "Add", x, n->in[1]);
    return done(s, n, &rw, gelu(&rw, x, strcmp(n->op, "FastGelu") == 0 ? "tanh" : "none"));
}

static hn_status quick_gelu(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"alpha", NULL};
    HN_TRY(need(s, n, 1));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *x = n->in[0];
    hn_value *scaled = hn_rw_2(
        &rw, "Mul", x, hn_rw_scalar(&rw, hn_onnx_dtype(n, 0, HN_F32), hn_onnx_float(n, "alpha", (double)1.702f)));
    return done(s, n, &rw, hn_rw_2(&rw, "Mul", x, hn_rw_1(&rw, "Sigmoid", scaled)));
}

/* LayerNormalization before it was standard. */
static hn_status layer_norm(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    n->domain = "";
    if (strcmp(n->op, "SimplifiedLayerNormalization") == 0) n->op = "RMSNormalization";
    return HN_OK;
}

static hn_status skip_layer_norm(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"epsilon", NULL};
    bool simple = strcmp(n->op, "SkipSimplifiedLayerNormalization") == 0;
    HN_TRY(need(s, n, 3));
    HN_TRY(only(s, n, known));
    for (size_t i = 1; i < n->nout && i < 3; i++)
        if (n->out_names[i].size > 0) return hn_fail(s->r->env, HN_UNSUPPORTED, "%s with its statistics", n->op);
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *sum = hn_rw_2(&rw, "Add", n->in[0], n->in[1]);
    hn_value *bias = input(n, simple ? 3 : 4);
    if (bias != NULL) sum = hn_rw_2(&rw, "Add", sum, bias);
    hn_rw_attr attrs[] = {
        HN_A_INT("axis", -1), HN_A_FLOAT("epsilon", hn_onnx_float(n, "epsilon", (double)1e-12f)), {0}};
    hn_value *in[] = {sum, n->in[2], simple ? NULL : input(n, 3)};
    hn_value *y = simple ? hn_rw_op(&rw, "RMSNormalization", 2, in, attrs)
                         : hn_rw_op(&rw, "LayerNormalization", in[2] == NULL ? 2 : 3, in, attrs);
    HN_TRY(hn_onnx_result(s, n, &rw, y));
    if (n->nout == 4) n->results[3] = sum;
    return HN_OK;
}

/* ---- quantised ---- */

static hn_value *dequant(hn_rw *rw, hn_value *x, hn_value *scale, hn_value *zero)
{
    return hn_rw_op(rw, "DequantizeLinear", zero == NULL ? 2 : 3, (hn_value *[]){x, scale, zero}, NULL);
}

static hn_value *quant(hn_rw *rw, hn_value *x, hn_value *scale, hn_value *zero)
{
    return hn_rw_op(rw, "QuantizeLinear", zero == NULL ? 2 : 3, (hn_value *[]){x, scale, zero}, NULL);
}

/* A, A_scale, A_zero, B, B_scale, B_zero, C_scale, C_zero */
static hn_status q_binary(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {NULL};
    HN_TRY(only(s, n, known));
    if (input(n, 0) == NULL || input(n, 1) == NULL || input(n, 3) == NULL || input(n, 4) == NULL || input(n, 6) == NULL)
        return hn_fail(s->r->env, HN_INPUT, "com.microsoft.%.60s lacks an input", n->op);
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *a = dequant(&rw, n->in[0], n->in[1], n->in[2]), *b = dequant(&rw, n->in[3], n->in[4], n->in[5]);
    hn_value *y = hn_rw_2(&rw, strcmp(n->op, "QLinearAdd") == 0 ? "Add" : "Mul", a, b);
    return done(s, n, &rw, quant(&rw, y, n->in[6], input(n, 7)));
}

/* X, X_scale, X_zero, Y_scale, Y_zero */
static hn_status q_unary(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"alpha", "axis", "channels_last", NULL};
    const char *op = n->op + strlen("QLinear");
    HN_TRY(only(s, n, known));
    if (input(n, 0) == NULL || input(n, 1) == NULL || input(n, 3) == NULL)
        return hn_fail(s->r->env, HN_INPUT, "com.microsoft.%.60s lacks an input", n->op);
    if (hn_onnx_int(n, "channels_last", 0) != 0)
        return hn_fail(s->r->env, HN_UNSUPPORTED, "com.microsoft.%.60s with channels last", n->op);
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *x = dequant(&rw, n->in[0], n->in[1], n->in[2]);
    return done(s, n, &rw, quant(&rw, plain(&rw, n, op, 1, &x), n->in[3], input(n, 4)));
}

/* Y_scale, Y_zero, then X, X_scale, X_zero for each part */
static hn_status q_concat(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"axis", NULL};
    HN_TRY(only(s, n, known));
    size_t parts = n->nin < 2 ? 0 : (n->nin - 2) / 3;
    if (parts == 0 || n->nin != 2 + 3 * parts || n->in[0] == NULL)
        return hn_fail(s->r->env, HN_INPUT, "com.microsoft.QLinearConcat with %zu inputs", n->nin);
    hn_value **x = hn_arena_array(s->r->env, &s->r->scratch, parts, sizeof(hn_value *));
    if (x == NULL) return s->r->env->error.status;
    hn_rw rw = hn_onnx_rw(s, n);
    for (size_t i = 0; i < parts; i++) {
        if (n->in[2 + 3 * i] == NULL || n->in[3 + 3 * i] == NULL)
            return hn_fail(s->r->env, HN_INPUT, "com.microsoft.QLinearConcat lacks part %zu", i);
        x[i] = dequant(&rw, n->in[2 + 3 * i], n->in[3 + 3 * i], n->in[4 + 3 * i]);
    }
    return done(s, n, &rw, quant(&rw, plain(&rw, n, "Concat", parts, x), n->in[0], n->in[1]));
}

/* A, a_scale, a_zero, B, b_scale, b_zero, C (int32), y_scale, y_zero. C has the scale alpha * a_scale * b_scale. */
static hn_status q_gemm(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {"alpha", "transA", "transB", NULL};
    HN_TRY(only(s, n, known));
    if (input(n, 0) == NULL || input(n, 1) == NULL || input(n, 3) == NULL || input(n, 4) == NULL)
        return hn_fail(s->r->env, HN_INPUT, "com.microsoft.QGemm lacks an input");
    if (hn_onnx_rank(n, 4) != 0 && !(n->in[4]->data != NULL && hn_tensor_elems(n->in[4]->data) == 1))
        return hn_fail(s->r->env, HN_UNSUPPORTED, "com.microsoft.QGemm with a scale for each column");
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *in[3] = {dequant(&rw, n->in[0], n->in[1], n->in[2]), dequant(&rw, n->in[3], n->in[4], n->in[5]), NULL};
    hn_value *c = input(n, 6);
    if (c != NULL) {
        hn_value *scale = hn_rw_2(&rw, "Mul", n->in[1], n->in[4]);
        double alpha = hn_onnx_float(n, "alpha", 1);
        if (alpha != 1) scale = hn_rw_2(&rw, "Mul", scale, hn_rw_scalar(&rw, HN_F32, alpha));
        in[2] = dequant(&rw, c, scale, NULL);
    }
    hn_value *y = plain(&rw, n, "Gemm", c == NULL ? 2 : 3, in);
    if (input(n, 7) != NULL) y = quant(&rw, y, n->in[7], input(n, 8));
    return done(s, n, &rw, y);
}

/* A integer product with a float scale on what comes out. */
static hn_value *scaled_product(hn_rw *rw, hn_value *const in[4], hn_value *scale, hn_value *bias)
{
    hn_value *y = hn_rw_op(rw, "MatMulInteger", 4, in, NULL);
    y = hn_rw_op(rw, "Cast", 1, &y, (const hn_rw_attr[]){HN_A_INT("to", HN_F32), {0}});
    y = hn_rw_2(rw, "Mul", y, scale);
    return bias == NULL ? y : hn_rw_2(rw, "Add", y, bias);
}

/* A (float), B, b_scale, b_zero, bias */
static hn_status dynamic_matmul(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {NULL};
    HN_TRY(need(s, n, 3));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_node *q = hn_rw_node(&rw, "DynamicQuantizeLinear", 1, n->in, 3, NULL);
    if (q == NULL) return hn_rw_status(&rw);
    hn_value *in[4] = {q->out[0], n->in[1], q->out[2], input(n, 3)};
    return done(s, n, &rw, scaled_product(&rw, in, hn_rw_2(&rw, "Mul", q->out[1], n->in[2]), input(n, 4)));
}

/* A, B, a_scale, b_scale, a_zero, b_zero, bias */
static hn_status integer_to_float(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const char *const known[] = {NULL};
    HN_TRY(need(s, n, 4));
    HN_TRY(only(s, n, known));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *in[4] = {n->in[0], n->in[1], input(n, 4), input(n, 5)};
    return done(s, n, &rw, scaled_product(&rw, in, hn_rw_2(&rw, "Mul", n->in[2], n->in[3]), input(n, 6)));
}

/* Same name, inputs and meaning as the standard operator. */
static hn_status same(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    n->domain = "";
    return HN_OK;
}

hn_onnx_conv_fn *hn_onnx_contrib(const char *domain, const char *op)
{
    static const struct {
        const char *op;
        hn_onnx_conv_fn *fn;
    } table[] = {
        {"BiasGelu", any_gelu},
        {"DequantizeLinear", same},
        {"DynamicQuantizeMatMul", dynamic_matmul},
        {"FastGelu", any_gelu},
        {"FusedConv", fused_conv},
        {"FusedGemm", fused_gemm},
        {"FusedMatMul", fused_matmul},
        {"Gelu", any_gelu},
        {"LayerNormalization", layer_norm},
        {"MatMulIntegerToFloat", integer_to_float},
        {"QGemm", q_gemm},
        {"QLinearAdd", q_binary},
        {"QLinearAveragePool", q_unary},
        {"QLinearConcat", q_concat},
        {"QLinearGlobalAveragePool", q_unary},
        {"QLinearLeakyRelu", q_unary},
        {"QLinearMul", q_binary},
        {"QLinearSigmoid", q_unary},
        {"QLinearSoftmax", q_unary},
        {"QuantizeLinear", same},
        {"QuickGelu", quick_gelu},
        {"SimplifiedLayerNormalization", layer_norm},
        {"SkipLayerNormalization", skip_layer_norm},
        {"SkipSimplifiedLayerNormalization", skip_layer_norm},
    };
    if (strcmp(domain, "com.microsoft") != 0) return NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].op, op) == 0) return table[i].fn;
    return NULL;
}
