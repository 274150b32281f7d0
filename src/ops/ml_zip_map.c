/* ZipMap: each row of scores becomes a map from class labels to its scores. */
#include "ops/lib_ml.h"

static hn_status labels_of(hn_env *env, const hn_node *n, int64_t columns, hn_ml_labels *l)
{
    HN_TRY(hn_ml_labels_of(env, n, "classlabels_int64s", "classlabels_strings", l));
    if (columns >= 0 && (size_t)columns != l->count)
        return hn_op_fail(env, n, "%zu labels for %lld columns", l->count, (long long)columns);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, columns;
    hn_ml_labels l;
    HN_TRY(hn_ml_rows(c, &rows, &columns));
    HN_TRY(labels_of(c->env, c->node, columns, &l));
    c->out[0] = hn_type_list(HN_KIND_SEQUENCE_MAP, HN_F32, -1, NULL);
    c->out[0].key = hn_ml_labels_dtype(&l);
    return HN_OK;
}

/* All maps share one tensor of keys. */
static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    size_t columns = (size_t)x->dims[x->rank - 1], rows = x->rank == 1 ? 1 : (size_t)x->dims[0];
    int64_t dims[] = {(int64_t)columns};
    hn_ml_labels l;
    hn_tensor keys;
    HN_TRY(labels_of(a->env, a->node, (int64_t)columns, &l));
    HN_TRY(hn_tensor_init(a->env, a->scratch, &keys, hn_ml_labels_dtype(&l), 1, dims));
    for (size_t i = 0; i < columns; i++) hn_ml_label_set(&keys, i, &l, i);
    HN_TRY(hn_tensor_list(a->env, a->scratch, a->out[0], HN_SEQ, rows));
    for (size_t r = 0; r < rows; r++) {
        hn_tensor *map = hn_tensor_item(a->out[0], r);
        HN_TRY(hn_tensor_list(a->env, a->scratch, map, HN_MAP, 2));
        *hn_tensor_item(map, 0) = keys;
        HN_TRY(hn_tensor_init(a->env, a->scratch, hn_tensor_item(map, 1), HN_F32, 1, dims));
        hn_elems_copy(hn_tensor_item(map, 1), 0, x, r * columns, columns);
    }
    return HN_OK;
}

static void map(hn_cases *c, const double *v)
{
    hn_case_want_list(c, HN_KIND_MAP, HN_F32);
    hn_case_want_i64(c, HN_DIMS(2), (int64_t[]){3, 1});
    hn_case_want(c, HN_F32, HN_DIMS(2), v);
    hn_case_end(c);
}

static hn_status cases(hn_cases *c)
{
    static const hn_str names[] = {{"a", 1}, {"b", 1}};
    hn_case(c, "example");
    hn_case_ints(c, "classlabels_int64s", 2, (int64_t[]){3, 1});
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.25, 0.75, 0.5, 0.5));
    hn_case_want_list(c, HN_KIND_SEQUENCE_MAP, HN_F32);
    map(c, HN_VALS(0.25, 0.75));
    map(c, HN_VALS(0.5, 0.5));
    hn_case_end(c);
    hn_case(c, "one row, strings");
    hn_case_strings(c, "classlabels_strings", 2, names);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_want_list(c, HN_KIND_SEQUENCE_MAP, HN_F32);
    hn_case_want_list(c, HN_KIND_MAP, HN_F32);
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"a", "b"});
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_end(c);
    hn_case_end(c);
    hn_case(c, "no rows");
    hn_case_strings(c, "classlabels_strings", 2, names);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), 0, 1);
    hn_case(c, "too many columns");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "classlabels_strings", 2, names);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3), 0, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_BIT(HN_F32), 0, false}};
static const hn_port out[] = {{"Z", HN_BIT(HN_F32) | HN_T_SEQ | HN_T_MAP, 0, false}};
static const hn_attr_row attrs[] = {
    {"classlabels_int64s", HN_ATTR_INTS, false, NULL, "keys"},
    {"classlabels_strings", HN_ATTR_STRINGS, false, NULL, "keys"},
    {0},
};

const hn_op hn_op_ml_zip_map = {
    .name = "ZipMap",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc =
        "z = a sequence of maps, one per row: z[n][label k] = x[n, k]. [[0.25, 0.75], [0.5, 0.5]] with labels [3, 1]: "
        "({3: 0.25, 1: 0.75}, {3: 0.5, 1: 0.5}).",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
