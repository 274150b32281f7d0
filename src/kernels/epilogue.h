/* epilogue: what happens to a tile of sums before it is stored: y = act(sum + bias + residual), or with act_first
 * y = act(sum + bias) + residual. */
#ifndef HN_KERNELS_EPILOGUE_H
#define HN_KERNELS_EPILOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/act.h"

typedef struct hn_epilogue_f32 {
    const float *bias;     /* one per column of the tile, or NULL */
    const float *residual; /* first element of the tile's part, or NULL; may be the output itself */
    size_t residual_stride;
    int32_t act; /* hn_act_kind */
    float a, b;
    uint32_t act_first;
} hn_epilogue_f32;

#endif
