/* peak: what this machine can do at most, measured by short loops over the same kernels that run models: the roof that
 * a profile is held against. Nothing is kept between calls. */
#ifndef HN_DEVICE_PEAK_H
#define HN_DEVICE_PEAK_H

#include "device/device.h"

typedef struct hn_peaks {
    double gflops;        /* float32, 2 operations per multiply-accumulate, all threads of env->pool */
    double gops;          /* 8-bit multiply-accumulates, counted the same way */
    double bandwidth_gbs; /* reading a buffer of `bandwidth_bytes` again and again */
    size_t bandwidth_bytes;
} hn_peaks;

/* Takes about half a second. `working_set` chooses the memory level whose bandwidth is measured: a model whose weights
 * and activations stay in a cache is bound by that cache. env->isa caps the kernels. */
hn_status hn_peaks_measure(hn_env *env, size_t working_set, hn_peaks *out) HN_MUST_CHECK;

#endif
