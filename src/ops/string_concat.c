/* StringConcat: x followed by y, element by element, with broadcasting. */
#include "ops/lib_text.h"

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    hn_walk w;
    hn_walk_init(&w, y->rank, y->dims);
    hn_walk_add(&w, a->in[0]);
    hn_walk_add(&w, a->in[1]);
    for (size_t i = 0, n = hn_tensor_elems(y); i < n; i++, hn_walk_next(&w)) {
        hn_str p = hn_strs(a->in[0])[w.offset[0]], q = hn_strs(a->in[1])[w.offset[1]];
        size_t size;
        if (!hn_size_add(p.size, q.size, &size)) return hn_op_fail(a->env, a->node, "text %zu is too long", i);
        char *s = hn_arena_alloc(a->env, a->scratch, size + 1);
        if (!s) return HN_NOMEM;
        if (p.size) memcpy(s, p.data, p.size);
        if (q.size) memcpy(s + p.size, q.data, q.size);
        hn_strs(y)[i] = (hn_str){s, size};
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"ab", "c"});
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){".x", ""});
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"ab.x", "c"});
    hn_case(c, "broadcasting");
    hn_case_in_str(c, HN_DIMS(2, 1), (const char *const[]){"a", "b"});
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"1", "2"});
    hn_case_want_str(c, HN_DIMS(2, 2), (const char *const[]){"a1", "a2", "b1", "b2"});
    hn_case(c, "scalars");
    hn_case_in_str(c, HN_NO_DIMS, (const char *const[]){"\xe7\x9a\x84"});
    hn_case_in_str(c, HN_NO_DIMS, (const char *const[]){"\xc3\xa9"});
    hn_case_want_str(c, HN_NO_DIMS, (const char *const[]){"\xe7\x9a\x84\xc3\xa9"});
    hn_case(c, "empty");
    hn_case_in_str(c, HN_DIMS(0), NULL);
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"a"});
    hn_case(c, "shapes that do not broadcast");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"a", "b"});
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"1", "2", "3"});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_STRING, 'T', false}, {"Y", HN_T_STRING, 'T', false}};
static const hn_port out[] = {{"Z", HN_T_STRING, 'T', false}};
const hn_op hn_op_string_concat = {
    .name = "StringConcat",
    .domain = "",
    .since = 20,
    .doc = "z = x followed by y, with broadcasting. StringConcat([ab, c], [.x, ]) = [ab.x, c].",
    HN_PORTS(in, 2, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD_NO(HN_NO_TEXT_GRAD),
    .cases = cases,
    .quant = "",
};
