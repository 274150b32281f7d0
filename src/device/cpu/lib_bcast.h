/* lib_bcast: broadcasting of several operands to one shape: dims along which all of them step alike are merged, the
 * innermost is a run where each operand moves by 1 or stands still, and the dims around it are walked. */
#ifndef HN_DEVICE_CPU_LIB_BCAST_H
#define HN_DEVICE_CPU_LIB_BCAST_H

#include "device/device.h"

enum { HN_BCAST_MAX = 12 };

/* Plain data: part of a step's parameters. */
typedef struct hn_bcast {
    uint32_t rank, count;                                        /* dims around the run; operands */
    uint64_t dims[HN_MAX_RANK], step[HN_BCAST_MAX][HN_MAX_RANK]; /* in elements */
    uint64_t inner, inner_step[HN_BCAST_MAX], outer;
    uint64_t chunks, chunk, rows; /* tasks a run and elements of one; or runs a task */
} hn_bcast;

void hn_bcast_init(hn_bcast *b, size_t count, const hn_type *const *in, const hn_type *out);

/* A run: n elements at offsets at[] of the operands and `y` of the output. */
typedef void hn_bcast_fn(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *step, size_t y);
void hn_bcast_run(const hn_run *r, const hn_bcast *b, hn_bcast_fn *fn);

#endif
