/* glyph: Glyph-20, a procedural image set of 20 confusable letters and digits (0OQ 1I7T 5S 8B6 2Z GC EF PR), 24x24, for
 * examples and tests that need no download. A sample is a pure function of (seed, hard, id): only + - * / and sqrt are
 * used, so the pixels are the same on every machine.
 *
 * Every distortion (scale, rotation, shear, shift, contrast, gradient, distractor strokes, occluder, noise, polarity)
 * grows with one hidden difficulty d = U^2 * hard per sample: most samples are easy, some are hard.
 *
 * Ids are divided so that parts never meet: train [0, 2^32), calibration [2^32, 2^33), test [2^33, 2^34). The class of
 * a sample is id mod 20, so every run of 20 ids holds each class once. */
#ifndef HN_DATA_GLYPH_H
#define HN_DATA_GLYPH_H

#include <stdint.h>

enum { HN_GLYPH_SIDE = 24, HN_GLYPH_PIXELS = HN_GLYPH_SIDE * HN_GLYPH_SIDE, HN_GLYPH_CLASSES = 20 };

#define HN_GLYPH_TRAIN UINT64_C(0)
#define HN_GLYPH_CALIB (UINT64_C(1) << 32)
#define HN_GLYPH_TEST  (UINT64_C(1) << 33)

#define HN_GLYPH_SEED  1
#define HN_GLYPH_HARD  1.35

extern const char hn_glyph_chars[HN_GLYPH_CLASSES + 1]; /* class to character */

/* Writes 24x24 values in [0, 1], row-major; returns the class. hard in [0, 4]. */
int hn_glyph_draw(uint64_t seed, double hard, uint64_t id, float *pixels);

#endif
