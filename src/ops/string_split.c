/* StringSplit: the parts of each text between delimiters, padded with empty texts to the longest, and their numbers.
 * Without a delimiter, runs of white space separate and those at the ends do not count. */
#include "ops/lib_text.h"

typedef struct splitter {
    hn_str text, delimiter;
    int64_t left; /* splits still allowed; -1: any number */
    bool blank, done;
} splitter;

static splitter start(const hn_node *n, hn_str text)
{
    splitter s = {.text = text, .delimiter = hn_attr_string(n, "delimiter", ""), .left = -1};
    const hn_attr *most = hn_node_attr(n, "maxsplit");
    if (most && most->u.i >= 0) s.left = most->u.i;
    s.blank = s.delimiter.size == 0;
    return s;
}

static void skip(hn_str *s, size_t n)
{
    s->data += n;
    s->size -= n;
}

static size_t space_at(hn_str s)
{
    uint32_t c;
    size_t n = s.size ? hn_utf8_next(s.data, s.size, &c) : 0;
    return n && hn_char_space(c) ? n : 0;
}

/* The next part of a text that white space separates. */
static bool next_word(splitter *s, hn_str *part)
{
    for (size_t n; (n = space_at(s->text)) > 0;) skip(&s->text, n);
    if (s->text.size == 0) return false;
    *part = s->text;
    if (s->left == 0) {
        s->text.size = 0;
        return true;
    }
    size_t at = 0;
    for (uint32_t c; at < s->text.size && !space_at((hn_str){s->text.data + at, s->text.size - at});)
        at += hn_utf8_next(s->text.data + at, s->text.size - at, &c);
    part->size = at;
    skip(&s->text, at);
    if (s->left > 0) s->left--;
    return true;
}

static bool next(splitter *s, hn_str *part)
{
    if (s->blank) return next_word(s, part);
    if (s->done) return false;
    *part = s->text;
    for (size_t at = 0; s->left != 0 && at + s->delimiter.size <= s->text.size; at++) {
        if (memcmp(s->text.data + at, s->delimiter.data, s->delimiter.size) != 0) continue;
        part->size = at;
        skip(&s->text, at + s->delimiter.size);
        if (s->left > 0) s->left--;
        return true;
    }
    s->done = true;
    return true;
}

static size_t count(const hn_node *n, hn_str text)
{
    splitter s = start(n, text);
    hn_str part;
    size_t parts = 0;
    while (next(&s, &part)) parts++;
    return parts;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    c->out[0] = hn_type_tensor(HN_STRING, -1, NULL);
    if (c->nout > 1) c->out[1] = hn_type_tensor(HN_I64, x->rank, x->dims);
    if (x->rank < 0) return HN_OK;
    if (x->rank == HN_MAX_RANK) return hn_op_unsupported(c->env, c->node, "a result of rank %d", x->rank + 1);
    c->out[0] = hn_type_tensor(HN_STRING, x->rank + 1, NULL);
    memcpy(c->out[0].dims, x->dims, (size_t)x->rank * sizeof x->dims[0]);
    c->out[0].dims[x->rank] = -1;
    if (!c->data[0]) return HN_OK;
    size_t most = 0;
    for (size_t i = 0, n = hn_tensor_elems(c->data[0]); i < n; i++)
        most = hn_max_size(most, count(c->node, hn_strs(c->data[0])[i]));
    c->out[0].dims[x->rank] = (int64_t)most;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0], *z = a->nout > 1 ? a->out[1] : NULL;
    size_t n = hn_tensor_elems(a->in[0]), most = y ? (size_t)y->dims[y->rank - 1] : 0;
    for (size_t i = 0; i < n; i++) {
        splitter s = start(a->node, hn_strs(a->in[0])[i]);
        hn_str part;
        size_t k = 0;
        for (; next(&s, &part); k++)
            if (y && k < most) hn_strs(y)[i * most + k] = part;
        if (z) hn_set_i64(z, i, (int64_t)k);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "delimiter", ".");
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"abc.com", "x"});
    hn_case_want_str(c, HN_DIMS(2, 2), (const char *const[]){"abc", "com", "x", ""});
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(2, 1));
    hn_case(c, "white space");
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"  a  b\tc ", " "});
    hn_case_want_str(c, HN_DIMS(2, 3), (const char *const[]){"a", "b", "c", "", "", ""});
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(3, 0));
    hn_case(c, "one split of white space");
    hn_case_string(c, "delimiter", "");
    hn_case_int(c, "maxsplit", 1);
    hn_case_in_str(c, HN_NO_DIMS, (const char *const[]){" a  b  c"});
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"a", "b  c"});
    hn_case_want(c, HN_I64, HN_NO_DIMS, HN_VALS(2));
    hn_case(c, "delimiters side by side, one split");
    hn_case_string(c, "delimiter", "--");
    hn_case_int(c, "maxsplit", 1);
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"a----b", ""});
    hn_case_want_str(c, HN_DIMS(2, 2), (const char *const[]){"a", "--b", "", ""});
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(2, 1));
    hn_case(c, "empty");
    hn_case_in_str(c, HN_DIMS(0), NULL);
    hn_case_want_str(c, HN_DIMS(0, 0), NULL);
    hn_case_want(c, HN_I64, HN_DIMS(0), NULL);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_STRING, 0, false}};
static const hn_port out[] = {{"Y", HN_T_STRING, 0, false}, {"Z", HN_T_I64, 0, true}};
static const hn_attr_row attrs[] = {
    {"delimiter", HN_ATTR_STRING, false, NULL, "what separates; absent or empty: runs of white space"},
    {"maxsplit", HN_ATTR_INT, false, NULL, "at most so many splits, from the left; absent: any number"},
    {0},
};
const hn_op hn_op_string_split = {
    .name = "StringSplit",
    .domain = "",
    .since = 20,
    .doc = "y[..., k] = part k of the text between delimiters, empty beyond the last; z[...] = how many parts. "
           "StringSplit([abc.com, x], delimiter .) = [[abc, com], [x, ]], [2, 1].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_TEXT_GRAD),
    .cases = cases,
    .quant = "",
};
