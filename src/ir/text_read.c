/* text_read: words, strings, numbers, types and constant data of the text form. The text is not trusted: every read is
 * bounded by its end, and memory by the length of the text but for what splat and random make, which has its own limit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "ir/text_priv.h"

#define MADE_BYTES ((size_t)64 << 20) /* by splat and random, which need no text */

hn_status hn_text_wrong(hn_text *c, const char *why)
{
    size_t line = 1;
    for (const char *s = c->begin; s < c->p; ++s) line += *s == '\n';
    return hn_fail(c->env, HN_INPUT, "text form, line %zu: %s", line, why);
}

void hn_text_blanks(hn_text *c)
{
    while (c->p < c->end) {
        if (*c->p == '#')
            while (c->p < c->end && *c->p != '\n') c->p++;
        else if (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r')
            c->p++;
        else
            return;
    }
}

bool hn_text_peek(hn_text *c, char ch)
{
    hn_text_blanks(c);
    return c->p < c->end && *c->p == ch;
}

bool hn_text_accept(hn_text *c, char ch)
{
    if (!hn_text_peek(c, ch)) return false;
    c->p++;
    return true;
}

hn_status hn_text_expect(hn_text *c, char ch)
{
    char why[] = "'?' is needed here";
    why[1] = ch;
    return hn_text_accept(c, ch) ? HN_OK : hn_text_wrong(c, why);
}

/* The next word of bare characters, "+" included for exponents; empty when there is none. */
hn_str hn_text_word(hn_text *c)
{
    hn_text_blanks(c);
    const char *s = c->p;
    while (c->p < c->end && (hn_text_bare_char(*c->p) || *c->p == '+')) c->p++;
    return (hn_str){s, (size_t)(c->p - s)};
}

static bool is(hn_str w, const char *s)
{
    return w.size == strlen(s) && memcmp(w.data, s, w.size) == 0;
}

bool hn_text_accept_word(hn_text *c, const char *s)
{
    const char *at = c->p;
    if (is(hn_text_word(c), s)) return true;
    c->p = at;
    return false;
}

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    return -1;
}

hn_status hn_text_string(hn_text *c, hn_str *out)
{
    HN_TRY(hn_text_expect(c, '"'));
    const char *s = c->p;
    while (s < c->end && *s != '"') s += *s == '\\' ? 2 : 1;
    if (s >= c->end) return hn_text_wrong(c, "a string has no end");
    char *d = hn_arena_alloc(c->env, c->arena, (size_t)(s - c->p) + 1);
    if (d == NULL) return c->env->error.status;
    size_t n = 0;
    while (c->p < s) {
        char ch = *c->p++;
        if (ch == '\\') {
            ch = *c->p++;
            if (ch == 'x') {
                int hi = s - c->p >= 2 ? hex_digit(c->p[0]) : -1, lo = s - c->p >= 2 ? hex_digit(c->p[1]) : -1;
                if (hi < 0 || lo < 0) return hn_text_wrong(c, "\\x needs two digits 0-9, a-f");
                ch = (char)(hi * 16 + lo);
                c->p += 2;
            } else if (ch != '"' && ch != '\\') {
                return hn_text_wrong(c, "only \\\", \\\\ and \\xHH may follow a backslash");
            }
        }
        d[n++] = ch;
    }
    c->p = s + 1;
    *out = (hn_str){d, n};
    return HN_OK;
}

/* A string without NUL bytes. */
hn_status hn_text_cstring(hn_text *c, const char **out)
{
    hn_str s;
    HN_TRY(hn_text_string(c, &s));
    if (s.size != 0 && memchr(s.data, 0, s.size) != NULL) return hn_text_wrong(c, "a name holds a NUL byte");
    *out = s.data;
    return HN_OK;
}

hn_status hn_text_name(hn_text *c, const char **out)
{
    if (hn_text_peek(c, '"')) return hn_text_cstring(c, out);
    hn_str w = hn_text_word(c);
    if (!hn_text_bare(w.data, w.size)) return hn_text_wrong(c, "a name is needed here");
    *out = hn_arena_strndup(c->env, c->arena, w.data, w.size);
    return *out != NULL ? HN_OK : c->env->error.status;
}

hn_status hn_text_number(hn_text *c, hn_text_num *out)
{
    char s[64], *end;
    hn_str w = hn_text_word(c);
    if (w.size == 0 || w.size >= sizeof(s)) return hn_text_wrong(c, "a number is needed here");
    memcpy(s, w.data, w.size);
    s[w.size] = 0;
    bool negative = s[0] == '-';
    size_t digits = strspn(s + negative, "0123456789");
    *out = (hn_text_num){0};
    if (digits > 0 && s[negative + digits] == 0) {
        uint64_t u = 0;
        for (const char *d = s + negative; *d != 0; ++d) {
            uint64_t next;
            if (__builtin_mul_overflow(u, UINT64_C(10), &next) ||
                __builtin_add_overflow(next, (uint64_t)(*d - '0'), &u))
                return hn_text_wrong(c, "an integer does not fit 64 bits");
        }
        if (negative && u > (uint64_t)INT64_MAX + 1) return hn_text_wrong(c, "an integer does not fit 64 bits");
        out->u = negative ? 0 - u : u;
        out->i = (int64_t)out->u;
        out->f = negative ? -(double)u : (double)u;
        return HN_OK;
    }
    out->is_float = true;
    if (strspn(s, "+-0123456789.einfa") != w.size) return hn_text_wrong(c, "a number is needed here");
    out->f = strtod(s, &end);
    return *end == 0 ? HN_OK : hn_text_wrong(c, "a number is needed here");
}

hn_status hn_text_integer(hn_text *c, int64_t *out)
{
    hn_text_num n;
    HN_TRY(hn_text_number(c, &n));
    if (n.is_float || (n.u > INT64_MAX && n.i >= 0)) return hn_text_wrong(c, "an integer is needed here");
    *out = n.i;
    return HN_OK;
}

static hn_status parse_dim(hn_text *c, hn_graph *g, int64_t *out)
{
    if (hn_text_accept(c, '?')) {
        *out = -1;
        return HN_OK;
    }
    hn_text_blanks(c);
    if (c->p < c->end && *c->p >= '0' && *c->p <= '9') return hn_text_integer(c, out);
    const char *symbol;
    HN_TRY(hn_text_name(c, &symbol));
    if (symbol[0] == 0) return hn_text_wrong(c, "a symbolic dim needs a name");
    *out = hn_graph_symbol(g, symbol);
    return *out != -1 ? HN_OK : c->env->error.status;
}

/* "i64," or "string,"; the word after it comes back. */
static hn_status map_key(hn_text *c, hn_str *w, hn_dtype *key)
{
    *key = hn_dtype_parse(w->data, w->size);
    if (*key == HN_NONE && w->size == 0 && hn_text_accept(c, '?')) {
    } else if (*key != HN_I64 && *key != HN_STRING) {
        return hn_text_wrong(c, "a map has keys of type i64 or string");
    }
    HN_TRY(hn_text_expect(c, ','));
    *w = hn_text_word(c);
    return HN_OK;
}

hn_status hn_text_type(hn_text *c, hn_graph *g, hn_type *out)
{
    *out = hn_type_tensor(HN_NONE, 0, NULL);
    hn_str w = hn_text_word(c);
    if (hn_text_peek(c, '(')) {
        int kind = HN_KINDS - 1;
        while (kind > 0 &&
               (w.size + 1 != strlen(hn_kind_open(kind)) || memcmp(hn_kind_open(kind), w.data, w.size) != 0))
            kind--;
        if (kind == 0) return hn_text_wrong(c, "a type is needed here");
        out->kind = (hn_kind)kind;
        c->p++;
        w = hn_text_word(c);
        if (hn_type_is_map(out)) HN_TRY(map_key(c, &w, &out->key));
    }
    if (w.size == 0 && hn_text_accept(c, '?')) {
    } else {
        out->dtype = hn_dtype_parse(w.data, w.size);
        if (out->dtype == HN_NONE) return hn_text_wrong(c, "a type is needed here, such as f32[1,N]");
    }
    HN_TRY(hn_text_expect(c, '['));
    if (hn_text_accept(c, '*')) {
        out->rank = -1;
    } else if (!hn_text_peek(c, ']')) {
        do {
            if (out->rank == HN_MAX_RANK) return hn_text_wrong(c, "a rank is above 8");
            HN_TRY(parse_dim(c, g, &out->dims[out->rank]));
            out->rank++;
        } while (hn_text_accept(c, ','));
    }
    HN_TRY(hn_text_expect(c, ']'));
    return out->kind == HN_KIND_TENSOR ? HN_OK : hn_text_expect(c, ')');
}

static hn_status set_element(hn_text *c, const hn_tensor *t, size_t i)
{
    hn_text_num n;
    HN_TRY(hn_text_number(c, &n));
    if (hn_dtype_is_float(t->dtype)) {
        hn_set_f64(t, i, n.f);
    } else {
        if (n.is_float) return hn_text_wrong(c, "an integer is needed here");
        hn_set_i64(t, i, n.i);
    }
    return HN_OK;
}

static hn_status parse_list(hn_text *c, const hn_tensor *t, size_t n)
{
    for (size_t i = 0; i < n; ++i) {
        if (i > 0) HN_TRY(hn_text_expect(c, ','));
        if (t->dtype == HN_STRING)
            HN_TRY(hn_text_string(c, &((hn_str *)t->data)[i]));
        else
            HN_TRY(set_element(c, t, i));
    }
    return hn_text_expect(c, ']');
}

static hn_status parse_hex(hn_text *c, const hn_tensor *t)
{
    hn_str w = hn_text_word(c);
    if (t->bytes == 0 && is(w, "-")) return HN_OK;
    if (w.size / 2 != t->bytes || w.size % 2 != 0) return hn_text_wrong(c, "hex data and type differ in size");
    for (size_t i = 0; i < t->bytes; ++i) {
        int hi = hex_digit(w.data[2 * i]), lo = hex_digit(w.data[2 * i + 1]);
        if (hi < 0 || lo < 0) return hn_text_wrong(c, "hex data hold another character than 0-9, a-f");
        ((unsigned char *)t->data)[i] = (unsigned char)(hi * 16 + lo);
    }
    return HN_OK;
}

static void fill_random(const hn_tensor *t, size_t n, uint64_t seed)
{
    hn_rng r;
    hn_rng_init(&r, seed, 0);
    for (size_t i = 0; i < n; ++i) {
        if (hn_dtype_is_float(t->dtype))
            hn_set_f64(t, i, hn_rng_normal(&r));
        else
            hn_set_i64(t, i, (int64_t)hn_rng_below(&r, 7) - (hn_dtype_is_signed(t->dtype) ? 3 : 0));
    }
}

/* Whether the text left can hold n elements written one by one; keeps a short text from asking for much memory. */
static bool text_holds(const hn_text *c, size_t elems)
{
    return elems <= (size_t)(c->end - c->p);
}

hn_status hn_text_data(hn_text *c, const hn_type *type, hn_tensor **out)
{
    size_t n, bytes;
    if (!hn_type_known(type)) return hn_text_wrong(c, "a constant needs a tensor type with known dims");
    if (!hn_dims_count(type->rank, type->dims, &n) || !hn_dtype_bytes(type->dtype, n, &bytes))
        return hn_text_wrong(c, "a constant is too large");
    hn_tensor *t = hn_arena_alloc(c->env, c->arena, sizeof(*t));
    if (t == NULL) return c->env->error.status;
    *out = t;
    bool list = hn_text_accept(c, '[');
    hn_str how = list ? (hn_str){"[", 1} : hn_text_word(c);
    bool made = is(how, "splat") || is(how, "random");
    if (is(how, "hash")) return hn_text_wrong(c, "a hash stands for data that are not in the text: print it in full");
    if (!list && !made && !is(how, "hex")) return hn_text_wrong(c, "data are needed here: [...], hex, splat or random");
    if (type->dtype == HN_STRING && !list) return hn_text_wrong(c, "strings are written as a list");
    if (made) {
        if (bytes > MADE_BYTES - c->made_bytes)
            return hn_fail(c->env, HN_LIMIT, "text form: more than %zu bytes by splat and random", MADE_BYTES);
        c->made_bytes += bytes;
    } else if (!text_holds(c, list ? n : bytes)) {
        return hn_text_wrong(c, "fewer data than the type needs");
    }
    HN_TRY(hn_tensor_init(c->env, c->arena, t, type->dtype, type->rank, type->dims));
    if (is(how, "hex")) return parse_hex(c, t);
    if ((HN_BIT(type->dtype) & HN_T_COMPLEX) != 0) return hn_text_wrong(c, "complex numbers are written in hex");
    if (list) return parse_list(c, t, n);
    if (is(how, "random")) {
        int64_t seed;
        HN_TRY(hn_text_integer(c, &seed));
        fill_random(t, n, (uint64_t)seed);
        return HN_OK;
    }
    hn_tensor one = *t;
    uint64_t room[2] = {0};
    one.data = room;
    HN_TRY(set_element(c, &one, 0));
    for (size_t i = 0; i < n; ++i) {
        if (hn_dtype_is_float(t->dtype))
            hn_set_f64(t, i, hn_get_f64(&one, 0));
        else
            hn_set_i64(t, i, hn_get_i64(&one, 0));
    }
    return HN_OK;
}
