/* ArrayFeatureExtractor: picks along the last axis; a vector counts as one row. */
#include "ops/lib_ml.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *at = c->in[1];
    hn_type *y = &c->out[0];
    y->dtype = x->dtype;
    if (x->rank == 0) return hn_op_fail(c->env, c->node, "a scalar has no features");
    if (x->rank < 0) return HN_OK;
    y->rank = x->rank == 1 ? 2 : x->rank;
    y->dims[0] = 1;
    for (int d = 0; d + 1 < x->rank; d++) y->dims[d] = x->dims[d];
    y->dims[y->rank - 1] = at->rank < 0 ? -1 : hn_dims_product(at, 0, at->rank);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *at = a->in[1];
    size_t n = hn_tensor_elems(at), rows = hn_dims_elems(x->rank, x->dims, 0, x->rank - 1);
    int64_t features = x->dims[x->rank - 1];
    for (size_t k = 0; k < n; k++) {
        int64_t i = hn_get_i64(at, k);
        if (i < 0 || i >= features)
            return hn_op_fail(a->env, a->node, "index %lld at %zu is outside of %lld features", (long long)i, k,
                              (long long)features);
        for (size_t r = 0; r < rows; r++) hn_elem_copy(a->out[0], r * n + k, x, r * (size_t)features + (size_t)i);
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *flat = hn_rw_reshape(rw, n->in[1], 1, (int64_t[]){-1}), *in[] = {n->in[0], flat};
    hn_value *y = hn_rw_op(rw, "Gather", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", -1), {0}});
    out[0] = n->in[0]->type.rank == 1 ? hn_rw_2(rw, "Unsqueeze", y, hn_rw_ints(rw, (int64_t[]){0}, 1)) : y;
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){2, 0});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 1, 6, 4));
    hn_case(c, "a vector, indices in a matrix");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in_i64(c, HN_DIMS(1, 2), (int64_t[]){1, 1});
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(2, 2));
    hn_case(c, "rank 3, one index");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3), -2, 2);
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){1});
    hn_case(c, "strings");
    hn_case_in_str(c, HN_DIMS(1, 2), (const char *const[]){"a", "b"});
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case_want_str(c, HN_DIMS(1, 1), (const char *const[]){"b"});
    hn_case(c, "no rows");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case(c, "index outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){3});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML | HN_T_STRING, 'T', false}, {"Y", HN_T_I64, 0, false}};
static const hn_port out[] = {{"Z", HN_T_ML | HN_T_STRING, 'T', false}};

const hn_op hn_op_ml_array_feature_extractor = {
    .name = "ArrayFeatureExtractor",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "z = x[..., y], y flattened; a vector x gives one row. [[1, 2, 3], [4, 5, 6]] at [2, 0]: [[3, 1], [6, 4]].",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "same",
};
