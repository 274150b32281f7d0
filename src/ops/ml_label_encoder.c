/* LabelEncoder: a table from keys to values, applied to every element. */
#include "ops/lib_ml.h"

typedef struct table {
    hn_tensor keys, values, otherwise; /* otherwise: one element */
    size_t count;
    int64_t whole; /* what otherwise points to */
    double real;
    hn_str text;
} table;

/* A view on the list attribute <stem>_<kind> that is given; *dtype is what the elements stand for. Float lists are kept
 * as doubles, so that they are compared and written as such. */
static hn_status list_of(hn_env *env, const hn_node *n, const char *const names[4], hn_tensor *t, hn_dtype *dtype)
{
    size_t found = 0;
    for (int k = 0; k < 4; k++) {
        const hn_attr *a = hn_node_attr(n, names[k]);
        if (!a || (a->kind != HN_ATTR_TENSOR && a->count == 0)) continue;
        int64_t dims[] = {(int64_t)a->count};
        found++;
        *t = (hn_tensor){.rank = 1, .dims = {dims[0]}};
        switch (a->kind) {
        case HN_ATTR_INTS:
            t->dtype = *dtype = HN_I64;
            t->data = (void *)a->u.ints;
            break;
        case HN_ATTR_FLOATS:
            t->dtype = HN_F64;
            *dtype = HN_F32;
            t->data = (void *)a->u.floats;
            break;
        case HN_ATTR_STRINGS:
            t->dtype = *dtype = HN_STRING;
            t->data = (void *)a->u.strings;
            break;
        default:
            *t = *a->u.tensor;
            *dtype = t->dtype;
            break;
        }
    }
    if (found == 1) return HN_OK;
    return hn_op_fail(env, n, "exactly one of %s, %s, %s, %s must be given", names[0], names[1], names[2], names[3]);
}

static const char *const KEYS[] = {"keys_int64s", "keys_floats", "keys_strings", "keys_tensor"};
static const char *const VALUES[] = {"values_int64s", "values_floats", "values_strings", "values_tensor"};

static hn_status set_otherwise(hn_env *env, const hn_node *n, table *t, hn_dtype to)
{
    const hn_attr *given = hn_node_attr(n, "default_tensor");
    t->otherwise = (hn_tensor){.rank = 0};
    if (given) {
        t->otherwise = *given->u.tensor;
        if (t->otherwise.dtype != to || hn_tensor_elems(&t->otherwise) != 1)
            return hn_op_fail(env, n, "default_tensor must be one %s", hn_dtype_name(to));
    } else if (to == HN_STRING) {
        t->text = hn_attr_string(n, "default_string", "_Unused");
        t->otherwise.dtype = HN_STRING;
        t->otherwise.data = &t->text;
    } else if (hn_dtype_is_int(to)) {
        t->whole = hn_attr_int(n, "default_int64", -1);
        t->otherwise.dtype = HN_I64;
        t->otherwise.data = &t->whole;
    } else {
        t->real = hn_attr_float(n, "default_float", -0.0);
        t->otherwise.dtype = HN_F64;
        t->otherwise.data = &t->real;
    }
    return HN_OK;
}

static hn_status read_table(hn_env *env, const hn_node *n, table *t, hn_dtype *from, hn_dtype *to)
{
    HN_TRY(list_of(env, n, KEYS, &t->keys, from));
    HN_TRY(list_of(env, n, VALUES, &t->values, to));
    t->count = hn_tensor_elems(&t->keys);
    if (hn_tensor_elems(&t->values) != t->count)
        return hn_op_fail(env, n, "%zu keys, %zu values", t->count, hn_tensor_elems(&t->values));
    if (!(n->op->out[0].types & HN_BIT(*to))) return hn_op_unsupported(env, n, "values of %s", hn_dtype_name(*to));
    return set_otherwise(env, n, t, *to);
}

static hn_status infer(hn_infer *c)
{
    hn_dtype from, to;
    table t;
    HN_TRY(read_table(c->env, c->node, &t, &from, &to));
    if (c->in[0]->dtype != HN_NONE && c->in[0]->dtype != from)
        return hn_op_fail(c->env, c->node, "keys are %s, the input is %s", hn_dtype_name(from),
                          hn_dtype_name(c->in[0]->dtype));
    c->out[0] = *c->in[0];
    c->out[0].dtype = to;
    return HN_OK;
}

static bool goes_before(const hn_tensor *keys, size_t i, size_t j)
{
    int r = hn_elem_compare(keys, i, keys, j);
    return r < 0 || (r == 0 && i < j);
}

/* Bottom-up merge sort of positions: equal keys stay in order, so that the last of them is found. */
static const size_t *sorted(const hn_refargs *a, const hn_tensor *keys, size_t n)
{
    size_t *v = hn_arena_array(a->env, a->scratch, n + 1, sizeof *v);
    size_t *w = hn_arena_array(a->env, a->scratch, n + 1, sizeof *w);
    if (!v || !w) return NULL;
    for (size_t i = 0; i < n; i++) v[i] = i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t i = at, mid = hn_min_size(at + width, n), j = mid, end = hn_min_size(at + 2 * width, n);
            for (size_t k = at; k < end; k++)
                w[k] = i < mid && (j == end || goes_before(keys, v[i], v[j])) ? v[i++] : v[j++];
        }
        size_t *swap = v;
        v = w;
        w = swap;
    }
    return v;
}

/* The value is moved through f64 or i64, whichever holds it. */
static void put(const hn_tensor *y, size_t i, const hn_tensor *from, size_t j)
{
    if (y->dtype == from->dtype)
        hn_elem_copy(y, i, from, j);
    else if (hn_dtype_is_int(y->dtype))
        hn_set_i64(y, i, hn_get_i64(from, j));
    else
        hn_set_f64(y, i, hn_get_f64(from, j));
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    hn_dtype from, to;
    table t;
    HN_TRY(read_table(a->env, a->node, &t, &from, &to));
    const size_t *order = sorted(a, &t.keys, t.count);
    if (!order) return a->env->error.status;
    for (size_t i = 0, n = hn_tensor_elems(x); i < n; i++) {
        size_t low = 0, high = t.count; /* high: the first key above x */
        while (low < high) {
            size_t mid = (low + high) / 2;
            if (hn_elem_compare(&t.keys, order[mid], x, i) > 0)
                high = mid;
            else
                low = mid + 1;
        }
        bool hit = high > 0 && hn_elem_compare(&t.keys, order[high - 1], x, i) == 0;
        put(a->out[0], i, hit ? &t.values : &t.otherwise, hit ? order[high - 1] : 0);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    static const hn_str names[] = {{"Amy", 3}, {"Sally", 5}};
    const char *const input[] = {"Dori", "Amy", "Amy", "Sally", "Sally"};
    hn_case(c, "example");
    hn_case_strings(c, "keys_strings", 2, names);
    hn_case_ints(c, "values_int64s", 2, (int64_t[]){5, 6});
    hn_case_in_str(c, HN_DIMS(5), input);
    hn_case_want_i64(c, HN_DIMS(5), (int64_t[]){-1, 5, 5, 6, 6});
    hn_case(c, "integers to strings, default");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_ints(c, "keys_int64s", 2, (int64_t[]){7, -3});
    hn_case_strings(c, "values_strings", 2, names);
    hn_case_in_i64(c, HN_DIMS(1, 3), (int64_t[]){-3, 0, 7});
    hn_case_want_str(c, HN_DIMS(1, 3), (const char *const[]){"Sally", "_Unused", "Amy"});
    hn_case(c, "floats to floats, NaN is a key, the last of equal keys counts");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_floats(c, "keys_floats", 4, HN_VALS(NAN, 0.5, 2, 0.5));
    hn_case_floats(c, "values_floats", 4, HN_VALS(10, 20, 30, 40));
    hn_case_float(c, "default_float", 9);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(NAN, 0.5, 1, 2));
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(10, 40, 9, 30));
    hn_case(c, "tensors");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_tensor(c, "keys_tensor", HN_F64, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_tensor(c, "values_tensor", HN_I16, HN_DIMS(2), HN_VALS(100, 200));
    hn_case_tensor(c, "default_tensor", HN_I16, HN_DIMS(1), HN_VALS(-7));
    hn_case_in(c, HN_F64, HN_DIMS(3), HN_VALS(2, 3, 1));
    hn_case_want(c, HN_I16, HN_DIMS(3), HN_VALS(200, -7, 100));
    hn_case(c, "tensor of values, default absent, empty");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_ints(c, "keys_int64s", 2, (int64_t[]){1, 2});
    hn_case_tensor(c, "values_tensor", HN_F64, HN_DIMS(2), HN_VALS(0.5, 1.5));
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case(c, "lengths differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "keys_int64s", 2, (int64_t[]){1, 2});
    hn_case_ints(c, "values_int64s", 3, (int64_t[]){1, 2, 3});
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case(c, "keys of another type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "keys_strings", 2, names);
    hn_case_ints(c, "values_int64s", 2, (int64_t[]){5, 6});
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case(c, "no values");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "keys_strings", 2, names);
    hn_case_in_str(c, HN_DIMS(5), input);
    return hn_cases_status(c);
}

#define TYPES (HN_T_STRING | HN_T_ML | HN_BIT(HN_I16))
static const hn_port in[] = {{"X", TYPES, 0, false}};
static const hn_port out[] = {{"Y", TYPES, 0, false}};
static const hn_attr_row attrs[] = {
    {"default_float", HN_ATTR_FLOAT, false, "-0.0", "for keys that are not listed"},
    {"default_int64", HN_ATTR_INT, false, "-1", "for keys that are not listed"},
    {"default_string", HN_ATTR_STRING, false, "_Unused", "for keys that are not listed"},
    {"default_tensor", HN_ATTR_TENSOR, false, NULL, "for keys that are not listed: one element"},
    {"keys_floats", HN_ATTR_FLOATS, false, NULL, "keys, f32"},
    {"keys_int64s", HN_ATTR_INTS, false, NULL, "keys, i64"},
    {"keys_strings", HN_ATTR_STRINGS, false, NULL, "keys"},
    {"keys_tensor", HN_ATTR_TENSOR, false, NULL, "keys of any type"},
    {"values_floats", HN_ATTR_FLOATS, false, NULL, "values, f32"},
    {"values_int64s", HN_ATTR_INTS, false, NULL, "values, i64"},
    {"values_strings", HN_ATTR_STRINGS, false, NULL, "values"},
    {"values_tensor", HN_ATTR_TENSOR, false, NULL, "values of any type"},
    {0},
};

const hn_op hn_op_ml_label_encoder = {
    .name = "LabelEncoder",
    .domain = "ai.onnx.ml",
    .since = 4,
    .doc = "y = values[k] where keys[k] == x (the last such k; NaN equals NaN), else the default. [Dori, Amy, Sally] "
           "with keys [Amy, Sally] and values [5, 6]: [-1, 5, 6].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
