/* lib_regex: a pattern becomes a tree, the tree a program for a machine that follows all its threads at once, so that
 * time is (length of the text) x (length of the program) whatever the pattern is (R. Cox, "Regular Expression Matching:
 * the Virtual Machine Approach"). Syntax is that of RE2 without \p, \C and the like, which are named when met. */
#include "ops/lib_text.h"

enum { MAX_DEPTH = 200, MAX_PROGRAM = 100000, MAX_REPEAT = 1000, LAST_CHAR = 0x10ffff };

typedef struct range {
    uint32_t from, to;
    struct range *next;
} range;

typedef enum kind { EMPTY, SET, ASSERT, CAT, ALT, REPEAT } kind;
typedef enum where { TEXT_START, TEXT_END, LINE_START, LINE_END, WORD_EDGE, NO_WORD_EDGE } where;

typedef struct tree {
    kind kind;
    range *set;
    bool negated, folded;
    where where;
    int least, most; /* REPEAT; most -1: no bound */
    struct tree *first, *last, *next;
} tree;

typedef enum code { C_SET, C_ASSERT, C_SPLIT, C_JUMP, C_MATCH } code;

typedef struct instr {
    code code;
    const tree *t;    /* C_SET, C_ASSERT */
    uint32_t to, or ; /* C_SPLIT: both; C_JUMP: to */
} instr;

struct hn_regex {
    instr *program;
    uint32_t size;
};

typedef struct parser {
    hn_env *env;
    const hn_node *node; /* for messages */
    hn_arena *arena;
    const char *p, *end, *begin;
    int depth;
    bool fold, lines, dot_all, quote;
} parser;

static hn_status wrong(parser *c, hn_status st, const char *what)
{
    size_t at = (size_t)(c->p - c->begin);
    return st == HN_INPUT ? hn_op_fail(c->env, c->node, "regular expression, byte %zu: %s", at, what)
                          : hn_op_unsupported(c->env, c->node, "regular expression, byte %zu: %s", at, what);
}

static tree *leaf(parser *c, kind k)
{
    tree *t = hn_arena_alloc(c->env, c->arena, sizeof *t);
    if (t) t->kind = k;
    return t;
}

static void append(tree *list, tree *item)
{
    if (list->last)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
}

static hn_status add(parser *c, tree *t, uint32_t from, uint32_t to)
{
    range *r = hn_arena_alloc(c->env, c->arena, sizeof *r);
    if (!r) return HN_NOMEM;
    *r = (range){from, to, t->set};
    t->set = r;
    return HN_OK;
}

/* Ranges of a class named by pairs of characters ("09AZ"), or of everything else. */
static hn_status add_pairs(parser *c, tree *t, const char *s, bool negated)
{
    uint32_t from = 0;
    for (; *s; s += 2) {
        if (!negated) HN_TRY(add(c, t, (unsigned char)s[0], (unsigned char)s[1]));
        if (negated && (unsigned char)s[0] > from) HN_TRY(add(c, t, from, (unsigned char)s[0] - 1u));
        from = (unsigned char)s[1] + 1u;
    }
    return negated ? add(c, t, from, LAST_CHAR) : HN_OK;
}

/* \d \w \s and their opposites. */
static const char *perl_class(char ch)
{
    switch (ch | 32) {
    case 'd': return "09";
    case 's': return "\t\n\f\r  ";
    case 'w': return "09AZ__az";
    default: return NULL;
    }
}

static uint32_t take(parser *c)
{
    uint32_t ch;
    c->p += hn_utf8_next(c->p, (size_t)(c->end - c->p), &ch);
    return ch & HN_TEXT_RAW ? 0xfffd : ch;
}

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    ch |= 32;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static hn_status escape_hex(parser *c, uint32_t *out)
{
    uint32_t v = 0;
    bool braces = c->p < c->end && *c->p == '{';
    size_t digits = 0, most = braces ? 6 : 2;
    c->p += braces;
    for (; c->p < c->end && digits < most && hex(*c->p) >= 0; digits++) v = v * 16 + (uint32_t)hex(*c->p++);
    if (digits == 0 || (!braces && digits < 2) || v > LAST_CHAR || (braces && (c->p == c->end || *c->p++ != '}')))
        return wrong(c, HN_INPUT, "\\x is followed by two hexadecimal digits, or by up to six in braces");
    *out = v;
    return HN_OK;
}

/* After a backslash: one character. */
static hn_status escape(parser *c, uint32_t *out)
{
    static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
    char ch = *c->p;
    const char *at = strchr(from, ch);
    if (ch == 'x') {
        c->p++;
        return escape_hex(c, out);
    }
    if (ch && at) {
        c->p++;
        *out = (unsigned char)to[at - from];
        return HN_OK;
    }
    if (ch == '0' || (ch >= '1' && ch <= '7' && c->end - c->p > 1 && c->p[1] >= '0' && c->p[1] <= '7')) {
        *out = 0;
        for (int i = 0; i < 3 && c->p < c->end && *c->p >= '0' && *c->p <= '7'; i++)
            *out = *out * 8 + (uint32_t)(*c->p++ - '0');
        return HN_OK;
    }
    if (ch >= '1' && ch <= '9') return wrong(c, HN_UNSUPPORTED, "back references are not regular");
    if (ch == 'p' || ch == 'P') return wrong(c, HN_UNSUPPORTED, "\\p, classes of Unicode, are not supported");
    if (ch == 'C') return wrong(c, HN_UNSUPPORTED, "\\C, a single byte, is not supported");
    if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')) return wrong(c, HN_INPUT, "an unknown escape");
    *out = take(c);
    return HN_OK;
}

/* "[:alpha:]" inside a class. */
static hn_status posix_class(parser *c, tree *t, bool *done)
{
    static const struct {
        const char *name, *pairs;
    } rows[] = {
        {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"ascii", "\1\177"},  {"blank", "\t\t  "}, {"cntrl", "\1\37\177\177"},
        {"digit", "09"},     {"graph", "!~"},   {"lower", "az"},      {"print", " ~"},     {"punct", "!/:@[`{~"},
        {"space", "\t\r  "}, {"upper", "AZ"},   {"word", "09AZ__az"}, {"xdigit", "09AFaf"}};
    *done = false;
    if (c->end - c->p < 4 || c->p[0] != '[' || c->p[1] != ':') return HN_OK;
    bool negated = c->p[2] == '^';
    const char *name = c->p + 2 + negated, *stop = name;
    while (stop + 1 < c->end && *stop >= 'a' && *stop <= 'z') stop++;
    if (stop + 1 >= c->end || stop[0] != ':' || stop[1] != ']') return HN_OK;
    for (size_t i = 0; i < HN_COUNT(rows); i++) {
        if (strlen(rows[i].name) != (size_t)(stop - name) || memcmp(rows[i].name, name, (size_t)(stop - name)) != 0)
            continue;
        c->p = stop + 2;
        *done = true;
        return add_pairs(c, t, rows[i].pairs, negated);
    }
    return wrong(c, HN_INPUT, "an unknown class name in [: :]");
}

static hn_status class_char(parser *c, uint32_t *out)
{
    if (c->p == c->end) return wrong(c, HN_INPUT, "a class [ has no end");
    if (*c->p != '\\') {
        *out = take(c);
        return HN_OK;
    }
    if (++c->p == c->end) return wrong(c, HN_INPUT, "a backslash at the end");
    if (*c->p == 'b') return wrong(c, HN_INPUT, "\\b inside a class");
    return escape(c, out);
}

static hn_status parse_class(parser *c, tree *t)
{
    t->negated = c->p < c->end && *c->p == '^';
    c->p += t->negated;
    for (bool first = true;; first = false) {
        uint32_t from, to;
        bool done;
        if (c->p == c->end) return wrong(c, HN_INPUT, "a class [ has no end");
        if (*c->p == ']' && !first) {
            c->p++;
            return HN_OK;
        }
        HN_TRY(posix_class(c, t, &done));
        if (done) continue;
        if (*c->p == '\\' && c->end - c->p > 1 && perl_class(c->p[1])) {
            HN_TRY(add_pairs(c, t, perl_class(c->p[1]), c->p[1] < 'a'));
            c->p += 2;
            continue;
        }
        HN_TRY(class_char(c, &from));
        to = from;
        if (c->end - c->p > 1 && c->p[0] == '-' && c->p[1] != ']') {
            c->p++;
            HN_TRY(class_char(c, &to));
            if (to < from) return wrong(c, HN_INPUT, "a range runs backwards");
        }
        HN_TRY(add(c, t, from, to));
    }
}

static hn_status parse_alternatives(parser *c, tree **out);

/* After "(?": flags, a group with flags, or a named group. */
static hn_status group_head(parser *c, bool *flags_only)
{
    *flags_only = false;
    if (c->p < c->end && (*c->p == '=' || *c->p == '!'))
        return wrong(c, HN_UNSUPPORTED, "looking ahead is not regular");
    if (c->end - c->p > 1 && *c->p == '<' && (c->p[1] == '=' || c->p[1] == '!'))
        return wrong(c, HN_UNSUPPORTED, "looking behind is not regular");
    if (c->p < c->end && (*c->p == 'P' || *c->p == '<')) {
        c->p += *c->p == 'P';
        const char *name = c->p;
        while (c->p < c->end && *c->p != '>' && *c->p != ')') c->p++;
        if (c->p == c->end || *c->p != '>' || *name != '<' || c->p - name < 2)
            return wrong(c, HN_INPUT, "a named group is (?P<name>...)");
        c->p++;
        return HN_OK;
    }
    for (bool on = true; c->p < c->end; c->p++) {
        switch (*c->p) {
        case 'i': c->fold = on; break;
        case 'm': c->lines = on; break;
        case 's': c->dot_all = on; break;
        case 'U': break; /* which match is found first does not matter: the whole text matches or not */
        case '-': on = false; break;
        case ')': *flags_only = true; /* fall through */
        case ':': c->p++; return HN_OK;
        default: return wrong(c, HN_INPUT, "an unknown flag after (?");
        }
    }
    return wrong(c, HN_INPUT, "a group has no end");
}

static hn_status parse_group(parser *c, tree **out)
{
    parser before = *c;
    bool flags_only = false;
    if (c->p < c->end && *c->p == '?') {
        c->p++;
        HN_TRY(group_head(c, &flags_only));
    }
    if (flags_only) {
        *out = leaf(c, EMPTY);
        return *out ? HN_OK : HN_NOMEM;
    }
    if (++c->depth > MAX_DEPTH) return wrong(c, HN_UNSUPPORTED, "groups are nested too deeply");
    HN_TRY(parse_alternatives(c, out));
    c->depth--;
    if (c->p == c->end || *c->p != ')') return wrong(c, HN_INPUT, "a group has no end");
    c->p++;
    c->fold = before.fold;
    c->lines = before.lines;
    c->dot_all = before.dot_all;
    return HN_OK;
}

static hn_status assertion(parser *c, where w, tree **out)
{
    tree *t = *out = leaf(c, ASSERT);
    if (!t) return HN_NOMEM;
    t->where = w;
    return HN_OK;
}

static hn_status literal(parser *c, uint32_t ch, tree **out)
{
    tree *t = *out = leaf(c, SET);
    if (!t) return HN_NOMEM;
    t->folded = c->fold;
    return add(c, t, ch, ch);
}

static hn_status parse_escape(parser *c, tree **out)
{
    uint32_t ch;
    if (c->p == c->end) return wrong(c, HN_INPUT, "a backslash at the end");
    const char *pairs_ = perl_class(*c->p);
    switch (*c->p) {
    case 'A': c->p++; return assertion(c, TEXT_START, out);
    case 'z': c->p++; return assertion(c, TEXT_END, out);
    case 'b': c->p++; return assertion(c, WORD_EDGE, out);
    case 'B': c->p++; return assertion(c, NO_WORD_EDGE, out);
    case 'Q':
        c->p++;
        c->quote = true;
        *out = leaf(c, EMPTY);
        return *out ? HN_OK : HN_NOMEM;
    default: break;
    }
    if (pairs_) {
        tree *t = *out = leaf(c, SET);
        return t ? add_pairs(c, t, pairs_, *c->p++ < 'a') : HN_NOMEM;
    }
    HN_TRY(escape(c, &ch));
    return literal(c, ch, out);
}

static hn_status parse_atom(parser *c, tree **out)
{
    tree *t;
    if (c->quote && c->end - c->p > 1 && c->p[0] == '\\' && c->p[1] == 'E') {
        c->p += 2;
        c->quote = false;
        *out = leaf(c, EMPTY);
        return *out ? HN_OK : HN_NOMEM;
    }
    if (c->quote) {
        HN_TRY(literal(c, take(c), out));
        /* What follows \E repeats the last character. */
        if (c->end - c->p > 1 && c->p[0] == '\\' && c->p[1] == 'E') {
            c->p += 2;
            c->quote = false;
        }
        return HN_OK;
    }
    switch (*c->p) {
    case '(': c->p++; return parse_group(c, out);
    case '[':
        c->p++;
        t = *out = leaf(c, SET);
        if (!t) return HN_NOMEM;
        t->folded = c->fold;
        return parse_class(c, t);
    case '.':
        c->p++;
        t = *out = leaf(c, SET);
        if (!t) return HN_NOMEM;
        t->negated = true;
        return c->dot_all ? HN_OK : add(c, t, '\n', '\n');
    case '^': c->p++; return assertion(c, c->lines ? LINE_START : TEXT_START, out);
    case '$': c->p++; return assertion(c, c->lines ? LINE_END : TEXT_END, out);
    case '\\': c->p++; return parse_escape(c, out);
    case '*':
    case '+':
    case '?': return wrong(c, HN_INPUT, "nothing to repeat");
    default: return literal(c, take(c), out);
    }
}

static bool number(parser *c, int *out)
{
    int v = 0;
    const char *from = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && v < 100000) v = v * 10 + (*c->p++ - '0');
    *out = v;
    return c->p > from;
}

/* "{n}", "{n,}", "{n,m}"; anything else is text. */
static bool braces(parser *c, int *least, int *most)
{
    const char *from = c->p++;
    if (number(c, least)) {
        *most = *least;
        if (c->p < c->end && *c->p == ',') {
            c->p++;
            if (!number(c, most)) *most = -1;
        }
        if (c->p < c->end && *c->p == '}') {
            c->p++;
            return true;
        }
    }
    c->p = from;
    return false;
}

static hn_status parse_repeats(parser *c, tree **t)
{
    while (!c->quote && c->p < c->end) {
        int least = 0, most = -1;
        char ch = *c->p;
        if (ch == '{') {
            if (!braces(c, &least, &most)) return HN_OK;
            if (least > MAX_REPEAT || most > MAX_REPEAT || (most >= 0 && most < least))
                return wrong(c, HN_INPUT, "a repetition of more than 1000, or that runs backwards");
        } else if (ch == '*' || ch == '+' || ch == '?') {
            c->p++;
            least = ch == '+';
            most = ch == '?' ? 1 : -1;
        } else {
            return HN_OK;
        }
        if (c->p < c->end && *c->p == '?') c->p++; /* the shortest first: the same for a whole match */
        tree *r = leaf(c, REPEAT);
        if (!r) return HN_NOMEM;
        r->least = least;
        r->most = most;
        append(r, *t);
        *t = r;
        if (++c->depth > MAX_DEPTH) return wrong(c, HN_UNSUPPORTED, "repetitions are nested too deeply");
    }
    return HN_OK;
}

static hn_status parse_sequence(parser *c, tree **out)
{
    tree *t = *out = leaf(c, CAT), *item;
    if (!t) return HN_NOMEM;
    while (c->p < c->end && (c->quote || (*c->p != '|' && *c->p != ')'))) {
        int depth = c->depth;
        HN_TRY(parse_atom(c, &item));
        HN_TRY(parse_repeats(c, &item));
        c->depth = depth;
        append(t, item);
    }
    return HN_OK;
}

static hn_status parse_alternatives(parser *c, tree **out)
{
    tree *t = *out = leaf(c, ALT), *item;
    if (!t) return HN_NOMEM;
    for (;;) {
        HN_TRY(parse_sequence(c, &item));
        append(t, item);
        if (c->p == c->end || *c->p != '|') return HN_OK;
        c->p++;
    }
}

/* ---- program ---- */
typedef struct emitter {
    hn_env *env;
    const hn_node *node;
    hn_regex *re; /* program NULL: only counts */
    uint32_t at, calls;
} emitter;

static uint32_t put(emitter *e, instr i)
{
    if (e->re->program) e->re->program[e->at] = i;
    return e->at++;
}

/* The split before an optional part that has now been written. */
static void close_split(emitter *e, uint32_t split)
{
    if (e->re->program) e->re->program[split] = (instr){.code = C_SPLIT, .to = split + 1, .or = e->at};
}

static hn_status emit(emitter *e, const tree *t);

static hn_status emit_repeat(emitter *e, const tree *t)
{
    for (int i = 0; i < t->least; i++) HN_TRY(emit(e, t->first));
    if (t->most < 0) {
        uint32_t split = put(e, (instr){.code = C_SPLIT});
        HN_TRY(emit(e, t->first));
        put(e, (instr){.code = C_JUMP, .to = split});
        close_split(e, split);
        return HN_OK;
    }
    for (int i = t->least; i < t->most; i++) {
        uint32_t split = put(e, (instr){.code = C_SPLIT});
        HN_TRY(emit(e, t->first));
        close_split(e, split);
    }
    return HN_OK;
}

static hn_status emit_alternatives(emitter *e, const tree *t)
{
    uint32_t chain = UINT32_MAX; /* jumps to the end, linked through `or` */
    for (const tree *k = t->first; k; k = k->next) {
        uint32_t split = k->next ? put(e, (instr){.code = C_SPLIT}) : 0;
        HN_TRY(emit(e, k));
        if (!k->next) break;
        uint32_t jump = put(e, (instr){.code = C_JUMP, .or = chain});
        chain = jump;
        close_split(e, split);
    }
    while (e->re->program && chain != UINT32_MAX) {
        instr *j = &e->re->program[chain];
        chain = j->or ;
        j->to = e->at;
    }
    return HN_OK;
}

static hn_status emit(emitter *e, const tree *t)
{
    if (e->at > MAX_PROGRAM || ++e->calls > 4 * MAX_PROGRAM)
        return hn_op_unsupported(e->env, e->node,
                                 "regular expression: more than %d steps when its repetitions are written out",
                                 MAX_PROGRAM);
    switch (t->kind) {
    case SET: put(e, (instr){.code = C_SET, .t = t}); return HN_OK;
    case ASSERT: put(e, (instr){.code = C_ASSERT, .t = t}); return HN_OK;
    case REPEAT: return emit_repeat(e, t);
    case ALT: return emit_alternatives(e, t);
    case CAT:
        for (const tree *k = t->first; k; k = k->next) HN_TRY(emit(e, k));
        return HN_OK;
    default: return HN_OK;
    }
}

hn_status hn_regex_compile(hn_env *env, hn_arena *arena, const hn_node *node, hn_str pattern, hn_regex **out)
{
    const char *s = pattern.size ? pattern.data : "";
    parser c = {.env = env, .node = node, .arena = arena, .p = s, .end = s + pattern.size, .begin = s};
    hn_regex *re = *out = hn_arena_alloc(env, arena, sizeof *re);
    tree *t;
    if (!re) return HN_NOMEM;
    HN_TRY(parse_alternatives(&c, &t));
    if (c.p < c.end) return wrong(&c, HN_INPUT, "a ) without its (");
    emitter e = {.env = env, .node = node, .re = re};
    HN_TRY(emit(&e, t));
    re->size = e.at + 1;
    re->program = hn_arena_array(env, arena, re->size, sizeof *re->program);
    if (!re->program) return HN_NOMEM;
    e.at = e.calls = 0;
    HN_TRY(emit(&e, t));
    put(&e, (instr){.code = C_MATCH});
    return HN_OK;
}

/* ---- running ---- */
static bool within(const range *r, uint32_t ch)
{
    for (; r; r = r->next)
        if (ch >= r->from && ch <= r->to) return true;
    return false;
}

static bool in_set(const tree *t, uint32_t ch)
{
    bool in =
        within(t->set, ch) || (t->folded && (within(t->set, hn_char_lower(ch)) || within(t->set, hn_char_upper(ch))));
    return in != t->negated;
}

static bool is_word(int64_t ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || ch == '_' || (ch >= 'a' && ch <= 'z');
}

/* before, after: the characters beside the position; -1 at the ends of the text. */
static bool holds(where w, int64_t before, int64_t after)
{
    switch (w) {
    case TEXT_START: return before < 0;
    case TEXT_END: return after < 0;
    case LINE_START: return before < 0 || before == '\n';
    case LINE_END: return after < 0 || after == '\n';
    case WORD_EDGE: return is_word(before) != is_word(after);
    default: return is_word(before) == is_word(after);
    }
}

typedef struct threads {
    uint32_t *at, *seen, *stack;
    uint32_t count, stamp;
} threads;

/* The thread at `from` and all it reaches without reading. */
static void follow(const hn_regex *re, threads *t, uint32_t from, int64_t before, int64_t after)
{
    uint32_t depth = 0;
    t->stack[depth++] = from;
    while (depth > 0) {
        uint32_t at = t->stack[--depth];
        if (t->seen[at] == t->stamp) continue;
        t->seen[at] = t->stamp;
        const instr *i = &re->program[at];
        if (i->code == C_JUMP) {
            t->stack[depth++] = i->to;
        } else if (i->code == C_SPLIT) {
            t->stack[depth++] = i->or ;
            t->stack[depth++] = i->to;
        } else if (i->code != C_ASSERT) {
            t->at[t->count++] = at;
        } else if (holds(i->t->where, before, after)) {
            t->stack[depth++] = at + 1;
        }
    }
}

static bool run(const hn_regex *re, threads now, threads next, hn_str text)
{
    uint32_t ch = 0;
    int64_t before = -1, after;
    size_t i = 0, len = text.size ? hn_utf8_next(text.data, text.size, &ch) : 0;
    after = len ? (int64_t)ch : -1;
    now.stamp = next.stamp = 1;
    follow(re, &now, 0, before, after);
    while (len > 0 && now.count > 0) {
        uint32_t here = ch & HN_TEXT_RAW ? 0xfffd : ch;
        before = here;
        i += len;
        len = i < text.size ? hn_utf8_next(text.data + i, text.size - i, &ch) : 0;
        after = len ? (int64_t)ch : -1;
        next.count = 0;
        next.stamp++;
        for (uint32_t k = 0; k < now.count; k++) {
            const instr *s = &re->program[now.at[k]];
            if (s->code == C_SET && in_set(s->t, here)) follow(re, &next, now.at[k] + 1, before, after);
        }
        threads swap = now;
        now = next;
        next = swap;
    }
    for (uint32_t k = 0; len == 0 && k < now.count; k++)
        if (re->program[now.at[k]].code == C_MATCH) return true;
    return false;
}

hn_status hn_regex_full(hn_env *env, const hn_regex *re, hn_str text, bool *out)
{
    hn_arena tmp = {0};
    /* Each instruction is pushed at most twice before it is seen. */
    size_t n = (size_t)re->size * 2 + 2;
    uint32_t *room = hn_arena_array(env, &tmp, 6 * n, sizeof *room);
    hn_status st = room ? hn_work_add(env, (double)re->size * ((double)text.size + 1)) : HN_NOMEM;
    if (st == HN_OK)
        *out = run(re, (threads){.at = room, .seen = room + n, .stack = room + 2 * n},
                   (threads){.at = room + 3 * n, .seen = room + 4 * n, .stack = room + 5 * n}, text);
    hn_arena_fini(env, &tmp);
    return st;
}
