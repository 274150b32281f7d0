/* npy: reading checks the header as text, key by key, and never trusts a size before the bytes are known to be there.
 */
#include "data/npy.h"

#include "base/io.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

static const char magic[6] = "\x93NUMPY";

static const struct {
    char text[4];
    hn_dtype dtype;
} kinds[] = {{"b1", HN_BOOL}, {"i1", HN_I8},  {"u1", HN_U8},  {"i2", HN_I16},  {"u2", HN_U16},
             {"i4", HN_I32},  {"u4", HN_U32}, {"i8", HN_I64}, {"u8", HN_U64},  {"f2", HN_F16},
             {"f4", HN_F32},  {"f8", HN_F64}, {"c8", HN_C64}, {"c16", HN_C128}};

/* The header: a Python dict of three known keys. */

typedef struct text {
    hn_env *env;
    const char *s;
    size_t n, at;
} text;

static hn_status bad(text *t, const char *want)
{
    return hn_fail(t->env, HN_INPUT, "the npy header is wrong at character %zu: expected %s", t->at, want);
}

static void blanks(text *t)
{
    while (t->at < t->n && (t->s[t->at] == ' ' || t->s[t->at] == '\n' || t->s[t->at] == '\t')) t->at++;
}

static bool take(text *t, char c)
{
    blanks(t);
    if (t->at >= t->n || t->s[t->at] != c) return false;
    t->at++;
    return true;
}

static bool take_word(text *t, const char *w)
{
    size_t n = strlen(w);
    blanks(t);
    if (t->n - t->at < n || memcmp(t->s + t->at, w, n) != 0) return false;
    t->at += n;
    return true;
}

static hn_status quoted(text *t, const char **s, size_t *n)
{
    blanks(t);
    char q = t->at < t->n ? t->s[t->at] : '\0';
    if (q != '\'' && q != '"') return bad(t, "a quoted word");
    const char *from = t->s + t->at + 1, *end = memchr(from, q, t->n - t->at - 1);
    if (!end) return bad(t, "a closing quote");
    *s = from;
    *n = (size_t)(end - from);
    t->at += *n + 2;
    return HN_OK;
}

static hn_status descr(text *t, hn_npy_header *h)
{
    const char *s = NULL;
    size_t n = 0;
    blanks(t);
    if (t->at < t->n && t->s[t->at] == '[') {
        hn_status st = hn_fail(t->env, HN_UNSUPPORTED, "record arrays cannot be read");
        hn_hint(t->env, "save each field as an array of its own, for example in one npz");
        return st;
    }
    HN_TRY(quoted(t, &s, &n));
    char order = n ? s[0] : '\0';
    for (size_t i = 0; i < HN_COUNT(kinds); i++) {
        size_t m = strlen(kinds[i].text);
        if (n != m + 1 || memcmp(s + 1, kinds[i].text, m) != 0 || !strchr("<>=|", order)) continue;
        h->dtype = kinds[i].dtype;
        h->swap = order == '>';
        return HN_OK;
    }
    return hn_fail(t->env, HN_UNSUPPORTED, "npy arrays of type \"%.*s\" cannot be read", (int)hn_min_size(n, 32), s);
}

static hn_status shape(text *t, hn_npy_header *h)
{
    if (!take(t, '(')) return bad(t, "'('");
    h->rank = 0;
    while (!take(t, ')')) {
        int64_t v = 0;
        blanks(t);
        size_t from = t->at;
        for (; t->at < t->n && t->s[t->at] >= '0' && t->s[t->at] <= '9'; t->at++)
            if (!hn_i64_mul(v, 10, &v) || !hn_i64_add(v, t->s[t->at] - '0', &v))
                return hn_fail(t->env, HN_LIMIT, "an npy dimension is too large");
        if (t->at == from) return bad(t, "a dimension");
        if (h->rank == HN_MAX_RANK)
            return hn_fail(t->env, HN_UNSUPPORTED, "npy arrays of more than %d dimensions cannot be read", HN_MAX_RANK);
        h->dims[h->rank++] = v;
        if (!take(t, ',') && (blanks(t), t->at >= t->n || t->s[t->at] != ')')) return bad(t, "',' or ')'");
    }
    return HN_OK;
}

static hn_status dict(text *t, hn_npy_header *h)
{
    unsigned seen = 0;
    if (!take(t, '{')) return bad(t, "'{'");
    while (!take(t, '}')) {
        const char *key = NULL;
        size_t n = 0;
        HN_TRY(quoted(t, &key, &n));
        if (!take(t, ':')) return bad(t, "':'");
        if (n == 5 && memcmp(key, "descr", n) == 0) {
            seen |= 1;
            HN_TRY(descr(t, h));
        } else if (n == 13 && memcmp(key, "fortran_order", n) == 0) {
            seen |= 2;
            h->fortran = take_word(t, "True");
            if (!h->fortran && !take_word(t, "False")) return bad(t, "True or False");
        } else if (n == 5 && memcmp(key, "shape", n) == 0) {
            seen |= 4;
            HN_TRY(shape(t, h));
        } else {
            return bad(t, "descr, fortran_order or shape");
        }
        if (!take(t, ',') && (blanks(t), t->at >= t->n || t->s[t->at] != '}')) return bad(t, "',' or '}'");
    }
    return seen == 7 ? HN_OK : bad(t, "descr, fortran_order and shape");
}

hn_status hn_npy_header_read(hn_env *env, hn_cursor *c, hn_npy_header *out)
{
    const uint8_t *m = NULL, *body = NULL;
    uint8_t major = 0, minor = 0;
    uint32_t size = 0;
    *out = (hn_npy_header){0};
    HN_TRY(hn_cursor_bytes(env, c, "the npy magic", sizeof magic, &m));
    if (memcmp(m, magic, sizeof magic) != 0)
        return hn_fail(env, HN_INPUT, "not an npy file: the magic bytes are missing");
    HN_TRY(hn_cursor_u8(env, c, "the npy version", &major));
    HN_TRY(hn_cursor_u8(env, c, "the npy version", &minor));
    if (major < 1 || major > 3)
        return hn_fail(env, HN_UNSUPPORTED, "npy version %d.%d is not known; 1 to 3 are", major, minor);
    if (major == 1) {
        uint16_t small = 0;
        HN_TRY(hn_cursor_u16(env, c, "the npy header size", &small));
        size = small;
    } else {
        HN_TRY(hn_cursor_u32(env, c, "the npy header size", &size));
    }
    HN_TRY(hn_cursor_bytes(env, c, "the npy header", size, &body));
    text t = {env, (const char *)body, size, 0};
    HN_TRY(dict(&t, out));
    size_t elems = 0;
    if (!hn_dims_count(out->rank, out->dims, &elems) || !hn_dtype_bytes(out->dtype, elems, &out->bytes))
        return hn_fail(env, HN_LIMIT, "the npy array is too large");
    if (out->bytes > hn_cursor_left(c))
        return hn_fail(env, HN_INPUT, "the npy array needs %zu bytes at byte %zu, but %zu are left", out->bytes,
                       c->base + c->pos, hn_cursor_left(c));
    return HN_OK;
}

/* Bytes of one number: complex values are two. */
static size_t word_bytes(hn_dtype t)
{
    size_t b = hn_dtype_bits(t) / 8;
    return t == HN_C64 || t == HN_C128 ? b / 2 : b;
}

static void swap_words(uint8_t *p, size_t bytes, size_t width)
{
    for (size_t i = 0; i + width <= bytes; i += width)
        for (size_t a = 0; a < width / 2; a++) {
            uint8_t v = p[i + a];
            p[i + a] = p[i + width - 1 - a];
            p[i + width - 1 - a] = v;
        }
}

/* src is column-major: step through dst row by row, keeping the source offset of each axis. */
static void from_fortran(const uint8_t *src, const hn_tensor *dst)
{
    size_t width = hn_dtype_bits(dst->dtype) / 8, n = hn_tensor_elems(dst), at = 0;
    size_t step[HN_MAX_RANK] = {0}, index[HN_MAX_RANK] = {0}, s = 1;
    for (int d = 0; d < dst->rank; d++) {
        step[d] = s;
        s *= (size_t)dst->dims[d];
    }
    for (size_t i = 0; i < n; i++) {
        memcpy((uint8_t *)dst->data + i * width, src + at * width, width);
        for (int d = dst->rank - 1; d >= 0; d--) {
            at += step[d];
            if (++index[d] < (size_t)dst->dims[d]) break;
            at -= step[d] * (size_t)dst->dims[d];
            index[d] = 0;
        }
    }
}

/* file: which the cursor's bytes are mapped from, or NULL. */
static hn_status read_npy(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_file *file, hn_tensor *out)
{
    hn_npy_header h;
    const uint8_t *src = NULL;
    HN_TRY(hn_npy_header_read(env, c, &h));
    HN_TRY(hn_cursor_bytes(env, c, "the npy elements", h.bytes, &src));
    HN_TRY(hn_tensor_init(env, arena, out, h.dtype, h.rank, h.dims));
    if (h.bytes == 0) return HN_OK;
    if (h.fortran && h.rank > 1)
        from_fortran(src, out);
    else if (file)
        HN_TRY(hn_file_copy(env, file, out->data, src, h.bytes));
    else
        memcpy(out->data, src, h.bytes);
    if (h.swap) swap_words(out->data, out->bytes, word_bytes(h.dtype));
    return HN_OK;
}

hn_status hn_npy_read(hn_env *env, hn_arena *arena, hn_cursor *c, hn_tensor *out)
{
    return read_npy(env, arena, c, NULL, out);
}

hn_status hn_npy_load(hn_env *env, hn_arena *arena, const char *path, hn_tensor *out)
{
    hn_file file;
    HN_TRY(hn_file_open(env, path, &file));
    hn_cursor c = hn_cursor_make(file.map.data, file.map.size);
    hn_status st = read_npy(env, arena, &c, &file, out);
    hn_file_close(&file);
    return hn_context(env, st, "in %s", path);
}

hn_status hn_npy_write(hn_env *env, const hn_tensor *t, hn_buf *out)
{
    const char *kind = NULL;
    for (size_t i = 0; i < HN_COUNT(kinds); i++)
        if (kinds[i].dtype == t->dtype) kind = kinds[i].text;
    if (!kind && t->dtype == HN_STRING) return hn_fail(env, HN_UNSUPPORTED, "strings cannot be written as npy");
    char head[512];
    unsigned bits = hn_dtype_bits(t->dtype);
    int n = snprintf(head, sizeof head, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     kind && bits == 8 ? '|' : '<', kind ? kind : "f4");
    for (int d = 0; d < t->rank; d++)
        n += snprintf(head + n, sizeof head - (size_t)n, "%lld%s", (long long)t->dims[d],
                      d + 1 < t->rank ? ", "
                      : t->rank == 1  ? ","
                                      : "");
    n += snprintf(head + n, sizeof head - (size_t)n, "), }");
    /* NumPy pads so that the elements begin at a multiple of 64. */
    size_t used = sizeof magic + 4 + (size_t)n + 1, pad = hn_align_up(used, 64) - used;
    uint16_t size = (uint16_t)((size_t)n + pad + 1);
    const uint8_t fixed[4] = {1, 0, (uint8_t)(size & 0xff), (uint8_t)(size >> 8)};
    hn_buf_append(env, out, magic, sizeof magic);
    hn_buf_append(env, out, fixed, sizeof fixed);
    hn_buf_append(env, out, head, (size_t)n);
    hn_buf_printf(env, out, "%*s\n", (int)pad, "");
    if (kind) {
        if (t->bytes) hn_buf_append(env, out, t->data, t->bytes);
    } else {
        size_t elems = hn_tensor_elems(t);
        for (size_t i = 0; i < elems; i++) {
            float v = (float)hn_get_f64(t, i);
            hn_buf_append(env, out, &v, sizeof v);
        }
    }
    return hn_buf_status(out);
}

hn_status hn_npy_save(hn_env *env, const char *path, const hn_tensor *t)
{
    hn_buf b = {0};
    hn_status st = hn_npy_write(env, t, &b);
    if (st == HN_OK) st = hn_file_write(env, path, b.data, b.size);
    hn_buf_fini(env, &b);
    return hn_context(env, st, "writing %s", path);
}
