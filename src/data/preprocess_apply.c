/* preprocess_apply: running the pipeline. Pixels have 256 values, so the arithmetic is done once per channel and value,
 * in double, rounded to the wanted type; the rest is table look-up. */
#include "data/preprocess.h"

#include "base/size.h"

#include <math.h>
#include <string.h>

static double value(const hn_preprocess *p, int channel, double x)
{
    if (p->means) x -= (double)p->mean[p->means == 3 ? channel : 0];
    if (p->stds) x /= (double)p->std[p->stds == 3 ? channel : 0];
    if (p->scale != 0) x *= (double)p->scale;
    return x;
}

static bool arithmetic(const hn_preprocess *p)
{
    return p->means || p->stds || p->scale != 0;
}

static hn_status channels_check(hn_env *env, const hn_preprocess *p, int64_t channels)
{
    if ((p->means != 3 && p->stds != 3) || channels == 3) return HN_OK;
    hn_status st = hn_fail(env, HN_INPUT, "%s has 3 values but the data has %lld channel(s)",
                           p->means == 3 ? "mean" : "std", (long long)channels);
    hn_hint(env, "give one value, or order=rgb to make three channels of one");
    return st;
}

/* Shorter side to `side`, the other in proportion, rounded down, as torchvision does. */
static void shorter_side(const hn_image *in, int side, int *w, int *h)
{
    int64_t a = in->width, b = in->height;
    *w = a <= b ? side : (int)((int64_t)side * a / b);
    *h = a <= b ? (int)((int64_t)side * b / a) : side;
}

/* round((outer - inner) / 2) with halves to even, as Python rounds. */
static int centre(int outer, int inner)
{
    int d = outer - inner;
    return d / 2 + ((d & 1) && (d / 2 & 1));
}

static hn_status geometry(hn_env *env, hn_arena *arena, const hn_preprocess *p, bool fixed, hn_image *im)
{
    if (p->resize_h && (!fixed || p->resize_asked)) {
        int w = p->resize_w, h = p->resize_h;
        if (w == 0) {
            int64_t a = hn_max_size((size_t)im->width, (size_t)im->height),
                    b = hn_min_size((size_t)im->width, (size_t)im->height);
            if (a / b > 64)
                return hn_fail(env, HN_INPUT, "an image of %dx%d is too narrow to be resized by its shorter side",
                               im->width, im->height);
            shorter_side(im, p->resize_h, &w, &h);
        }
        HN_TRY(hn_image_resize(env, arena, im, w, h, im));
    }
    if (p->crop_h && (!fixed || p->crop_asked)) {
        if (p->crop_w > im->width || p->crop_h > im->height) {
            hn_status st = hn_fail(env, HN_INPUT, "crop=%d:%d does not fit in an image of %d:%d (height:width)",
                                   p->crop_h, p->crop_w, im->height, im->width);
            hn_hint(env, "give a resize of at least the crop");
            return st;
        }
        HN_TRY(hn_image_crop(env, arena, im, centre(im->width, p->crop_w), centre(im->height, p->crop_h), p->crop_w,
                             p->crop_h, im));
    }
    return HN_OK;
}

hn_status hn_preprocess_image(hn_env *env, hn_arena *arena, const hn_preprocess *p, const hn_image *image, bool fixed,
                              hn_tensor *out)
{
    hn_image im = *image;
    int want = p->order == HN_ORDER_GRAY ? 1 : p->order == HN_ORDER_AUTO && fixed ? im.channels : 3;
    HN_TRY(hn_image_convert(env, arena, &im, want, &im));
    HN_TRY(channels_check(env, p, im.channels));
    HN_TRY(geometry(env, arena, p, fixed, &im));

    size_t c = (size_t)im.channels, n = (size_t)im.width * (size_t)im.height;
    hn_dtype dtype = p->dtype ? p->dtype : HN_F32;
    bool nhwc = p->layout == HN_LAYOUT_NHWC;
    int64_t nchw_dims[3] = {im.channels, im.height, im.width}, nhwc_dims[3] = {im.height, im.width, im.channels};
    HN_TRY(hn_tensor_init(env, arena, out, dtype, 3, nhwc ? nhwc_dims : nchw_dims));

    hn_tensor lut;
    int64_t lut_dims[1] = {256};
    HN_TRY(hn_tensor_init(env, arena, &lut, dtype, 1, lut_dims));
    unsigned bits = hn_dtype_bits(dtype);
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
        return hn_fail(env, HN_UNSUPPORTED, "pixels cannot be stored as %s", hn_dtype_name(dtype));
    for (size_t ch = 0; ch < c; ch++) {
        size_t src = p->order == HN_ORDER_BGR ? c - 1 - ch : ch;
        for (size_t i = 0; i < 256; i++) {
            double v = value(p, (int)ch, (double)i);
            hn_set_f64(&lut, i, hn_dtype_is_int(dtype) ? nearbyint(v) : v);
        }
        const uint8_t *from = im.pixels + src;
        size_t at = nhwc ? ch : ch * n, step = nhwc ? c : 1;
        switch (bits) {
        case 8:
            for (size_t i = 0; i < n; i++)
                ((uint8_t *)out->data)[at + i * step] = ((const uint8_t *)lut.data)[from[i * c]];
            break;
        case 16:
            for (size_t i = 0; i < n; i++)
                ((uint16_t *)out->data)[at + i * step] = ((const uint16_t *)lut.data)[from[i * c]];
            break;
        case 32:
            for (size_t i = 0; i < n; i++)
                ((uint32_t *)out->data)[at + i * step] = ((const uint32_t *)lut.data)[from[i * c]];
            break;
        default:
            for (size_t i = 0; i < n; i++)
                ((uint64_t *)out->data)[at + i * step] = ((const uint64_t *)lut.data)[from[i * c]];
        }
    }
    return HN_OK;
}

/* Where the channels of a 3-d array lie: 0 (CHW), 2 (HWC), or -1. */
static int channel_axis(const hn_tensor *t)
{
    if (t->rank != 3) return -1;
    if (t->dims[0] == 1 || t->dims[0] == 3) return 0;
    if (t->dims[2] == 1 || t->dims[2] == 3) return 2;
    return -1;
}

static hn_status array_image(hn_env *env, hn_arena *arena, const hn_preprocess *p, const hn_tensor *in, int axis,
                             hn_tensor *out)
{
    int64_t c = in->dims[axis], h = in->dims[axis == 0 ? 1 : 0], w = in->dims[axis == 0 ? 2 : 1];
    size_t n = 0;
    if (h > HN_PRE_MAX_SIDE || w > HN_PRE_MAX_SIDE || !hn_size_mul((size_t)h, (size_t)w, &n))
        return hn_fail(env, HN_LIMIT, "an array of %lld x %lld pixels is too large to be an image", (long long)h,
                       (long long)w);
    hn_image im = {in->data, (int)w, (int)h, (int)c};
    if (axis == 0 && c == 3) {
        im.pixels = hn_arena_array(env, arena, n, 3);
        if (!im.pixels) return env->error.status;
        for (size_t i = 0; i < n; i++)
            for (size_t ch = 0; ch < 3; ch++) im.pixels[3 * i + ch] = ((const uint8_t *)in->data)[ch * n + i];
    }
    return hn_preprocess_image(env, arena, p, &im, true, out);
}

hn_status hn_preprocess_array(hn_env *env, hn_arena *arena, const hn_preprocess *p, const hn_tensor *in, hn_tensor *out)
{
    int axis = channel_axis(in);
    bool shapes = (p->resize_asked && p->resize_h) || (p->crop_asked && p->crop_h) || p->order != HN_ORDER_AUTO ||
                  p->layout == HN_LAYOUT_NHWC;
    if (in->dtype == HN_U8 && axis >= 0 && hn_tensor_elems(in) > 0 && (shapes || arithmetic(p)))
        return array_image(env, arena, p, in, axis, out);
    if (shapes) {
        char text[128];
        hn_tensor_describe(in, text, sizeof text);
        hn_status st =
            hn_fail(env, HN_INPUT,
                    "resize, crop, order and layout need u8 pixels with 1 or 3 channels, but a sample is %s", text);
        hn_hint(env, "leave these keys out; mean, std, scale and dtype work on any array");
        return st;
    }
    hn_dtype dtype = p->dtype ? p->dtype : arithmetic(p) && !hn_dtype_is_float(in->dtype) ? HN_F32 : in->dtype;
    if (!arithmetic(p) && dtype == in->dtype) {
        *out = *in;
        return HN_OK;
    }
    if (!(HN_BIT(in->dtype) & (HN_T_NUM | HN_BIT(HN_BOOL))))
        return hn_fail(env, HN_UNSUPPORTED, "no arithmetic on %s data", hn_dtype_name(in->dtype));
    if (p->means == 3 || p->stds == 3) HN_TRY(channels_check(env, p, axis >= 0 ? in->dims[axis] : 1));
    HN_TRY(hn_tensor_init(env, arena, out, dtype, in->rank, in->dims));
    size_t n = hn_tensor_elems(in), plane = axis == 0 && n ? n / (size_t)in->dims[0] : 1;
    for (size_t i = 0; i < n; i++) {
        int ch = axis == 0 ? (int)(i / plane) : axis == 2 ? (int)(i % (size_t)in->dims[2]) : 0;
        if (!arithmetic(p) && hn_dtype_is_int(dtype) && hn_dtype_is_int(in->dtype)) {
            hn_set_i64(out, i, hn_get_i64(in, i));
            continue;
        }
        double v = value(p, ch, hn_get_f64(in, i));
        hn_set_f64(out, i, hn_dtype_is_int(dtype) ? nearbyint(v) : v);
    }
    return HN_OK;
}
