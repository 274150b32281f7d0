/* lib_text: see the header. Case pairs follow the Unicode simple mappings of the alphabets named there. */
#include "ops/lib_text.h"

size_t hn_utf8_next(const char *s, size_t n, uint32_t *c)
{
    const unsigned char *p = (const unsigned char *)s;
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    *c = HN_TEXT_RAW | p[0];
    if (len == 1) {
        *c = p[0];
        return 1;
    }
    if (p[0] < 0xc0 || p[0] > 0xf4 || n < len) return 1;
    uint32_t v = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 1;
        v = v << 6 | (p[i] & 0x3f);
    }
    if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000)) return 1;
    *c = v;
    return len;
}

size_t hn_utf8_put(uint32_t c, char dst[4])
{
    if (c & HN_TEXT_RAW || c < 0x80) {
        dst[0] = (char)(c & 0xff);
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6) dst[i] = (char)(0x80 | (c & 0x3f));
    dst[0] = (char)((0xf00u >> len & 0xf0) | c);
    return len;
}

/* Capitals [from, to] have their small letter `step` further on; step 0: capitals and small letters alternate,
 * beginning with a capital. */
typedef struct pairs {
    uint32_t from, to, step;
} pairs;

static const pairs table[] = {
    {'A', 'Z', 32},         {0xc0, 0xd6, 32},    {0xd8, 0xde, 32},    {0x100, 0x12f, 0},   {0x132, 0x137, 0},
    {0x139, 0x148, 0},      {0x14a, 0x177, 0},   {0x179, 0x17e, 0},   {0x1cd, 0x1dc, 0},   {0x1de, 0x1ef, 0},
    {0x1f8, 0x21f, 0},      {0x222, 0x233, 0},   {0x370, 0x373, 0},   {0x386, 0x386, 38},  {0x388, 0x38a, 37},
    {0x38c, 0x38c, 64},     {0x38e, 0x38f, 63},  {0x391, 0x3a1, 32},  {0x3a3, 0x3ab, 32},  {0x3d8, 0x3ef, 0},
    {0x400, 0x40f, 80},     {0x410, 0x42f, 32},  {0x460, 0x481, 0},   {0x48a, 0x4bf, 0},   {0x4c1, 0x4ce, 0},
    {0x4d0, 0x52f, 0},      {0x531, 0x556, 48},  {0x1e00, 0x1e95, 0}, {0x1ea0, 0x1eff, 0}, {0x2160, 0x216f, 16},
    {0x24b6, 0x24cf, 26},   {0x2c80, 0x2ce3, 0}, {0xa640, 0xa66d, 0}, {0xa680, 0xa69b, 0}, {0xff21, 0xff3a, 32},
    {0x10400, 0x10427, 40},
};

uint32_t hn_char_lower(uint32_t c)
{
    if (c == 0x178) return 0xff;
    for (size_t i = 0; i < HN_COUNT(table); i++) {
        const pairs *p = &table[i];
        if (c < p->from || c > p->to) continue;
        return p->step ? c + p->step : c + ((c - p->from) % 2 == 0);
    }
    return c;
}

uint32_t hn_char_upper(uint32_t c)
{
    if (c == 0xff) return 0x178;
    if (c == 0x3c2) return 0x3a3;
    for (size_t i = 0; i < HN_COUNT(table); i++) {
        const pairs *p = &table[i];
        if (c < p->from + p->step || c > p->to + p->step) continue;
        return p->step ? c - p->step : c - (c - p->from) % 2;
    }
    return c;
}

bool hn_char_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

hn_status hn_text_map(hn_env *env, hn_arena *arena, hn_str s, uint32_t (*map)(uint32_t), hn_str *out)
{
    size_t most, n = 0;
    if (!hn_size_mul(s.size, 4, &most)) return hn_fail(env, HN_LIMIT, "a text of %zu bytes", s.size);
    char *d = hn_arena_alloc(env, arena, most + 4);
    if (!d) return HN_NOMEM;
    for (size_t i = 0; i < s.size;) {
        uint32_t c;
        i += hn_utf8_next(s.data + i, s.size - i, &c);
        n += hn_utf8_put(map(c), d + n);
    }
    *out = (hn_str){d, n};
    return HN_OK;
}
