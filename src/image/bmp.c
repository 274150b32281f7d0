/* bmp: Windows bitmaps of 1 to 32 bits a pixel, with a palette, plain, run-length coded or with bit fields. */
#include "image/image_priv.h"

#include "base/size.h"

#include <string.h>

enum { FILE_HEAD = 14, RGB = 0, RLE8 = 1, RLE4 = 2, FIELDS = 3, ALPHA_FIELDS = 6 };

typedef struct bmp {
    const hn_image_source *s;
    size_t pixels_at, palette_at, colours;
    size_t entry; /* bytes of a palette entry */
    uint32_t width, height, bits, coding;
    bool down; /* the first row is the upper one */
    uint32_t mask[3];
} bmp;

static uint32_t le(const uint8_t *p, size_t n)
{
    uint32_t v = 0;
    for (size_t i = n; i-- > 0;) v = v << 8 | p[i];
    return v;
}

bool hn_image_is_bmp(const uint8_t *b, size_t n)
{
    return n >= FILE_HEAD + 12 && b[0] == 'B' && b[1] == 'M' && le(b + 14, 4) <= 256;
}

static hn_status read_head(bmp *m)
{
    const hn_image_source *s = m->s;
    const uint8_t *h = s->data + FILE_HEAD;
    size_t head = le(h, 4);
    m->pixels_at = le(s->data + 10, 4);
    if ((head != 12 && head < 40) || s->size - FILE_HEAD < head) return hn_image_cut(s, "BMP");
    m->entry = head == 12 ? 3 : 4;
    if (head == 12) {
        m->width = le(h + 4, 2);
        m->height = le(h + 6, 2);
        m->bits = le(h + 10, 2);
    } else {
        int32_t height = (int32_t)le(h + 8, 4);
        m->width = le(h + 4, 4);
        m->down = height < 0;
        m->height = height < 0 ? 0u - (uint32_t)height : (uint32_t)height;
        m->bits = le(h + 14, 2);
        m->coding = le(h + 16, 4);
        m->colours = le(h + 32, 4);
    }
    m->palette_at = FILE_HEAD + head;
    if (m->bits <= 8 && (m->colours == 0 || m->colours > (size_t)1 << m->bits)) m->colours = (size_t)1 << m->bits;
    static const uint32_t fifteen[3] = {0x7c00, 0x3e0, 0x1f}, full[3] = {0xff0000, 0xff00, 0xff};
    memcpy(m->mask, m->bits == 16 ? fifteen : full, sizeof m->mask);
    if (m->coding == FIELDS || m->coding == ALPHA_FIELDS) {
        if (s->size < FILE_HEAD + 40 + 12) return hn_image_cut(s, "BMP");
        for (int c = 0; c < 3; c++) m->mask[c] = le(h + 40 + 4 * c, 4);
    }
    bool depth = m->bits == 1 || m->bits == 4 || m->bits == 8 || m->bits == 16 || m->bits == 24 || m->bits == 32;
    bool coded = (m->coding == RLE8 && m->bits == 8) || (m->coding == RLE4 && m->bits == 4);
    bool fields = (m->coding == FIELDS || m->coding == ALPHA_FIELDS) && (m->bits == 16 || m->bits == 32);
    if (!depth || (m->coding != RGB && !coded && !fields))
        return hn_fail(s->env, HN_UNSUPPORTED, "a BMP of %u bits a pixel, coding %u", m->bits, m->coding);
    return HN_OK;
}

static uint8_t field(uint32_t v, uint32_t mask)
{
    if (mask == 0) return 0;
    unsigned shift = 0;
    while (!(mask >> shift & 1)) shift++;
    uint64_t most = mask >> shift;
    return (uint8_t)(((v & mask) >> shift) * UINT64_C(255) / most);
}

static hn_status palette_pixel(const bmp *m, uint32_t index, uint8_t *dst)
{
    size_t at = m->palette_at + index * m->entry;
    if (index >= m->colours || at + 3 > m->s->size) index = 0, at = m->palette_at;
    if (at + 3 > m->s->size) return hn_image_cut(m->s, "BMP");
    for (int c = 0; c < 3; c++) dst[c] = m->s->data[at + 2 - (size_t)c];
    return HN_OK;
}

static uint8_t *row_of(const bmp *m, hn_image *out, uint32_t y)
{
    size_t row = m->down ? y : m->height - 1 - y;
    return out->pixels + row * m->width * 3;
}

static hn_status plain_row(const bmp *m, const uint8_t *src, uint8_t *dst)
{
    for (uint32_t x = 0; x < m->width; x++, dst += 3) {
        if (m->bits <= 8) {
            uint32_t per = 8 / m->bits, shift = 8 - m->bits * (x % per + 1);
            HN_TRY(palette_pixel(m, (uint32_t)src[x / per] >> shift & ((1u << m->bits) - 1), dst));
        } else if (m->bits == 24) {
            for (int c = 0; c < 3; c++) dst[c] = src[3 * (size_t)x + 2 - (size_t)c];
        } else {
            uint32_t v = le(src + (size_t)x * (m->bits / 8), m->bits / 8);
            for (int c = 0; c < 3; c++) dst[c] = field(v, m->mask[c]);
        }
    }
    return HN_OK;
}

static hn_status runs(const bmp *m, hn_image *out)
{
    const hn_image_source *s = m->s;
    uint32_t x = 0, y = 0;
    for (size_t at = m->pixels_at; y < m->height;) {
        if (at + 2 > s->size) return hn_image_cut(s, "BMP");
        uint32_t n = s->data[at], v = s->data[at + 1];
        at += 2;
        size_t bytes = n ? 0 : m->bits == 8 ? v : (v + 1) / 2;
        if (n == 0 && v == 0) {
            x = 0;
            y++;
            continue;
        }
        if (n == 0 && v == 1) return HN_OK;
        if (n == 0 && v == 2) {
            if (at + 2 > s->size) return hn_image_cut(s, "BMP");
            x += s->data[at];
            y += s->data[at + 1];
            at += 2;
            continue;
        }
        if (bytes > s->size - at) return hn_image_cut(s, "BMP");
        for (uint32_t i = 0, count = n ? n : v; i < count && x < m->width; i++, x++) {
            uint32_t code = n ? v : s->data[at + (m->bits == 8 ? i : i / 2)];
            if (m->bits == 4) code = code >> (i % 2 ? 0 : 4) & 15;
            HN_TRY(palette_pixel(m, code, row_of(m, out, y) + (size_t)x * 3));
        }
        at += bytes + bytes % 2;
    }
    return HN_OK;
}

hn_status hn_image_bmp(const hn_image_source *s, hn_image *out)
{
    bmp m = {.s = s};
    HN_TRY(read_head(&m));
    HN_TRY(hn_image_take(s, m.width, m.height, 3, out));
    if (s->measure) return HN_OK;
    if (m.coding == RLE8 || m.coding == RLE4) return runs(&m, out);
    size_t stride = ((size_t)m.width * m.bits + 31) / 32 * 4;
    if (m.pixels_at > s->size || stride * m.height > s->size - m.pixels_at) return hn_image_cut(s, "BMP");
    for (uint32_t y = 0; y < m.height; y++)
        HN_TRY(plain_row(&m, s->data + m.pixels_at + stride * y, row_of(&m, out, y)));
    return HN_OK;
}
