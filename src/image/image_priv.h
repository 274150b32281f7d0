/* image_priv: between the decoders. A decoder checks its header, takes pixels with hn_image_take, and fills them; when
 * only the size is asked for, take gives no pixels and the decoder returns. */
#ifndef HN_IMAGE_IMAGE_PRIV_H
#define HN_IMAGE_IMAGE_PRIV_H

#include "image/image.h"

typedef struct hn_image_source {
    hn_env *env;
    hn_arena *arena;
    const uint8_t *data;
    size_t size, max_pixels;
    bool measure; /* the size only */
} hn_image_source;

/* Size and channels of the picture, zeroed pixels unless only measured. HN_LIMIT above the limit. */
hn_status hn_image_take(const hn_image_source *s, size_t width, size_t height, int channels,
                        hn_image *out) HN_MUST_CHECK;
hn_status hn_image_cut(const hn_image_source *s, const char *format) HN_MUST_CHECK; /* "the FORMAT ends early" */

bool hn_image_is_bmp(const uint8_t *b, size_t n);
bool hn_image_is_pnm(const uint8_t *b, size_t n);
bool hn_image_is_tiff(const uint8_t *b, size_t n);
bool hn_image_is_webp(const uint8_t *b, size_t n);
bool hn_image_is_jpeg2000(const uint8_t *b, size_t n);
hn_status hn_image_bmp(const hn_image_source *s, hn_image *out) HN_MUST_CHECK;
hn_status hn_image_pnm(const hn_image_source *s, hn_image *out) HN_MUST_CHECK;
hn_status hn_image_tiff(const hn_image_source *s, hn_image *out) HN_MUST_CHECK;
hn_status hn_image_webp(const hn_image_source *s, hn_image *out) HN_MUST_CHECK;
hn_status hn_image_jpeg2000(const hn_image_source *s, hn_image *out) HN_MUST_CHECK;

#endif
