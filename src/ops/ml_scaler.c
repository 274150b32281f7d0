/* Scaler: minus an offset, times a factor, feature by feature. */
#include "ops/lib_ml.h"

static hn_status lists(hn_env *env, const hn_node *n, const hn_type *x, const double *v[2], size_t count[2])
{
    static const char *const names[] = {"offset", "scale"};
    int64_t features = x->rank > 0 ? x->dims[x->rank - 1] : x->rank == 0 ? 1 : -1;
    for (int k = 0; k < 2; k++) {
        HN_TRY(hn_ml_floats(env, n, names[k], 0, &v[k], &count[k]));
        if (count[k] > 1 && features >= 0 && (int64_t)count[k] != features)
            return hn_op_fail(env, n, "%s has %zu numbers for %lld features", names[k], count[k], (long long)features);
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const double *v[2];
    size_t count[2];
    HN_TRY(lists(c->env, c->node, c->in[0], v, count));
    c->out[0] = *c->in[0];
    c->out[0].dtype = HN_F32;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    hn_type t = hn_type_tensor(x->dtype, x->rank, x->dims);
    const double *v[2];
    size_t count[2], n = hn_tensor_elems(x);
    HN_TRY(lists(a->env, a->node, &t, v, count));
    for (size_t i = 0; i < n; i++) {
        double y = hn_get_f64(x, i);
        if (count[0]) y -= v[0][i % count[0]];
        if (count[1]) y *= v[1][i % count[1]];
        hn_set_f64(a->out[0], i, y);
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *x = n->in[0];
    const double *v[2];
    size_t count[2];
    HN_TRY(lists(rw->graph->env, n, &x->type, v, count));
    hn_dtype t = x->type.dtype == HN_F32 ? HN_F32 : HN_F64;
    hn_value *y = hn_rw_op(rw, "Cast", 1, &x, (const hn_rw_attr[]){HN_A_INT("to", t), {0}});
    for (int k = 0; k < 2; k++) {
        hn_tensor *list;
        if (!count[k]) continue;
        hn_value *c = hn_rw_const_new(rw, t, 1, (int64_t[]){(int64_t)count[k]}, &list);
        for (size_t i = 0; c && i < count[k]; i++) hn_set_f64(list, i, v[k][i]);
        if (c && x->type.rank == 0) c = hn_rw_reshape(rw, c, 0, NULL);
        y = hn_rw_2(rw, k == 0 ? "Sub" : "Mul", y, c);
    }
    out[0] = hn_rw_op(rw, "Cast", 1, &y, (const hn_rw_attr[]){HN_A_INT("to", HN_F32), {0}});
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 2);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_floats(c, "offset", 2, HN_VALS(1, 2));
    hn_case_floats(c, "scale", 2, HN_VALS(10, 0.5));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0, 0, 20, 1));
    hn_case(c, "one number for all");
    hn_case_floats(c, "offset", 1, HN_VALS(0.5));
    hn_case_floats(c, "scale", 1, HN_VALS(3));
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -4, 4);
    hn_case(c, "scale alone");
    hn_case_floats(c, "scale", 3, HN_VALS(1, -2, 3));
    hn_case_rand(c, HN_F32, HN_DIMS(3), -4, 4);
    hn_case(c, "empty");
    hn_case_floats(c, "offset", 1, HN_VALS(0.5));
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -4, 4);
    hn_case(c, "too few");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_floats(c, "scale", 2, HN_VALS(1, 2));
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -4, 4);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 'T', false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"offset", HN_ATTR_FLOATS, false, NULL, "one number, or one per feature (last axis); default 0"},
    {"scale", HN_ATTR_FLOATS, false, NULL, "one number, or one per feature (last axis); default 1"},
    {0},
};

const hn_op hn_op_ml_scaler = {
    .name = "Scaler",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "y = (x - offset) * scale per feature, as f32. [[1, 2], [3, 4]], offset [1, 2], scale [10, 0.5]: [[0, 0], "
           "[20, 1]].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .cost = cost,
    .decompose = decompose,
    .shard = hn_shard_rows,
    .cases = cases,
    .quant = "",
};
