/* Constant: a tensor written in the node. The importer turns it into a constant value; the row serves graphs built
 * otherwise. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_attr *a = c->node->attrs;
    hn_type *y = &c->out[0];
    if (!a || a->next) return hn_op_fail(c->env, c->node, "exactly one attribute must be given");
    switch (a->kind) {
    case HN_ATTR_TENSOR: *y = hn_type_tensor(a->u.tensor->dtype, a->u.tensor->rank, a->u.tensor->dims); return HN_OK;
    case HN_ATTR_INT: *y = hn_type_tensor(HN_I64, 0, NULL); return HN_OK;
    case HN_ATTR_FLOAT: *y = hn_type_tensor(HN_F32, 0, NULL); return HN_OK;
    case HN_ATTR_STRING: *y = hn_type_tensor(HN_STRING, 0, NULL); return HN_OK;
    case HN_ATTR_INTS: *y = hn_type_tensor(HN_I64, 1, (int64_t[]){(int64_t)a->count}); return HN_OK;
    case HN_ATTR_FLOATS: *y = hn_type_tensor(HN_F32, 1, (int64_t[]){(int64_t)a->count}); return HN_OK;
    case HN_ATTR_STRINGS: *y = hn_type_tensor(HN_STRING, 1, (int64_t[]){(int64_t)a->count}); return HN_OK;
    default: return hn_op_unsupported(c->env, c->node, "attribute %s holds no tensor", a->name);
    }
}

static hn_status ref(const hn_refargs *a)
{
    const hn_attr *at = a->node->attrs;
    const hn_tensor *y = a->out[0];
    for (size_t i = 0; i < at->count; i++) {
        switch (at->kind) {
        case HN_ATTR_TENSOR: hn_elems_copy(y, 0, at->u.tensor, 0, hn_tensor_elems(y)); break;
        case HN_ATTR_INT: hn_set_i64(y, 0, at->u.i); break;
        case HN_ATTR_FLOAT: hn_set_f64(y, 0, at->u.f); break;
        case HN_ATTR_STRING: *(hn_str *)y->data = at->u.s; break;
        case HN_ATTR_INTS: hn_set_i64(y, i, at->u.ints[i]); break;
        case HN_ATTR_FLOATS: hn_set_f64(y, i, at->u.floats[i]); break;
        case HN_ATTR_STRINGS: ((hn_str *)y->data)[i] = at->u.strings[i]; break;
        default: break;
        }
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "value_ints", 2, (int64_t[]){1, 2});
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(1, 2));
    hn_case(c, "tensor");
    hn_case_tensor(c, "value", HN_F32, HN_DIMS(1, 2), HN_VALS(0.5, -3));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(0.5, -3));
    hn_case(c, "float");
    hn_case_float(c, "value_float", 2.5);
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(2.5));
    hn_case(c, "empty");
    hn_case_tensor(c, "value", HN_F32, HN_DIMS(0), NULL);
    hn_case(c, "nothing given");
    hn_case_flag(c, HN_CASE_FAILS);
    return hn_cases_status(c);
}

static const hn_port out[] = {{"output", HN_T_ALL, 0, false}};
static const hn_attr_row attrs[] = {
    {"value", HN_ATTR_TENSOR, false, NULL, "any tensor"},
    {"value_int", HN_ATTR_INT, false, NULL, "i64 scalar"},
    {"value_ints", HN_ATTR_INTS, false, NULL, "i64 list"},
    {"value_float", HN_ATTR_FLOAT, false, NULL, "f32 scalar"},
    {"value_floats", HN_ATTR_FLOATS, false, NULL, "f32 list"},
    {"value_string", HN_ATTR_STRING, false, NULL, "string scalar"},
    {"value_strings", HN_ATTR_STRINGS, false, NULL, "list of strings"},
    {0},
};
const hn_op hn_op_constant = {
    .name = "Constant",
    .domain = "",
    .since = 25,
    .doc = "y = the one attribute that is given. Constant(value_ints [1, 2]) = [1, 2].",
    .out = out,
    .nout = 1,
    .nout_min = 1,
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
