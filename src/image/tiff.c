/* tiff: the first picture of a TIFF file in strips: bilevel, gray, palette or RGB, 1, 2, 4, 8 or 16 bits a sample,
 * plain, PackBits, LZW or deflated, with or without the horizontal predictor (TIFF revision 6.0). */
#include "image/image_priv.h"

#include "base/late.h"
#include "base/size.h"

#include <string.h>

#include <zlib.h>

enum { PLAIN = 1, LZW = 5, DEFLATE = 8, PACKBITS = 32773, OLD_DEFLATE = 32946 };
enum { WHITE_ZERO, BLACK_ZERO, COLOURS, PALETTE };

typedef struct list {
    uint32_t type, count;
    size_t at; /* of the values */
} list;

typedef struct library {
    HN_LATE_MEMBER(uncompress);
} library;

typedef struct tiff {
    library lib; /* opened when strips are deflated */
    const hn_image_source *s;
    bool big;
    uint32_t width, height, bits, samples, coding, meaning, rows, planar, predictor, fill;
    list offsets, counts, colours;
    bool tiled;
} tiff;

bool hn_image_is_tiff(const uint8_t *b, size_t n)
{
    return n >= 8 && (memcmp(b, "II*\0", 4) == 0 || memcmp(b, "MM\0*", 4) == 0);
}

/* n bytes as a number; 0 beyond the end, which the callers' checks of counts and sizes turn into a refusal. */
static uint32_t get(const tiff *t, size_t at, size_t n)
{
    uint32_t v = 0;
    if (at > t->s->size || n > t->s->size - at) return 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | t->s->data[at + (t->big ? i : n - 1 - i)];
    return v;
}

static size_t width_of(uint32_t type)
{
    return type == 3 ? 2 : type == 4 ? 4 : type == 1 ? 1 : 0;
}

static uint32_t entry(const tiff *t, const list *l, uint32_t i)
{
    return i < l->count ? get(t, l->at + i * width_of(l->type), width_of(l->type)) : 0;
}

static hn_status read_tag(tiff *t, size_t at)
{
    uint32_t tag = get(t, at, 2);
    list l = {.type = get(t, at + 2, 2), .count = get(t, at + 4, 4)};
    size_t each = width_of(l.type), bytes = each * (size_t)l.count;
    if (each == 0) return HN_OK; /* a kind that no tag below has */
    l.at = bytes <= 4 ? at + 8 : get(t, at + 8, 4);
    if (l.at > t->s->size || bytes > t->s->size - l.at) return hn_image_cut(t->s, "TIFF");
    uint32_t v = entry(t, &l, 0);
    switch (tag) {
    case 256: t->width = v; break;
    case 257: t->height = v; break;
    case 258:
        t->bits = v;
        for (uint32_t i = 1; i < l.count; i++)
            if (entry(t, &l, i) != v) return hn_fail(t->s->env, HN_UNSUPPORTED, "a TIFF with samples of unlike depths");
        break;
    case 259: t->coding = v; break;
    case 262: t->meaning = v; break;
    case 266: t->fill = v; break;
    case 273: t->offsets = l; break;
    case 277: t->samples = v; break;
    case 278: t->rows = v; break;
    case 279: t->counts = l; break;
    case 284: t->planar = v; break;
    case 317: t->predictor = v; break;
    case 320: t->colours = l; break;
    case 322:
    case 324: t->tiled = true; break;
    case 339:
        if (v != 1 && v != 4) return hn_fail(t->s->env, HN_UNSUPPORTED, "a TIFF of sample format %u", v);
        break;
    default: break;
    }
    return HN_OK;
}

static hn_status read_head(tiff *t)
{
    hn_env *env = t->s->env;
    size_t at = get(t, 4, 4), n = get(t, at, 2);
    if (at + 2 > t->s->size || n * 12 > t->s->size - at - 2) return hn_image_cut(t->s, "TIFF");
    for (size_t i = 0; i < n; i++) HN_TRY(read_tag(t, at + 2 + i * 12));
    bool depth = t->bits == 1 || t->bits == 2 || t->bits == 4 || t->bits == 8 || t->bits == 16;
    if (t->tiled) return hn_fail(env, HN_UNSUPPORTED, "a TIFF in tiles");
    if (t->meaning > PALETTE) return hn_fail(env, HN_UNSUPPORTED, "a TIFF of photometric kind %u", t->meaning);
    if (!depth || t->fill > 1 || (t->planar != 1 && t->samples > 1) || t->predictor > 2)
        return hn_fail(env, HN_UNSUPPORTED, "a TIFF of %u bits, fill order %u, planes %u, predictor %u", t->bits,
                       t->fill, t->planar, t->predictor);
    if (t->samples < (t->meaning == COLOURS ? 3u : 1u) || t->samples > 16)
        return hn_fail(env, HN_INPUT, "a TIFF with %u samples a pixel", t->samples);
    if (t->predictor == 2 && t->bits < 8) return hn_fail(env, HN_UNSUPPORTED, "a TIFF predictor of %u bits", t->bits);
    if (t->meaning == PALETTE && (t->bits > 8 || t->colours.count < 3u << t->bits))
        return hn_fail(env, HN_INPUT, "the TIFF's palette is too short");
    return HN_OK;
}

static bool unpack_bits(const uint8_t *src, size_t n, uint8_t *dst, size_t want)
{
    size_t at = 0;
    for (size_t i = 0; i < n && at < want;) {
        uint8_t head = src[i++];
        size_t run = head < 128 ? head + 1u : 257u - head;
        if (head == 128) continue;
        if (run > want - at) run = want - at;
        if (head < 128) {
            if (run > n - i) return false;
            memcpy(dst + at, src + i, run);
            i += run;
        } else {
            if (i == n) return false;
            memset(dst + at, src[i++], run);
        }
        at += run;
    }
    return at == want;
}

/* Codes of 9 to 12 bits, high bits first; a code's text is that of its prefix and one byte more. */
static bool unpack_lzw(const uint8_t *src, size_t n, uint8_t *dst, size_t want)
{
    enum { CLEAR = 256, END = 257, FIRST = 258, CODES = 4096 };
    struct {
        uint32_t at, size;
    } text[CODES];
    uint32_t next = FIRST, bits = 9, buffer = 0, have = 0, last = CLEAR;
    size_t out = 0, last_at = 0, last_size = 0;
    for (size_t i = 0; out < want;) {
        while (have < bits && i < n) buffer = buffer << 8 | src[i++], have += 8;
        if (have < bits) return false;
        uint32_t code = buffer >> (have - bits) & ((1u << bits) - 1);
        have -= bits;
        if (code == END) return false;
        if (code == CLEAR) {
            next = FIRST;
            bits = 9;
            last = CLEAR;
            continue;
        }
        size_t from = 0, size = 1;
        if (code >= 256) {
            bool fresh = code == next && last != CLEAR;
            if (code > next || (code == next && !fresh)) return false;
            from = fresh ? last_at : text[code].at;
            size = fresh ? last_size + 1 : text[code].size;
        }
        if (last != CLEAR && next < CODES) {
            text[next].at = (uint32_t)last_at;
            text[next].size = (uint32_t)last_size + 1;
            next++;
        }
        last_at = out;
        last_size = size;
        last = code;
        for (size_t k = 0; k < size && out < want; k++, out++) dst[out] = code < 256 ? (uint8_t)code : dst[from + k];
        if (next + 1 >= 1u << bits && bits < 12) bits++;
    }
    return true;
}

static bool unpack(const tiff *t, const uint8_t *src, size_t n, uint8_t *dst, size_t want)
{
    uLongf got = want;
    switch (t->coding) {
    case PLAIN:
        if (n < want) return false;
        memcpy(dst, src, want);
        return true;
    case LZW: return unpack_lzw(src, n, dst, want);
    case PACKBITS: return unpack_bits(src, n, dst, want);
    default: return t->lib.uncompress(dst, &got, src, n) == Z_OK && got == want;
    }
}

static hn_status open_library(hn_env *env, library *lib)
{
    const hn_late_symbol symbols[] = {HN_LATE_SYMBOL(lib, uncompress)};
    return hn_late_open(env, HONE_SONAME_z, symbols, HN_COUNT(symbols));
}

/* Undo differences between neighbours. */
static void add_up(const tiff *t, uint8_t *row)
{
    size_t n = (size_t)t->width * t->samples, step = t->samples;
    for (size_t i = step; i < n; i++) {
        if (t->bits == 8) {
            row[i] = (uint8_t)(row[i] + row[i - step]);
            continue;
        }
        uint8_t *a = row + 2 * (i - step), *b = row + 2 * i;
        size_t hi = t->big ? 0 : 1;
        unsigned v = (a[hi] * 256u + a[1 - hi] + b[hi] * 256u + b[1 - hi]) & 0xffff;
        b[hi] = (uint8_t)(v >> 8);
        b[1 - hi] = (uint8_t)v;
    }
}

static uint32_t sample(const tiff *t, const uint8_t *row, size_t i)
{
    if (t->bits == 8) return row[i];
    if (t->bits == 16) return row[2 * i + (t->big ? 0 : 1)];
    size_t per = 8 / t->bits;
    uint32_t v = (uint32_t)row[i / per] >> (8 - t->bits * (i % per + 1)) & ((1u << t->bits) - 1);
    return t->meaning == PALETTE ? v : v * 255 / ((1u << t->bits) - 1);
}

static void put_row(const tiff *t, const uint8_t *row, uint8_t *dst)
{
    for (size_t x = 0; x < t->width; x++) {
        uint32_t v = sample(t, row, x * t->samples), n = 1u << t->bits;
        if (t->meaning == COLOURS)
            for (size_t c = 0; c < 3; c++) *dst++ = (uint8_t)sample(t, row, x * t->samples + c);
        else if (t->meaning == PALETTE)
            for (uint32_t c = 0; c < 3; c++) *dst++ = (uint8_t)(entry(t, &t->colours, c * n + v) >> 8);
        else
            *dst++ = (uint8_t)(t->meaning == WHITE_ZERO ? 255 - v : v);
    }
}

hn_status hn_image_tiff(const hn_image_source *s, hn_image *out)
{
    tiff t = {.s = s, .big = s->data[0] == 'M', .bits = 1, .samples = 1, .coding = PLAIN, .meaning = BLACK_ZERO};
    t.planar = t.predictor = t.fill = 1;
    HN_TRY(read_head(&t));
    if (t.coding != PLAIN && t.coding != LZW && t.coding != DEFLATE && t.coding != OLD_DEFLATE && t.coding != PACKBITS)
        return hn_fail(s->env, HN_UNSUPPORTED, "a TIFF of compression %u", t.coding);
    int channels = t.meaning == COLOURS || t.meaning == PALETTE ? 3 : 1;
    HN_TRY(hn_image_take(s, t.width, t.height, channels, out));
    if (s->measure) return HN_OK;
    if (t.coding == DEFLATE || t.coding == OLD_DEFLATE) HN_TRY(open_library(s->env, &t.lib));
    if (t.rows == 0 || t.rows > t.height) t.rows = t.height;
    size_t row = ((size_t)t.width * t.samples * t.bits + 7) / 8, strips = hn_div_up(t.height, t.rows), size;
    if (!hn_size_mul(row, t.rows, &size) || size / 64 > s->max_pixels || t.offsets.count < strips)
        return hn_fail(s->env, HN_INPUT, "the TIFF's strips do not fit its size");
    uint8_t *strip = hn_arena_alloc(s->env, s->arena, size);
    if (!strip) return HN_NOMEM;
    for (size_t i = 0; i < strips; i++) {
        size_t first = i * t.rows, n = hn_min_size(t.rows, t.height - first), at = entry(&t, &t.offsets, (uint32_t)i);
        size_t have = i < t.counts.count ? entry(&t, &t.counts, (uint32_t)i) : SIZE_MAX;
        if (at > s->size) return hn_image_cut(s, "TIFF");
        have = hn_min_size(have, s->size - at);
        if (!unpack(&t, s->data + at, have, strip, n * row))
            return hn_fail(s->env, HN_INPUT, "the TIFF is broken in strip %zu", i);
        for (size_t y = 0; y < n; y++) {
            if (t.predictor == 2) add_up(&t, strip + y * row);
            put_row(&t, strip + y * row, out->pixels + (first + y) * t.width * (size_t)channels);
        }
    }
    return HN_OK;
}
