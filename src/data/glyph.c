/* glyph: draws Glyph-20. Sine, cosine and the normal deviate are made of + - * / and sqrt, so that no C library decides
 * the last bit of a pixel. Sine and cosine are Taylor polynomials, good to 1e-7 for the |x| <= 1.6 that occur. */
#include "data/glyph.h"

#include "base/rng.h"

#include <math.h>

enum { SIDE = HN_GLYPH_SIDE, FONT_W = 5, FONT_H = 7 };

const char hn_glyph_chars[HN_GLYPH_CLASSES + 1] = "0OQ1I7T5S8B62ZGCEFPR";

/* Rows from top to bottom, the highest of 5 bits is the left column. */
static const uint8_t font[HN_GLYPH_CLASSES][FONT_H] = {
    {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}, /* 0 */
    {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}, /* O */
    {0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d}, /* Q */
    {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e}, /* 1 */
    {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}, /* I */
    {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}, /* 7 */
    {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}, /* T */
    {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e}, /* 5 */
    {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}, /* S */
    {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}, /* 8 */
    {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e}, /* B */
    {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}, /* 6 */
    {0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f}, /* 2 */
    {0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f}, /* Z */
    {0x0e, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0f}, /* G */
    {0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e}, /* C */
    {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f}, /* E */
    {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10}, /* F */
    {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10}, /* P */
    {0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11}, /* R */
};

static double poly_sin(double x)
{
    double y = x * x;
    return x * (1 + y * (-1.0 / 6 + y * (1.0 / 120 + y * (-1.0 / 5040 + y * (1.0 / 362880 - y / 39916800)))));
}

static double poly_cos(double x)
{
    double y = x * x;
    return 1 + y * (-0.5 + y * (1.0 / 24 + y * (-1.0 / 720 + y * (1.0 / 40320 - y * (1.0 / 3628800 - y / 479001600)))));
}

static double spread(hn_rng *r, double by)
{
    return (2 * hn_rng_unit(r) - 1) * by;
}

/* The sum of four uniforms, scaled to variance 1: near enough to normal for pixel noise, and exact everywhere. */
static double noise(hn_rng *r)
{
    uint64_t v = hn_rng_u64(r);
    double sum = 0;
    for (int i = 0; i < 4; i++, v >>= 16) sum += (double)(v & 0xffff);
    return (sum / 65535 - 2) * 1.7320508075688772;
}

static double ink(const uint8_t *rows, int x, int y)
{
    return x >= 0 && x < FONT_W && y >= 0 && y < FONT_H ? (double)(rows[y] >> (FONT_W - 1 - x) & 1) : 0.0;
}

/* Bilinear, cell centres at whole coordinates. */
static double font_at(const uint8_t *rows, double x, double y)
{
    if (x <= -1 || y <= -1 || x >= FONT_W || y >= FONT_H) return 0;
    int x0 = (int)(x + 1) - 1, y0 = (int)(y + 1) - 1;
    double fx = x - x0, fy = y - y0;
    double top = ink(rows, x0, y0) * (1 - fx) + ink(rows, x0 + 1, y0) * fx;
    double low = ink(rows, x0, y0 + 1) * (1 - fx) + ink(rows, x0 + 1, y0 + 1) * fx;
    return top * (1 - fy) + low * fy;
}

/* The letter, mapped by the inverse of scale, rotation and shear about the middle. Edges are sharpened so that a stroke
 * is ink or paper over most of its width. */
static void draw_letter(hn_rng *r, const uint8_t *rows, double d, double *px)
{
    double scale = 2.6 * (1 + spread(r, 0.10 + 0.25 * d));
    double stretch = 1 + spread(r, 0.05 + 0.20 * d);
    double angle = spread(r, 0.06 + 0.50 * d);
    double shear = spread(r, 0.04 + 0.40 * d);
    double cx = (SIDE - 1) / 2.0 + spread(r, 0.7 + 3.2 * d), cy = (SIDE - 1) / 2.0 + spread(r, 0.7 + 3.2 * d);
    double c = poly_cos(angle), s = poly_sin(angle);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double u = (c * (x - cx) + s * (y - cy)) / (scale * stretch),
                   v = (c * (y - cy) - s * (x - cx)) * stretch / scale;
            double a = font_at(rows, u + shear * v + (FONT_W - 1) / 2.0, v + (FONT_H - 1) / 2.0);
            a = (a - 0.25) * 2;
            px[y * SIDE + x] = a < 0 ? 0 : a > 1 ? 1 : a;
        }
}

/* Straight strokes of about one pixel that are no part of the letter. */
static void draw_strokes(hn_rng *r, double d, double *px)
{
    int n = (int)(3.2 * d * hn_rng_unit(r) + 0.3 * hn_rng_unit(r));
    for (int k = 0; k < n && k < 6; k++) {
        double x0 = hn_rng_unit(r) * SIDE, y0 = hn_rng_unit(r) * SIDE;
        double angle = spread(r, 1.5707963267948966), length = 4 + 8 * hn_rng_unit(r);
        double dx = poly_cos(angle), dy = poly_sin(angle), depth = 0.4 + 0.5 * hn_rng_unit(r);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double along = (x - x0) * dx + (y - y0) * dy, away = (y - y0) * dx - (x - x0) * dy;
                if (along < 0 || along > length) continue;
                double a = depth * (1.2 - (away < 0 ? -away : away));
                double *p = &px[y * SIDE + x];
                if (a > *p) *p = a > 1 ? 1 : a;
            }
    }
}

/* A rectangle of paper that hides a part. */
static void draw_occluder(hn_rng *r, double d, double *px)
{
    if (hn_rng_unit(r) > 0.9 * d) return;
    int w = 2 + (int)(hn_rng_unit(r) * (3 + 3 * d)), h = 2 + (int)(hn_rng_unit(r) * (3 + 3 * d));
    int x0 = 4 + (int)(hn_rng_unit(r) * (SIDE - 8 - w)), y0 = 4 + (int)(hn_rng_unit(r) * (SIDE - 8 - h));
    for (int y = y0; y < y0 + h && y < SIDE; y++)
        for (int x = x0; x < x0 + w && x < SIDE; x++)
            if (x >= 0 && y >= 0) px[y * SIDE + x] = 0;
}

int hn_glyph_draw(uint64_t seed, double hard, uint64_t id, float *pixels)
{
    hn_rng r;
    hn_rng_init(&r, seed, id);
    int label = (int)(id % HN_GLYPH_CLASSES);
    double u = hn_rng_unit(&r), d = u * u * (hard < 0 ? 0 : hard > 4 ? 4 : hard);
    double px[HN_GLYPH_PIXELS];
    /* Geometry is bounded so that the letter stays in the picture and angles stay where the polynomials hold. */
    double bent = d < 2 ? d : 2;
    draw_letter(&r, font[label], bent, px);
    draw_strokes(&r, d, px);
    draw_occluder(&r, bent, px);

    double contrast = 1 - (0.1 + 0.5 * d / (1 + d)) * hn_rng_unit(&r), base = (1 - contrast) * hn_rng_unit(&r);
    double gx = spread(&r, 0.25 * d / SIDE), gy = spread(&r, 0.25 * d / SIDE), sigma = 0.02 + 0.16 * d;
    int flip = hn_rng_unit(&r) < 0.5 * (d < 1 ? d : 1);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double v =
                base + contrast * px[y * SIDE + x] + gx * (x - SIDE / 2) + gy * (y - SIDE / 2) + sigma * noise(&r);
            if (flip) v = 1 - v;
            pixels[y * SIDE + x] = (float)(v < 0 ? 0 : v > 1 ? 1 : v);
        }
    return label;
}
