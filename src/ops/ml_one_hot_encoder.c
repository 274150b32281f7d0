/* OneHotEncoder: a category becomes a row of zeros with a one at its place. */
#include "ops/lib_ml.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_ml_labels cats;
    HN_TRY(hn_ml_labels_of(c->env, c->node, "cats_int64s", "cats_strings", &cats));
    if (x->dtype != HN_NONE && (x->dtype == HN_STRING) != (cats.strings != NULL))
        return hn_op_fail(c->env, c->node, "categories are %s, the input is %s", cats.strings ? "strings" : "integers",
                          hn_dtype_name(x->dtype));
    if (x->rank >= HN_MAX_RANK) return hn_op_unsupported(c->env, c->node, "more than %d axes", HN_MAX_RANK);
    c->out[0] = *x;
    c->out[0].dtype = HN_F32;
    if (x->rank < 0) return HN_OK;
    c->out[0].dims[c->out[0].rank++] = (int64_t)cats.count;
    return HN_OK;
}

static bool same(hn_str a, hn_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The last of equal categories; their number when there is none. */
static size_t place(const hn_ml_labels *cats, const hn_tensor *x, size_t i)
{
    int64_t v = cats->ints ? hn_get_i64(x, i) : 0;
    for (size_t k = cats->count; k-- > 0;) {
        if (cats->ints ? cats->ints[k] == v : same(cats->strings[k], ((const hn_str *)x->data)[i])) return k;
    }
    return cats->count;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    bool zeros = hn_attr_int(a->node, "zeros", 1) != 0;
    hn_ml_labels cats;
    HN_TRY(hn_ml_labels_of(a->env, a->node, "cats_int64s", "cats_strings", &cats));
    for (size_t i = 0, n = hn_tensor_elems(x); i < n; i++) {
        size_t k = place(&cats, x, i);
        if (k < cats.count)
            hn_set_f64(a->out[0], i * cats.count + k, 1);
        else if (!zeros)
            return hn_op_fail(a->env, a->node, "element %zu is of no category, and zeros is 0", i);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    static const hn_str names[] = {{"a", 1}, {"bc", 2}};
    hn_case(c, "example");
    hn_case_ints(c, "cats_int64s", 3, (int64_t[]){1, 2, 4});
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_I64, HN_DIMS(2), HN_VALS(4, 3));
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(0, 0, 1, 0, 0, 0));
    hn_case(c, "floats lose their fraction");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_ints(c, "cats_int64s", 2, (int64_t[]){1, 2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1.7, 2));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(1, 0, 0, 1));
    hn_case(c, "strings");
    hn_case_strings(c, "cats_strings", 2, names);
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"bc", "b", "a"});
    hn_case_want(c, HN_F32, HN_DIMS(3, 2), HN_VALS(0, 1, 0, 0, 1, 0));
    hn_case(c, "empty");
    hn_case_ints(c, "cats_int64s", 2, (int64_t[]){1, 2});
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_I64, HN_DIMS(0), NULL);
    hn_case(c, "no category");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "zeros", 0);
    hn_case_ints(c, "cats_int64s", 2, (int64_t[]){1, 2});
    hn_case_in(c, HN_I64, HN_DIMS(1), HN_VALS(5));
    hn_case(c, "no list");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_I64, HN_DIMS(1), HN_VALS(5));
    hn_case(c, "list of the other kind");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "cats_strings", 2, names);
    hn_case_in(c, HN_I64, HN_DIMS(1), HN_VALS(5));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML | HN_T_STRING, 0, false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"cats_int64s", HN_ATTR_INTS, false, NULL, "categories of numbers"},
    {"cats_strings", HN_ATTR_STRINGS, false, NULL, "categories of strings"},
    {"zeros", HN_ATTR_INT, false, "1", "0: an element of no category is an error"},
    {0},
};

const hn_op hn_op_ml_one_hot_encoder = {
    .name = "OneHotEncoder",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "y[..., k] = 1 when x is category k, else 0; floats are truncated first. [4, 3] with categories [1, 2, 4]: "
           "[[0, 0, 1], [0, 0, 0]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
