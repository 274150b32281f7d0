/* DictVectorizer: a map becomes a row with a column for each word of a vocabulary. */
#include "ops/lib_ml.h"

static hn_status words_of(hn_env *env, const hn_node *n, hn_dtype key, hn_ml_labels *l)
{
    HN_TRY(hn_ml_labels_of(env, n, "int64_vocabulary", "string_vocabulary", l));
    if (key != HN_NONE && key != hn_ml_labels_dtype(l))
        return hn_op_fail(env, n, "the vocabulary is %s, the keys are %s", hn_dtype_name(hn_ml_labels_dtype(l)),
                          hn_dtype_name(key));
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_ml_labels l;
    if (c->in[0]->kind != HN_KIND_MAP && c->in[0]->kind != HN_KIND_TENSOR)
        return hn_op_fail(c->env, c->node, "the input is no map");
    HN_TRY(words_of(c->env, c->node, c->in[0]->key, &l));
    c->out[0] = hn_type_tensor(c->in[0]->dtype, 2, (const int64_t[]){1, (int64_t)l.count});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *keys, *values, *y = a->out[0];
    hn_ml_labels l;
    HN_TRY(hn_ml_map(a, a->in[0], &keys, &values));
    HN_TRY(words_of(a->env, a->node, keys->dtype, &l));
    if (values->dtype != y->dtype)
        return hn_op_fail(a->env, a->node, "the map has values of %s where %s are declared",
                          hn_dtype_name(values->dtype), hn_dtype_name(y->dtype));
    hn_tensor words = {.dtype = hn_ml_labels_dtype(&l), .rank = 1, .dims = {(int64_t)l.count}};
    words.data = l.ints ? (void *)l.ints : (void *)l.strings;
    /* The last of equal words counts; keys that are no words are left out. */
    for (size_t i = 0, n = hn_tensor_elems(keys); i < n; i++) {
        size_t k = l.count;
        while (k > 0 && hn_elem_compare(keys, i, &words, k - 1) != 0) k--;
        if (k > 0) hn_elem_copy(y, k - 1, values, i);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    static const hn_str names[] = {{"a", 1}, {"c", 1}, {"b", 1}, {"z", 1}};
    hn_case(c, "example");
    hn_case_strings(c, "string_vocabulary", 4, names);
    hn_case_list(c, HN_KIND_MAP, HN_I64);
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"a", "c"});
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){4, 8});
    hn_case_end(c);
    hn_case_want_i64(c, HN_DIMS(1, 4), (int64_t[]){4, 8, 0, 0});
    hn_case(c, "integer keys, one that is no word");
    hn_case_ints(c, "int64_vocabulary", 3, (int64_t[]){3, 2, 1});
    hn_case_list(c, HN_KIND_MAP, HN_F32);
    hn_case_in_i64(c, HN_DIMS(3), (int64_t[]){1, 7, 3});
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(4, 5, 8));
    hn_case_end(c);
    hn_case_want(c, HN_F32, HN_DIMS(1, 3), HN_VALS(8, 0, 4));
    hn_case(c, "strings");
    hn_case_ints(c, "int64_vocabulary", 2, (int64_t[]){3, 2});
    hn_case_list(c, HN_KIND_MAP, HN_STRING);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){2});
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"x"});
    hn_case_end(c);
    hn_case_want_str(c, HN_DIMS(1, 2), (const char *const[]){"", "x"});
    hn_case(c, "keys of another type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "int64_vocabulary", 2, (int64_t[]){3, 2});
    hn_case_list(c, HN_KIND_MAP, HN_F32);
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"x"});
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(4));
    hn_case_end(c);
    hn_case(c, "no vocabulary");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_list(c, HN_KIND_MAP, HN_F32);
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"x"});
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(4));
    hn_case_end(c);
    return hn_cases_status(c);
}

#define TYPES (HN_T_I64 | HN_BIT(HN_F32) | HN_BIT(HN_F64) | HN_T_STRING)
static const hn_port in[] = {{"X", TYPES | HN_T_MAP, 'T', false}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}};
static const hn_attr_row attrs[] = {
    {"int64_vocabulary", HN_ATTR_INTS, false, NULL, "the words, for integer keys"},
    {"string_vocabulary", HN_ATTR_STRINGS, false, NULL, "the words, for string keys"},
    {0},
};

const hn_op hn_op_ml_dict_vectorizer = {
    .name = "DictVectorizer",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc =
        "y[0, k] = x[vocabulary[k]], zero (or the empty string) where the map has no such key; keys that are no words "
        "are left out. {a: 4, c: 8} with [a, c, b, z]: [[4, 8, 0, 0]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
