/* preprocess: the declared pipeline from 0..255 pixels to a model's input.
 *
 * Text form: `torch`, `tf`, `none` or KEY=VALUE pairs, or a preset followed by pairs, separated by commas:
 *   resize=256 | resize=H:W     shorter side, or exact size; bilinear with support scaled by the reduction (antialias)
 *   crop=224 | crop=H:W         centre crop after the resize
 *   mean=m | mean=r:g:b         subtracted, on 0..255 values
 *   std=s | std=r:g:b           divided by
 *   scale=k                     multiplied by last:  y = scale * (x - mean) / std
 *   order=rgb|bgr|gray          channel order; mean and std follow it
 *   layout=nchw|nhwc
 *   dtype=f32|f16|u8|...
 * Printing gives the shortest text that parses back to the same pipeline. A zeroed hn_preprocess is `none`.
 *
 * The geometry of a preset is for image files. Data of a fixed size (CIFAR, IDX, arrays) is resized or cropped only
 * when the text names `resize` or `crop` itself. */
#ifndef HN_DATA_PREPROCESS_H
#define HN_DATA_PREPROCESS_H

#include "base/buf.h"
#include "image/image.h"
#include "tensor/tensor.h"

typedef enum hn_preset { HN_PRESET_NONE, HN_PRESET_TORCH, HN_PRESET_TF } hn_preset;
typedef enum hn_order { HN_ORDER_AUTO, HN_ORDER_RGB, HN_ORDER_BGR, HN_ORDER_GRAY } hn_order;
typedef enum hn_layout { HN_LAYOUT_NCHW, HN_LAYOUT_NHWC } hn_layout;

enum { HN_PRE_MAX_SIDE = 16384 };

typedef struct hn_preprocess {
    hn_preset preset;       /* what the text started from */
    int resize_h, resize_w; /* 0: no resize; resize_w 0: resize_h is the length of the shorter side */
    int crop_h, crop_w;     /* 0: no crop */
    bool resize_asked;      /* named in the text, so it holds for fixed-size data too */
    bool crop_asked;
    int means, stds; /* 0, 1 or 3 values */
    float mean[3], std[3];
    float scale;    /* 0 stands for 1 */
    hn_order order; /* AUTO: rgb for image files, as stored for arrays */
    hn_layout layout;
    hn_dtype dtype; /* HN_NONE: f32 for pixels, as stored for arrays that need no arithmetic */
} hn_preprocess;

/* `text` NULL or "" is `none`. HN_INPUT names the key, the position and the nearest valid key. */
hn_status hn_preprocess_parse(hn_env *env, const char *text, hn_preprocess *out) HN_MUST_CHECK;
/* Canonical text; parse(print(p)) == p for every p that parse made. */
void hn_preprocess_print(hn_env *env, const hn_preprocess *p, hn_buf *out);

/* Pixels to a tensor [C,H,W] (nchw) or [H,W,C] (nhwc) in the arena, without a batch dimension. `fixed`: the image comes
 * from fixed-size data. HN_INPUT when the crop is larger than the image or mean/std do not fit the channels. */
hn_status hn_preprocess_image(hn_env *env, hn_arena *arena, const hn_preprocess *p, const hn_image *image, bool fixed,
                              hn_tensor *out) HN_MUST_CHECK;
/* One sample of an array, [C,H,W], [H,W,C] or any other rank: arithmetic and dtype only. 3-d u8 pixels with 1 or 3
 * channels go through hn_preprocess_image when resize, crop or order are asked for. The sample is returned as it is
 * (borrowed) when there is nothing to do. */
hn_status hn_preprocess_array(hn_env *env, hn_arena *arena, const hn_preprocess *p, const hn_tensor *in,
                              hn_tensor *out) HN_MUST_CHECK;

/* The allowed word nearest to `word` (Levenshtein distance at most 1 + length/3), or NULL. */
const char *hn_nearest_word(const char *word, const char *const *words, size_t n);

#endif
