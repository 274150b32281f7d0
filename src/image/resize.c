/* image_resize: Pillow's bilinear resize, to the bit: per output pixel the triangle filter is widened by the reduction
 * factor, normalised in double, rounded to 22 fractional bits, and applied in two passes that each round to 8 bits. */
#include "image/image.h"

#include "base/size.h"

#include <math.h>
#include <string.h>

enum { PRECISION_BITS = 32 - 8 - 2 };

typedef struct taps {
    int *first; /* per output pixel: first input pixel */
    int *count; /* and how many */
    int32_t *k; /* `width` weights per output pixel */
    int width;
} taps;

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static hn_status taps_make(hn_env *env, hn_arena *arena, int in, int out, taps *t)
{
    double scale = (double)in / out;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = filter_scale;
    t->width = (int)ceil(support) * 2 + 1;
    size_t cells = 0;
    if (!hn_size_mul((size_t)out, (size_t)t->width, &cells))
        return hn_fail(env, HN_LIMIT, "resize to %d pixels is too large", out);
    t->first = hn_arena_array(env, arena, (size_t)out, sizeof *t->first);
    t->count = hn_arena_array(env, arena, (size_t)out, sizeof *t->count);
    t->k = hn_arena_array(env, arena, cells, sizeof *t->k);
    double *w = hn_arena_array(env, arena, (size_t)t->width, sizeof *w);
    if (!t->first || !t->count || !t->k || !w) return env->error.status;
    for (int o = 0; o < out; o++) {
        double center = (o + 0.5) * scale;
        int lo = (int)(center - support + 0.5);
        int hi = (int)(center + support + 0.5);
        if (lo < 0) lo = 0;
        if (hi > in) hi = in;
        double sum = 0;
        for (int i = lo; i < hi; i++) sum += w[i - lo] = triangle((i - center + 0.5) * (1.0 / filter_scale));
        for (int i = lo; i < hi; i++) {
            double v = sum != 0.0 ? w[i - lo] / sum : w[i - lo];
            t->k[(size_t)o * (size_t)t->width + (size_t)(i - lo)] = (int32_t)(0.5 + v * (1 << PRECISION_BITS));
        }
        t->first[o] = lo;
        t->count[o] = hi - lo;
    }
    return HN_OK;
}

static uint8_t round8(int64_t sum)
{
    sum >>= PRECISION_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

static void pass_across(const hn_image *in, const taps *t, hn_image *out)
{
    size_t c = (size_t)in->channels;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *src = in->pixels + (size_t)y * (size_t)in->width * c;
        uint8_t *dst = out->pixels + (size_t)y * (size_t)out->width * c;
        for (int x = 0; x < out->width; x++) {
            const int32_t *k = t->k + (size_t)x * (size_t)t->width;
            const uint8_t *p = src + (size_t)t->first[x] * c;
            for (size_t ch = 0; ch < c; ch++) {
                int64_t sum = 1 << (PRECISION_BITS - 1);
                for (int i = 0; i < t->count[x]; i++) sum += (int64_t)p[(size_t)i * c + ch] * k[i];
                dst[(size_t)x * c + ch] = round8(sum);
            }
        }
    }
}

static void pass_down(const hn_image *in, const taps *t, hn_image *out)
{
    size_t row = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < out->height; y++) {
        const int32_t *k = t->k + (size_t)y * (size_t)t->width;
        const uint8_t *p = in->pixels + (size_t)t->first[y] * row;
        uint8_t *dst = out->pixels + (size_t)y * row;
        for (size_t x = 0; x < row; x++) {
            int64_t sum = 1 << (PRECISION_BITS - 1);
            for (int i = 0; i < t->count[y]; i++) sum += (int64_t)p[(size_t)i * row + x] * k[i];
            dst[x] = round8(sum);
        }
    }
}

static hn_status image_new(hn_env *env, hn_arena *arena, int width, int height, int channels, hn_image *out)
{
    size_t bytes = 0;
    if (width < 1 || height < 1) return hn_fail(env, HN_INPUT, "image size %dx%d is not positive", width, height);
    if (!hn_size_mul((size_t)width, (size_t)height, &bytes) || !hn_size_mul(bytes, (size_t)channels, &bytes))
        return hn_fail(env, HN_LIMIT, "image size %dx%d is too large", width, height);
    *out = (hn_image){hn_arena_alloc(env, arena, bytes), width, height, channels};
    return out->pixels ? HN_OK : env->error.status;
}

hn_status hn_image_resize(hn_env *env, hn_arena *arena, const hn_image *in, int width, int height, hn_image *out)
{
    hn_image cur = *in;
    taps t;
    if (width != cur.width) {
        hn_image next;
        HN_TRY(image_new(env, arena, width, cur.height, cur.channels, &next));
        HN_TRY(taps_make(env, arena, cur.width, width, &t));
        pass_across(&cur, &t, &next);
        cur = next;
    }
    if (height != cur.height) {
        hn_image next;
        HN_TRY(image_new(env, arena, cur.width, height, cur.channels, &next));
        HN_TRY(taps_make(env, arena, cur.height, height, &t));
        pass_down(&cur, &t, &next);
        cur = next;
    }
    *out = cur;
    return HN_OK;
}

hn_status hn_image_crop(hn_env *env, hn_arena *arena, const hn_image *image, int x, int y, int width, int height,
                        hn_image *out)
{
    const hn_image from = *image, *in = &from; /* out may be the same struct */
    if (width < 1 || height < 1 || x < 0 || y < 0 || x > in->width - width || y > in->height - height)
        return hn_fail(env, HN_INPUT, "crop of %dx%d at %d,%d does not fit in an image of %dx%d", width, height, x, y,
                       in->width, in->height);
    if (width == in->width && height == in->height) {
        *out = *in;
        return HN_OK;
    }
    HN_TRY(image_new(env, arena, width, height, in->channels, out));
    size_t c = (size_t)in->channels, row = (size_t)width * c;
    for (int i = 0; i < height; i++)
        memcpy(out->pixels + (size_t)i * row, in->pixels + ((size_t)(y + i) * (size_t)in->width + (size_t)x) * c, row);
    return HN_OK;
}

hn_status hn_image_convert(hn_env *env, hn_arena *arena, const hn_image *image, int channels, hn_image *out)
{
    const hn_image from = *image, *in = &from;
    if (channels == in->channels) {
        *out = *in;
        return HN_OK;
    }
    if ((channels != 1 && channels != 3) || (in->channels != 1 && in->channels != 3))
        return hn_fail(env, HN_INPUT, "cannot make %d channels of %d", channels, in->channels);
    HN_TRY(image_new(env, arena, in->width, in->height, channels, out));
    size_t n = (size_t)in->width * (size_t)in->height;
    for (size_t i = 0; i < n; i++) {
        if (channels == 3) {
            memset(out->pixels + 3 * i, in->pixels[i], 3);
        } else {
            const uint8_t *p = in->pixels + 3 * i;
            out->pixels[i] = (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16);
        }
    }
    return HN_OK;
}
