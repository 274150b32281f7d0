/* pnm: portable bitmaps, graymaps and pixmaps, as text (P1 to P3) or bytes (P4 to P6). */
#include "image/image_priv.h"

typedef struct scanner {
    const hn_image_source *s;
    size_t at;
} scanner;

bool hn_image_is_pnm(const uint8_t *b, size_t n)
{
    bool blank = n >= 3 && (b[2] == ' ' || b[2] == '\n' || b[2] == '\r' || b[2] == '\t' || b[2] == '#');
    return blank && b[0] == 'P' && b[1] >= '1' && b[1] <= '6';
}

static void blanks(scanner *c)
{
    const uint8_t *d = c->s->data;
    while (c->at < c->s->size) {
        if (d[c->at] == '#')
            while (c->at < c->s->size && d[c->at] != '\n') c->at++;
        else if (d[c->at] == ' ' || (d[c->at] >= 9 && d[c->at] <= 13))
            c->at++;
        else
            return;
    }
}

static hn_status number(scanner *c, uint32_t most, uint32_t *out)
{
    const uint8_t *d = c->s->data;
    blanks(c);
    size_t from = c->at;
    uint32_t v = 0;
    while (c->at < c->s->size && d[c->at] >= '0' && d[c->at] <= '9' && v <= most / 10) v = v * 10 + d[c->at++] - '0';
    if (c->at == from || v > most || (c->at < c->s->size && d[c->at] >= '0' && d[c->at] <= '9'))
        return hn_fail(c->s->env, HN_INPUT, "the PNM has no number from 0 to %u at byte %zu", most, from);
    *out = v;
    return HN_OK;
}

/* "0" or "1", which need no blanks between them. */
static hn_status bit(scanner *c, uint32_t *out)
{
    blanks(c);
    if (c->at >= c->s->size) return hn_image_cut(c->s, "PNM");
    *out = c->s->data[c->at++] - (uint32_t)'0';
    return *out <= 1 ? HN_OK : hn_fail(c->s->env, HN_INPUT, "the PNM has no bit at byte %zu", c->at - 1);
}

static hn_status text(scanner *c, uint32_t kind, uint32_t most, hn_image *out)
{
    size_t n = (size_t)out->width * (size_t)out->height * (size_t)out->channels;
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        if (kind == 1)
            HN_TRY(bit(c, &v));
        else
            HN_TRY(number(c, most, &v));
        out->pixels[i] = (uint8_t)(kind == 1 ? (v ? 0 : 255) : (v * UINT64_C(255) + most / 2) / most);
    }
    return HN_OK;
}

static hn_status bytes(scanner *c, uint32_t kind, uint32_t most, hn_image *out)
{
    const uint8_t *d = c->s->data + c->at;
    size_t left = c->s->size - c->at, width = (size_t)out->width * (size_t)out->channels;
    size_t row = kind == 4 ? (width + 7) / 8 : width * (most > 255 ? 2 : 1);
    if (row * (size_t)out->height > left) return hn_image_cut(c->s, "PNM");
    for (size_t y = 0; y < (size_t)out->height; y++, d += row) {
        uint8_t *dst = out->pixels + y * width;
        for (size_t x = 0; x < width; x++) {
            uint32_t v = kind == 4 ? d[x / 8] >> (7 - x % 8) & 1u : most > 255 ? d[2 * x] * 256u + d[2 * x + 1] : d[x];
            if (v > most) v = most;
            dst[x] = (uint8_t)(kind == 4 ? (v ? 0 : 255) : (v * UINT64_C(255) + most / 2) / most);
        }
    }
    return HN_OK;
}

hn_status hn_image_pnm(const hn_image_source *s, hn_image *out)
{
    scanner c = {s, 2};
    uint32_t kind = s->data[1] - (uint32_t)'0', width, height, most = 1;
    HN_TRY(number(&c, 1 << 24, &width));
    HN_TRY(number(&c, 1 << 24, &height));
    if (kind != 1 && kind != 4) HN_TRY(number(&c, 65535, &most));
    if (most == 0) return hn_fail(s->env, HN_INPUT, "the PNM has 0 as its largest value");
    HN_TRY(hn_image_take(s, width, height, kind == 3 || kind == 6 ? 3 : 1, out));
    if (s->measure) return HN_OK;
    if (kind <= 3) return text(&c, kind, most, out);
    if (c.at >= s->size) return hn_image_cut(s, "PNM");
    c.at++; /* one blank ends the header */
    return bytes(&c, kind, most, out);
}
