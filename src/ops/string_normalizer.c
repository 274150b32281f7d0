/* StringNormalizer: drops stop words and changes letter case. A vector that loses all of its words becomes one empty
 * text. */
#include "ops/lib_text.h"

typedef struct normalizer {
    hn_env *env;
    hn_arena *arena;
    const hn_attr *stop;
    hn_str *folded; /* stop words in small letters, or as they are when case counts */
    bool cased;
} normalizer;

static hn_status fold(const normalizer *z, hn_str s, hn_str *out)
{
    *out = s;
    return z->cased ? HN_OK : hn_text_map(z->env, z->arena, s, hn_char_lower, out);
}

static hn_status start(hn_env *env, hn_arena *arena, const hn_node *n, normalizer *z)
{
    *z = (normalizer){.env = env, .arena = arena, .stop = hn_node_attr(n, "stopwords")};
    z->cased = hn_attr_int(n, "is_case_sensitive", 0) != 0;
    size_t count = z->stop ? z->stop->count : 0;
    z->folded = hn_arena_array(env, arena, count + 1, sizeof *z->folded);
    if (!z->folded) return HN_NOMEM;
    for (size_t i = 0; i < count; i++) HN_TRY(fold(z, z->stop->u.strings[i], &z->folded[i]));
    return HN_OK;
}

static hn_status stopped(const normalizer *z, hn_str s, bool *out)
{
    hn_str word;
    HN_TRY(fold(z, s, &word));
    *out = false;
    for (size_t i = 0; z->stop && i < z->stop->count && !*out; i++) *out = hn_str_same(word, z->folded[i]);
    return HN_OK;
}

static hn_status count_kept(hn_env *env, const hn_node *n, const hn_tensor *x, size_t *kept)
{
    hn_arena tmp = {0};
    normalizer z;
    hn_status st = start(env, &tmp, n, &z);
    *kept = 0;
    for (size_t i = 0, count = hn_tensor_elems(x); i < count && st == HN_OK; i++) {
        bool stop = false;
        st = stopped(&z, hn_strs(x)[i], &stop);
        *kept += !stop;
    }
    hn_arena_fini(env, &tmp);
    return st;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    const hn_node *n = c->node;
    c->out[0] = hn_type_tensor(HN_STRING, x->rank, x->dims);
    if (!hn_attr_is(n, "case_change_action", "NONE") && !hn_attr_is(n, "case_change_action", "LOWER") &&
        !hn_attr_is(n, "case_change_action", "UPPER"))
        return hn_op_fail(c->env, n, "case_change_action is not NONE, LOWER or UPPER");
    if (x->rank < 0) return HN_OK;
    if (x->rank != 1 && (x->rank != 2 || (x->dims[0] >= 0 && x->dims[0] != 1)))
        return hn_op_fail(c->env, n, "the input is not of shape [C] or [1, C]");
    int last = x->rank - 1;
    if (last == 1) c->out[0].dims[0] = 1;
    c->out[0].dims[last] = -1;
    if (!c->data[0]) return HN_OK;
    size_t kept;
    HN_TRY(count_kept(c->env, n, c->data[0], &kept));
    c->out[0].dims[last] = kept ? (int64_t)kept : 1;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    normalizer z;
    bool lower = hn_attr_is(a->node, "case_change_action", "LOWER");
    bool upper = hn_attr_is(a->node, "case_change_action", "UPPER");
    HN_TRY(start(a->env, a->scratch, a->node, &z));
    for (size_t i = 0, k = 0, n = hn_tensor_elems(a->in[0]); i < n; i++) {
        hn_str s = hn_strs(a->in[0])[i];
        bool stop;
        HN_TRY(stopped(&z, s, &stop));
        if (stop) continue;
        if (lower || upper) HN_TRY(hn_text_map(a->env, a->scratch, s, lower ? hn_char_lower : hn_char_upper, &s));
        hn_strs(a->out[0])[k++] = s;
    }
    return HN_OK;
}

static void days(hn_cases *c, const char *name, const char *action, bool cased)
{
    static const hn_str stop[] = {{"monday", 6}};
    hn_case(c, name);
    hn_case_string(c, "case_change_action", action);
    hn_case_int(c, "is_case_sensitive", cased);
    hn_case_strings(c, "stopwords", 1, stop);
}

static hn_status cases(hn_cases *c)
{
    days(c, "example", "UPPER", false);
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"Monday", "tuesday", "caf\xc3\xa9"});
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"TUESDAY", "CAF\xc3\x89"});
    days(c, "case counts", "LOWER", true);
    hn_case_in_str(c, HN_DIMS(1, 3), (const char *const[]){"Monday", "monday", "\xd0\x94\xd0\xb0"});
    hn_case_want_str(c, HN_DIMS(1, 2), (const char *const[]){"monday", "\xd0\xb4\xd0\xb0"});
    days(c, "nothing left", "NONE", true);
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"monday", "monday"});
    hn_case_want_str(c, HN_DIMS(1), (const char *const[]){""});
    hn_case(c, "nothing to do");
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"a", "B"});
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"a", "B"});
    days(c, "two rows", "NONE", true);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in_str(c, HN_DIMS(2, 1), (const char *const[]){"a", "b"});
    days(c, "unknown action", "TITLE", true);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"a"});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_STRING, 0, false}};
static const hn_port out[] = {{"Y", HN_T_STRING, 0, false}};
static const hn_attr_row attrs[] = {
    {"case_change_action", HN_ATTR_STRING, false, "NONE", "NONE, LOWER or UPPER"},
    {"is_case_sensitive", HN_ATTR_INT, false, "0", "1: stop words must agree in case"},
    {"locale", HN_ATTR_STRING, false, NULL, "not used: letters have the case that Unicode gives them"},
    {"stopwords", HN_ATTR_STRINGS, false, NULL, "words to drop"},
    {0},
};
const hn_op hn_op_string_normalizer = {
    .name = "StringNormalizer",
    .domain = "",
    .since = 10,
    .doc = "y = the words of x but the stop words, in the case asked for; one empty text when none is left. "
           "StringNormalizer([Monday, tuesday], stopwords [monday], UPPER) = [TUESDAY].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_TEXT_GRAD),
    .cases = cases,
    .quant = "",
};
