/* guard: float arrays between sentinels, with a chosen misalignment, and comparison that counts NaN and infinity. */
#ifndef HN_TEST_GUARD_H
#define HN_TEST_GUARD_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "device/device.h"

enum { GUARD_FLOATS = 48 };
#define GUARD_BITS UINT32_C(0x7fa5a5a5) /* a NaN that no kernel makes */

typedef struct guard {
    float *base, *p;
    size_t n;
} guard;

static inline guard guard_new(size_t n, size_t shift)
{
    guard g = {.n = n};
    size_t total = n + 2 * GUARD_FLOATS + shift;
    g.base = malloc(total * sizeof(float));
    if (g.base == NULL) abort();
    uint32_t bits = GUARD_BITS;
    for (size_t i = 0; i < total; i++) memcpy(g.base + i, &bits, sizeof bits);
    g.p = g.base + GUARD_FLOATS + shift;
    return g;
}
static inline bool guard_is(const float *p)
{
    uint32_t bits;
    memcpy(&bits, p, sizeof bits);
    return bits == GUARD_BITS;
}
/* True when nothing outside [0, n) was written. */
static inline bool guard_intact(const guard *g)
{
    bool ok = true;
    for (const float *q = g->base; q < g->p; q++) ok = ok && guard_is(q);
    for (size_t i = 0; i < GUARD_FLOATS; i++) ok = ok && guard_is(g->p + g->n + i);
    return ok;
}
static inline void guard_free(guard *g)
{
    free(g->base);
}
static inline void guard_rand(guard *g, hn_rng *r, double lo, double hi)
{
    for (size_t i = 0; i < g->n; i++) g->p[i] = (float)(lo + (hi - lo) * hn_rng_unit(r));
}
/* Same class (NaN, infinity of one sign) or within atol + rtol |want|. */
static inline bool close_to(double got, double want, double rtol, double atol)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return got == want;
    return fabs(got - want) <= atol + rtol * fabs(want);
}
/* Kernels of a family that this machine can run. */
static inline bool guard_runs(const hn_kernel *k, const char *family)
{
    hn_machine m;
    hn_machine_read(&m);
    return strcmp(k->family, family) == 0 && (k->isa & ~m.isa) == 0;
}

#endif
