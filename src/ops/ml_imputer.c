/* Imputer: elements equal to one value (or NaN) are replaced, feature by feature. */
#include "ops/lib_ml.h"

typedef struct fill {
    bool whole;
    size_t count;
    const int64_t *ints;
    const double *floats;
} fill;

static hn_status read_fill(hn_env *env, const hn_node *n, hn_dtype t, int64_t features, fill *f)
{
    f->whole = t == HN_I32 || t == HN_I64;
    const char *name = f->whole ? "imputed_value_int64s" : "imputed_value_floats";
    f->count = f->whole ? hn_attr_ints(n, name, &f->ints) : hn_attr_floats(n, name, &f->floats);
    if (f->count == 0) return hn_op_fail(env, n, "%s is needed for %s", name, hn_dtype_name(t));
    if (features >= 0 && f->count != 1 && (int64_t)f->count != features)
        return hn_op_fail(env, n, "%s has %zu values for %lld features", name, f->count, (long long)features);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    fill f;
    HN_TRY(read_fill(c->env, c->node, x->dtype, x->rank > 0 ? x->dims[x->rank - 1] : x->rank == 0 ? 1 : -1, &f));
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    size_t n = hn_tensor_elems(x);
    double from = hn_attr_float(a->node, "replaced_value_float", 0);
    int64_t from_int = hn_attr_int(a->node, "replaced_value_int64", 0);
    fill f;
    HN_TRY(read_fill(a->env, a->node, x->dtype, x->rank > 0 ? x->dims[x->rank - 1] : 1, &f));
    for (size_t i = 0; i < n; i++) {
        size_t k = i % f.count;
        if (f.whole) {
            int64_t v = hn_get_i64(x, i);
            hn_set_i64(y, i, v == from_int ? f.ints[k] : v);
        } else {
            double v = hn_get_f64(x, i);
            hn_set_f64(y, i, v == from || (from != from && v != v) ? f.floats[k] : v);
        }
    }
    return HN_OK;
}

/* What was replaced depends on nothing. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0];
    double from = hn_attr_float(g->node, "replaced_value_float", 0);
    if (hn_g_skips(g, 0) || !g->dy[0]) return HN_OK;
    hn_value *gone = from != from ? hn_rw_1(rw, "IsNaN", x) : hn_rw_2(rw, "Equal", x, hn_g_scalar(rw, x, from));
    g->dx[0] = hn_g_where(rw, hn_rw_1(rw, "Not", gone), g->dy[0]);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_floats(c, "imputed_value_floats", 2, HN_VALS(9, 8));
    hn_case_float(c, "replaced_value_float", NAN);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, NAN, NAN, 3));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 8, 9, 3));
    hn_case(c, "one value for all");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_floats(c, "imputed_value_floats", 1, HN_VALS(-1));
    hn_case_float(c, "replaced_value_float", 100);
    hn_case_in(c, HN_F64, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F64, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case(c, "zero in a float");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_floats(c, "imputed_value_floats", 1, HN_VALS(-1));
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0, 2, NAN));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(-1, 2, NAN));
    hn_case(c, "integers");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_ints(c, "imputed_value_int64s", 2, (int64_t[]){7, 8});
    hn_case_int(c, "replaced_value_int64", -1);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){-1, 2, 3, -1});
    hn_case_want_i64(c, HN_DIMS(2, 2), (int64_t[]){7, 2, 3, 8});
    hn_case(c, "empty");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_floats(c, "imputed_value_floats", 3, HN_VALS(1, 2, 3));
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -1, 1);
    hn_case(c, "values of the other kind");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "imputed_value_int64s", 1, (int64_t[]){7});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -1, 1);
    hn_case(c, "two values for three features");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_floats(c, "imputed_value_floats", 2, HN_VALS(1, 2));
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_ML, 'T', false}};
static const hn_attr_row attrs[] = {
    {"imputed_value_floats", HN_ATTR_FLOATS, false, NULL, "for f32 and f64: one value, or one per feature"},
    {"imputed_value_int64s", HN_ATTR_INTS, false, NULL, "for i32 and i64: one value, or one per feature"},
    {"replaced_value_float", HN_ATTR_FLOAT, false, "0", "for f32 and f64: what to replace, may be NaN"},
    {"replaced_value_int64", HN_ATTR_INT, false, "0", "for i32 and i64: what to replace"},
    {0},
};

const hn_op hn_op_ml_imputer = {
    .name = "Imputer",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc =
        "y[..., f] = x[..., f] is the replaced value ? imputed[f] : x[..., f]. [[1, NaN], [NaN, 3]], NaN replaced by "
        "[9, 8]: [[1, 8], [9, 3]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "",
};
