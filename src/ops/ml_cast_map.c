/* CastMap: the values of a map as a row, in the order of its keys or at the places that they name. */
#include "ops/lib_cast.h"
#include "ops/lib_ml.h"

static hn_status read_attrs(hn_env *env, const hn_node *n, hn_dtype *to, bool *sparse, int64_t *width)
{
    *to = hn_attr_is(n, "cast_to", "TO_FLOAT")    ? HN_F32
          : hn_attr_is(n, "cast_to", "TO_INT64")  ? HN_I64
          : hn_attr_is(n, "cast_to", "TO_STRING") ? HN_STRING
                                                  : HN_NONE;
    *sparse = hn_attr_is(n, "map_form", "SPARSE");
    *width = *sparse ? hn_attr_int(n, "max_map", 1) : -1;
    if (*to == HN_NONE) return hn_op_fail(env, n, "cast_to is none of TO_FLOAT, TO_STRING, TO_INT64");
    if (!*sparse && !hn_attr_is(n, "map_form", "DENSE"))
        return hn_op_fail(env, n, "map_form is neither DENSE nor SPARSE");
    if (*sparse && *width < 1) return hn_op_fail(env, n, "max_map is %lld", (long long)*width);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_dtype to;
    bool sparse;
    int64_t width;
    HN_TRY(read_attrs(c->env, c->node, &to, &sparse, &width));
    if (!sparse && c->data[0] && c->data[0]->dtype == HN_MAP && hn_tensor_elems(c->data[0]) == 2)
        width = (int64_t)hn_tensor_elems(hn_tensor_item(c->data[0], 0));
    c->out[0] = hn_type_tensor(to, 2, (const int64_t[]){1, width});
    return HN_OK;
}

/* The values in the type of the output. */
static hn_status converted(const hn_refargs *a, const hn_tensor *values, hn_dtype to, hn_tensor *out)
{
    size_t n = hn_tensor_elems(values);
    HN_TRY(hn_tensor_init(a->env, a->scratch, out, to, 1, (const int64_t[]){(int64_t)n}));
    if (values->dtype == to) {
        hn_elems_copy(out, 0, values, 0, n);
    } else if (to == HN_STRING) {
        for (size_t i = 0; i < n; i++) {
            const char *text = hn_arena_printf(a->env, a->scratch, "%f", hn_get_f64(values, i));
            if (!text) return a->env->error.status;
            ((hn_str *)out->data)[i] = (hn_str){text, strlen(text)};
        }
    } else {
        return hn_cast_tensor(a, values, out);
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *keys, *values, *y = a->out[0];
    hn_dtype to;
    bool sparse;
    int64_t width;
    hn_tensor v;
    HN_TRY(read_attrs(a->env, a->node, &to, &sparse, &width));
    HN_TRY(hn_ml_map(a, a->in[0], &keys, &values));
    HN_TRY(converted(a, values, to, &v));
    size_t n = hn_tensor_elems(keys);
    if (keys->dtype != HN_I64) return hn_op_fail(a->env, a->node, "keys must be integers");
    for (size_t i = 0; sparse && to == HN_STRING && i < (size_t)width; i++)
        ((hn_str *)y->data)[i] = (hn_str){"0.000000", 8};
    for (size_t i = 0; i < n; i++) {
        int64_t at = hn_get_i64(keys, i);
        if (sparse && (at < 0 || at >= width))
            return hn_op_fail(a->env, a->node, "the key %lld is outside of max_map %lld", (long long)at,
                              (long long)width);
        if (!sparse) {
            at = 0;
            for (size_t k = 0; k < n; k++) at += hn_elem_compare(keys, k, keys, i) < 0;
        }
        hn_elem_copy(y, (size_t)at, &v, i);
    }
    return HN_OK;
}

static void map(hn_cases *c, const char *name)
{
    hn_case(c, name);
    hn_case_list(c, HN_KIND_MAP, HN_F32);
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){5, 1});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1.5, -2.75));
    hn_case_end(c);
}

static hn_status cases(hn_cases *c)
{
    map(c, "example");
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(-2.75, 1.5));
    map(c, "sparse, to integers");
    hn_case_string(c, "map_form", "SPARSE");
    hn_case_string(c, "cast_to", "TO_INT64");
    hn_case_int(c, "max_map", 6);
    hn_case_want_i64(c, HN_DIMS(1, 6), (int64_t[]){0, -2, 0, 0, 0, 1});
    map(c, "to strings");
    hn_case_string(c, "cast_to", "TO_STRING");
    hn_case_want_str(c, HN_DIMS(1, 2), (const char *const[]){"-2.750000", "1.500000"});
    hn_case(c, "from strings");
    hn_case_list(c, HN_KIND_MAP, HN_STRING);
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){5, 1});
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"1.5", "-2"});
    hn_case_end(c);
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(-2, 1.5));
    map(c, "a key outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "map_form", "SPARSE");
    hn_case_int(c, "max_map", 5);
    map(c, "no such type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "cast_to", "TO_BOOL");
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_BIT(HN_F32) | HN_T_STRING | HN_T_MAP, 0, false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32) | HN_T_I64 | HN_T_STRING, 0, false}};
static const hn_attr_row attrs[] = {
    {"cast_to", HN_ATTR_STRING, false, "TO_FLOAT", "TO_FLOAT, TO_STRING or TO_INT64"},
    {"map_form", HN_ATTR_STRING, false, "DENSE", "DENSE: one column per entry; SPARSE: the key is the column"},
    {"max_map", HN_ATTR_INT, false, "1", "SPARSE: number of columns"},
    {0},
};

const hn_op hn_op_ml_cast_map = {
    .name = "CastMap",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "y = the values of x in the order of their keys, or (SPARSE) y[0, key] = x[key] and zero else, as cast_to "
           "says. "
           "{5: 1.5, 1: -2.75}: [[-2.75, 1.5]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
