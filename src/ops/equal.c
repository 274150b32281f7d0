/* Equal: c = (a == b) with broadcasting; strings by their bytes, NaN equal to nothing. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a == b;
}
static int64_t i(int64_t a, int64_t b)
{
    return a == b;
}

static hn_status ref(const hn_refargs *a)
{
    if (a->in[0]->dtype != HN_STRING) return hn_ref_binary(a, &(hn_fn2){.f = f, .i = i});
    hn_walk w;
    hn_walk_init(&w, a->out[0]->rank, a->out[0]->dims);
    hn_walk_add(&w, a->in[0]);
    hn_walk_add(&w, a->in[1]);
    size_t n = hn_tensor_elems(a->out[0]);
    for (size_t k = 0; k < n; k++, hn_walk_next(&w))
        hn_set_i64(a->out[0], k, hn_elem_compare(a->in[0], (size_t)w.offset[0], a->in[1], (size_t)w.offset[1]) == 0);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_binary(c, -2, 2, 3, HN_VALS(1, 2, 3), HN_VALS(1, 5, 3), HN_VALS(1, 0, 1)));
    hn_case(c, "strings");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"ab", "b"});
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"ab"});
    hn_case_want(c, HN_BOOL, HN_DIMS(2), HN_VALS(1, 0));
    hn_case(c, "NaN and infinity");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(NAN, INFINITY));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(NAN, INFINITY));
    hn_case_want(c, HN_BOOL, HN_DIMS(2), HN_VALS(0, 1));
    return hn_cases_status(c);
}

#define TYPES (HN_T_NUM | HN_T_BOOL | HN_T_STRING)
static const hn_port in[] = {{"A", TYPES, 'T', false}, {"B", TYPES, 'T', false}};
static const hn_port out[] = {{"C", HN_T_BOOL, 0, false}};
const hn_op hn_op_equal = {
    .name = "Equal",
    .domain = "",
    .since = 19,
    .doc = "c = (a == b), broadcast. Equal([1, 2, 3], [1, 5, 3]) = [1, 0, 1].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_COMMUTES,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_compare,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
