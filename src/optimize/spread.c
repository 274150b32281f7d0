/* spread: see the header. */
#include "optimize/spread.h"

#include <string.h>

hn_status hn_spread_start(hn_env *env, hn_arena *arena, size_t elems, hn_spread *out)
{
    *out = (hn_spread){.elems = elems};
    out->first = hn_arena_array(env, arena, elems, sizeof *out->first);
    out->sum = hn_arena_array(env, arena, elems, sizeof *out->sum);
    return out->first && out->sum ? HN_OK : HN_NOMEM;
}

void hn_spread_add(hn_spread *s, const float *v)
{
    if (s->n++ == 0) memcpy(s->first, v, s->elems * sizeof *v);
    for (size_t i = 0; i < s->elems; i++) {
        double d = (double)v[i] - (double)s->first[i];
        s->sum[i] += d;
        s->squares += d * d;
    }
}

double hn_spread_of(const hn_spread *s)
{
    double left = s->squares, n = (double)s->n;
    for (size_t i = 0; i < s->elems; i++) left -= s->sum[i] * s->sum[i] / n;
    return left > 1e-12 * s->squares ? left / n : 0;
}
