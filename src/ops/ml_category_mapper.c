/* CategoryMapper: strings to integers or back, by two lists of equal length. */
#include "ops/lib_ml.h"

static hn_status lists(hn_env *env, const hn_node *n, const int64_t **ints, const hn_str **strings, size_t *count)
{
    *count = hn_attr_ints(n, "cats_int64s", ints);
    size_t ns = hn_ml_strings(n, "cats_strings", strings);
    if (*count == ns) return HN_OK;
    return hn_op_fail(env, n, "cats_int64s has %zu entries, cats_strings %zu", *count, ns);
}

static hn_status infer(hn_infer *c)
{
    const int64_t *ints;
    const hn_str *strings;
    size_t count;
    HN_TRY(lists(c->env, c->node, &ints, &strings, &count));
    c->out[0] = *c->in[0];
    c->out[0].dtype = c->in[0]->dtype == HN_NONE ? HN_NONE : c->in[0]->dtype == HN_STRING ? HN_I64 : HN_STRING;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    const int64_t *ints;
    const hn_str *strings;
    size_t count;
    HN_TRY(lists(a->env, a->node, &ints, &strings, &count));
    for (size_t i = 0, n = hn_tensor_elems(x); i < n; i++) {
        size_t k = 0;
        if (x->dtype == HN_STRING) {
            hn_str s = ((const hn_str *)x->data)[i];
            while (k < count && (strings[k].size != s.size || (s.size && memcmp(strings[k].data, s.data, s.size) != 0)))
                k++;
            hn_set_i64(y, i, k < count ? ints[k] : hn_attr_int(a->node, "default_int64", -1));
        } else {
            int64_t v = hn_get_i64(x, i);
            while (k < count && ints[k] != v) k++;
            ((hn_str *)y->data)[i] = k < count ? strings[k] : hn_attr_string(a->node, "default_string", "_Unused");
        }
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    static const hn_str names[] = {{"red", 3}, {"blue", 4}};
    hn_case(c, "example");
    hn_case_ints(c, "cats_int64s", 2, (int64_t[]){10, 20});
    hn_case_strings(c, "cats_strings", 2, names);
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"blue", "green", "red"});
    hn_case_want_i64(c, HN_DIMS(3), (int64_t[]){20, -1, 10});
    hn_case(c, "integers to strings");
    hn_case_ints(c, "cats_int64s", 2, (int64_t[]){10, 20});
    hn_case_strings(c, "cats_strings", 2, names);
    hn_case_string(c, "default_string", "?");
    hn_case_in_i64(c, HN_DIMS(1, 3), (int64_t[]){20, 30, 10});
    hn_case_want_str(c, HN_DIMS(1, 3), (const char *const[]){"blue", "?", "red"});
    hn_case(c, "empty");
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case(c, "lengths differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "cats_strings", 2, names);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_STRING | HN_T_I64, 0, false}};
static const hn_port out[] = {{"Y", HN_T_STRING | HN_T_I64, 0, false}};
static const hn_attr_row attrs[] = {
    {"cats_int64s", HN_ATTR_INTS, false, NULL, "the integers of the table"},
    {"cats_strings", HN_ATTR_STRINGS, false, NULL, "the strings of the table, in the same order"},
    {"default_int64", HN_ATTR_INT, false, "-1", "for strings that are not listed"},
    {"default_string", HN_ATTR_STRING, false, "_Unused", "for integers that are not listed"},
    {0},
};

const hn_op hn_op_ml_category_mapper = {
    .name = "CategoryMapper",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "Strings become cats_int64s[k] where cats_strings[k] equals them, integers the other way; else the default. "
           "[blue, green, red] with [red, blue] and [10, 20]: [20, -1, 10].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
