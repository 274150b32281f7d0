/* RegexFullMatch: does each text match a regular expression as a whole? */
#include "ops/lib_text.h"

static hn_status infer(hn_infer *c)
{
    hn_arena tmp = {0};
    hn_regex *re;
    c->out[0] = hn_type_tensor(HN_BOOL, c->in[0]->rank, c->in[0]->dims);
    /* A wrong pattern is found before the run. */
    hn_status st =
        c->graph ? hn_regex_compile(c->env, &tmp, c->node, hn_attr_string(c->node, "pattern", ""), &re) : HN_OK;
    hn_arena_fini(c->env, &tmp);
    return st;
}

static hn_status ref(const hn_refargs *a)
{
    hn_regex *re;
    HN_TRY(hn_regex_compile(a->env, a->scratch, a->node, hn_attr_string(a->node, "pattern", ""), &re));
    for (size_t i = 0, n = hn_tensor_elems(a->in[0]); i < n; i++) {
        bool yes = false;
        HN_TRY(hn_regex_full(a->env, re, hn_strs(a->in[0])[i], &yes));
        hn_set_i64(a->out[0], i, yes);
    }
    return HN_OK;
}

static void one(hn_cases *c, const char *name, const char *pattern, const char *text, bool match)
{
    hn_case(c, name);
    hn_case_string(c, "pattern", pattern);
    hn_case_in_str(c, HN_DIMS(1), &text);
    hn_case_want(c, HN_BOOL, HN_DIMS(1), HN_VALS(match));
}

static void refused(hn_cases *c, const char *pattern)
{
    hn_case(c, pattern);
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "pattern", pattern);
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"a"});
}

static hn_status cases(hn_cases *c)
{
    static const char *const bad[] = {"(a",       "a)",
                                      "[a",       "*a",
                                      "a{2,1}",   "(?=a)",
                                      "(?<!a)",   "\\1",
                                      "\\pL",     "[z-a]",
                                      "a\\",      "\\xZZ",
                                      "a{1001}",  "(?q)",
                                      "\\y",      "(((((a{1000}){1000}){9})))",
                                      "[[:no:]]", "((){1000}){1000}"};
    hn_case(c, "example");
    hn_case_string(c, "pattern", "www\\.[\\w.-]+\\.\\bcom\\b");
    hn_case_in_str(c, HN_DIMS(3), (const char *const[]){"www.hone.com", "www.hone.org", "xwww.hone.com"});
    hn_case_want(c, HN_BOOL, HN_DIMS(3), HN_VALS(1, 0, 0));
    one(c, "alternatives take the whole", "a|ab|abc", "abc", true);
    one(c, "a prefix is not enough", "a|ab", "abc", false);
    one(c, "empty matches empty", "", "", true);
    one(c, "counted", "(?:ab){2,3}c{0,1}", "ababab", true);
    one(c, "counted too often", "a{2,3}", "aaaa", false);
    one(c, "at least", "a{2,}b?", "aaaaab", true);
    one(c, "braces that are text", "a{,2}", "a{,2}", true);
    one(c, "any letter case", "(?i)stra[s\xc3\x9f]e", "STRASE", true);
    one(c, "case inside a group only", "(?i:a)b", "AB", false);
    one(c, "class and its opposite", "[^a-c\\d]\\D[[:upper:]][]x]", "zzZ]", true);
    one(c, "a dot is one character", "...", "\xd0\x94\xc3\xa9z", true);
    one(c, "a dot is no line end", ".", "\n", false);
    one(c, "a dot may be one", "(?s).", "\n", true);
    one(c, "anchors", "^a$", "a", true);
    one(c, "lines", "(?m)a$\\n^b", "a\nb", true);
    one(c, "edges of words", "\\bfoo\\b bar\\B.", "foo bars", true);
    one(c, "quoted", "\\Qa.b*\\E+", "a.b**", true);
    one(c, "escapes", "\\x41\\x{e9}\\t\\*\\07", "A\xc3\xa9\t*\a", true);
    one(c, "named groups", "(?P<year>\\d{4})-(?<month>\\d\\d)", "2026-11", true);
    one(c, "nested empty loops", "(a*)*(b*|)*", "aabb", true);
    one(c, "what backtracking would not end", "(a|a)*(a|a)*(a|a)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);
    for (size_t i = 0; i < HN_COUNT(bad); i++) refused(c, bad[i]);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_STRING, 0, false}};
static const hn_port out[] = {{"Y", HN_T_BOOL, 0, false}};
static const hn_attr_row attrs[] = {
    {"pattern", HN_ATTR_STRING, false, NULL, "RE2 syntax; without \\p, \\C and what is not regular"},
    {0},
};
const hn_op hn_op_regex_full_match = {
    .name = "RegexFullMatch",
    .domain = "",
    .since = 20,
    .doc = "y = true where the whole text matches `pattern`; time is linear in the text. "
           "RegexFullMatch([www.hone.com, www.hone.org], www\\.[\\w.-]+\\.\\bcom\\b) = [true, false].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
