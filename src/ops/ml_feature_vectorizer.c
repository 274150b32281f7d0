/* FeatureVectorizer: tables side by side, each cut or filled with zeros to its stated width. */
#include "ops/lib_ml.h"

static hn_status infer(hn_infer *c)
{
    const int64_t *widths;
    size_t n = hn_attr_ints(c->node, "inputdimensions", &widths);
    hn_type *y = &c->out[0];
    *y = hn_type_tensor(HN_F32, 2, (const int64_t[]){-1, 0});
    if (n != 0 && n != c->nin) return hn_op_fail(c->env, c->node, "%zu inputs, but inputdimensions has %zu", c->nin, n);
    for (size_t i = 0; i < c->nin; i++) {
        const hn_type *x = c->in[i];
        int64_t rows = x->rank == 2 ? x->dims[0] : x->rank == 1 ? 1 : -1;
        if (x->rank == 0 || x->rank > 2)
            return hn_op_fail(c->env, c->node, "input %zu has %d axes, 1 or 2 needed", i, x->rank);
        if (n != 0 && widths[i] < 0) return hn_op_fail(c->env, c->node, "a width of %lld", (long long)widths[i]);
        HN_TRY(hn_nn_same_dim(c->env, c->node, "rows", y->dims[0], rows, &y->dims[0]));
        y->dims[1] = hn_dim_add(y->dims[1], n != 0 ? widths[i] : x->rank < 0 ? -1 : x->dims[x->rank - 1]);
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const int64_t *widths;
    size_t n = hn_attr_ints(a->node, "inputdimensions", &widths), at = 0;
    const hn_tensor *y = a->out[0];
    size_t rows = (size_t)y->dims[0], all = (size_t)y->dims[1];
    for (size_t i = 0; i < a->nin; i++) {
        const hn_tensor *x = a->in[i];
        size_t has = (size_t)x->dims[x->rank - 1], width = n != 0 ? (size_t)widths[i] : has;
        for (size_t r = 0; r < rows; r++)
            for (size_t k = 0; k < hn_min_size(has, width); k++)
                hn_set_f64(y, r * all + at + k, hn_get_f64(x, r * has + k));
        at += width;
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    const int64_t *widths;
    size_t count = hn_attr_ints(n, "inputdimensions", &widths);
    int64_t at = 0;
    for (size_t i = 0; g->dy[0] && i < n->nin; i++) {
        const hn_type *x = &n->in[i]->type;
        int64_t has = x->dims[x->rank - 1], width = count ? widths[i] : has, used = width < has ? width : has;
        if (!hn_g_skips(g, i)) {
            hn_value *in[] = {g->dy[0], hn_rw_ints(rw, (int64_t[]){at}, 1), hn_rw_ints(rw, (int64_t[]){at + used}, 1),
                              hn_rw_ints(rw, (int64_t[]){1}, 1)};
            hn_value *part = hn_rw_op(rw, "Slice", 4, in, NULL);
            if (used < has) part = hn_rw_2(rw, "Pad", part, hn_rw_ints(rw, (int64_t[]){0, 0, 0, has - used}, 4));
            part = hn_rw_op(rw, "Cast", 1, &part, (const hn_rw_attr[]){HN_A_INT("to", x->dtype), {0}});
            g->dx[i] = hn_g_like(rw, part, n->in[i]);
        }
        at += width;
    }
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "inputdimensions", 2, (int64_t[]){2, 1});
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(5, 6));
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 2, 5, 3, 4, 6));
    hn_case(c, "one cut, one filled");
    hn_case_ints(c, "inputdimensions", 2, (int64_t[]){1, 3});
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(5, 6));
    hn_case_want(c, HN_F32, HN_DIMS(2, 4), HN_VALS(1, 5, 0, 0, 3, 6, 0, 0));
    hn_case(c, "vectors");
    hn_case_ints(c, "inputdimensions", 2, (int64_t[]){2, 3});
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(4, 5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 5), HN_VALS(1, 2, 4, 5, 0));
    hn_case(c, "widths of the inputs, no rows");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    hn_case(c, "rows differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 'T', false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"inputdimensions", HN_ATTR_INTS, false, NULL, "width that each input takes; default: its own"}, {0}};

const hn_op hn_op_ml_feature_vectorizer = {
    .name = "FeatureVectorizer",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "Inputs [N, C_i] side by side as f32, each cut or zero-filled to inputdimensions[i]; a vector is one row. "
           "[[1, 2], [3, 4]] and [[5], [6]] with [2, 1]: [[1, 2, 5], [3, 4, 6]].",
    .flags = HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "",
};
