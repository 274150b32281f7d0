/* webp: still pictures through libwebp, which is opened when one comes. */
#include "image/image_priv.h"

#include "base/late.h"
#include "base/size.h"

#include <string.h>

#include <webp/decode.h>

typedef struct library {
    HN_LATE_MEMBER(WebPGetFeaturesInternal);
    HN_LATE_MEMBER(WebPDecodeRGBInto);
} library;

bool hn_image_is_webp(const uint8_t *b, size_t n)
{
    return n >= 12 && memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0;
}

hn_status hn_image_webp(const hn_image_source *s, hn_image *out)
{
    library lib;
    WebPBitstreamFeatures f;
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(&lib, WebPGetFeaturesInternal),
        HN_LATE_SYMBOL(&lib, WebPDecodeRGBInto),
    };
    HN_TRY(hn_late_open(s->env, HONE_SONAME_webp, symbols, HN_COUNT(symbols)));
    VP8StatusCode code = lib.WebPGetFeaturesInternal(s->data, s->size, &f, WEBP_DECODER_ABI_VERSION);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA) return hn_image_cut(s, "WebP");
    if (code != VP8_STATUS_OK || f.width <= 0 || f.height <= 0)
        return hn_fail(s->env, HN_INPUT, "not a valid WebP picture (code %d)", (int)code);
    if (f.has_animation) return hn_fail(s->env, HN_UNSUPPORTED, "the WebP picture is an animation");
    HN_TRY(hn_image_take(s, (size_t)f.width, (size_t)f.height, 3, out));
    if (s->measure) return HN_OK;
    size_t stride = (size_t)f.width * 3, bytes = stride * (size_t)f.height;
    if (lib.WebPDecodeRGBInto(s->data, s->size, out->pixels, bytes, (int)stride) == NULL)
        return hn_fail(s->env, HN_INPUT, "the WebP picture is damaged or ends early, after %zu bytes", s->size);
    return HN_OK;
}
