/* npy: NumPy's array file, versions 1 to 3, read and written. Strings, objects and records are refused. */
#ifndef HN_DATA_NPY_H
#define HN_DATA_NPY_H

#include "base/buf.h"
#include "base/cursor.h"
#include "tensor/tensor.h"

typedef struct hn_npy_header {
    hn_dtype dtype;
    bool swap;    /* stored big-endian */
    bool fortran; /* stored column-major */
    int rank;
    int64_t dims[HN_MAX_RANK];
    size_t bytes; /* of the elements */
} hn_npy_header;

/* Leaves the cursor at the first element; checks that the elements are there. */
hn_status hn_npy_header_read(hn_env *env, hn_cursor *c, hn_npy_header *out) HN_MUST_CHECK;
/* A row-major little-endian copy in the arena. */
hn_status hn_npy_read(hn_env *env, hn_arena *arena, hn_cursor *c, hn_tensor *out) HN_MUST_CHECK;
/* Version 1.0. bf16, f8 and packed types have no NumPy form: they are written as f32. */
hn_status hn_npy_write(hn_env *env, const hn_tensor *t, hn_buf *out) HN_MUST_CHECK;
hn_status hn_npy_load(hn_env *env, hn_arena *arena, const char *path, hn_tensor *out) HN_MUST_CHECK;
hn_status hn_npy_save(hn_env *env, const char *path, const hn_tensor *t) HN_MUST_CHECK;

#endif
