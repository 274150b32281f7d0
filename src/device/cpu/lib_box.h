/* lib_box: copies of boxes of elements between two strided layouts, for any element size: what transposing, slicing,
 * concatenating, padding and repeating have in common. */
#ifndef HN_DEVICE_CPU_LIB_BOX_H
#define HN_DEVICE_CPU_LIB_BOX_H

#include "device/device.h"

enum { HN_BOX_RANK = 2 * HN_MAX_RANK };

/* Plain data: part of a step's parameters. Element (i0, i1, ...) goes from src_at + sum i * src to dst_at + sum i *
 * dst. */
typedef struct hn_box {
    uint32_t rank, bytes;                                          /* bytes of an element */
    int64_t dims[HN_BOX_RANK], dst[HN_BOX_RANK], src[HN_BOX_RANK]; /* outermost first; strides in elements */
    int64_t dst_at, src_at;
    int32_t turn; /* dim that is turned over with the innermost one; -1: none */
} hn_box;

/* 1, 2, 4, 8 or 16 bytes; 0 when elements of this type have no whole number of bytes or are no plain data. */
uint32_t hn_box_bytes(hn_dtype t);
void hn_box_start(hn_box *b, uint32_t bytes);
void hn_box_dim(hn_box *b, int64_t dim, int64_t dst, int64_t src); /* the next inner dim */
void hn_box_finish(hn_box *b);                                     /* merge dims, choose the inner loop */
/* `count` runs of `bytes` dense bytes; steps in bytes. */
void hn_box_runs(size_t count, size_t bytes, char *dst, ptrdiff_t dst_step, const char *src, ptrdiff_t src_step);
/* The kernel that turns elements of this size over; NULL: none. */
const hn_kernel *hn_box_kernel(hn_lower *c, uint32_t bytes);
void hn_box_run(hn_pool *pool, const hn_box *b, const hn_kernel *transpose, void *dst, const void *src);

#endif
