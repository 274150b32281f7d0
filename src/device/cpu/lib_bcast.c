/* lib_bcast: see lib_bcast.h. */
#include "device/cpu/lib_bcast.h"

#include "base/size.h"

enum { BLOCK = 1 << 13 };

static uint64_t dim_at(const hn_type *t, int d, int rank)
{
    int own = d - (rank - t->rank);
    return own < 0 ? 1 : (uint64_t)t->dims[own];
}

void hn_bcast_init(hn_bcast *b, size_t count, const hn_type *const *in, const hn_type *out)
{
    uint64_t dims[HN_MAX_RANK + 1], step[HN_BCAST_MAX][HN_MAX_RANK + 1], dense[HN_BCAST_MAX];
    int n = 0; /* innermost first */
    for (size_t i = 0; i < count; i++) dense[i] = 1;
    *b = (hn_bcast){.count = (uint32_t)count, .outer = 1};
    for (int d = out->rank - 1; d >= 0; d--) {
        uint64_t dim = (uint64_t)out->dims[d], s[HN_BCAST_MAX] = {0};
        if (dim == 1) continue;
        bool joins = n > 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t own = dim_at(in[i], d, out->rank);
            s[i] = own == 1 ? 0 : dense[i];
            dense[i] *= own;
            joins = joins && s[i] == step[i][n - 1] * dims[n - 1];
        }
        if (joins) {
            dims[n - 1] *= dim;
            continue;
        }
        dims[n] = dim;
        for (size_t i = 0; i < count; i++) step[i][n] = s[i];
        n++;
    }
    b->inner = n > 0 ? dims[0] : 1;
    b->rank = n > 0 ? (uint32_t)(n - 1) : 0;
    for (size_t i = 0; i < count; i++) b->inner_step[i] = n > 0 ? step[i][0] : 1;
    for (uint32_t d = 0; d < b->rank; d++) {
        b->dims[d] = dims[n - 1 - (int)d];
        b->outer *= b->dims[d];
        for (size_t i = 0; i < count; i++) b->step[i][d] = step[i][n - 1 - (int)d];
    }
    b->rows = hn_max_size(BLOCK / hn_max_size(b->inner, 1), 1);
    b->chunks = b->rows > 1 ? 1 : hn_div_up(b->inner, BLOCK);
    b->chunk = b->rows > 1 ? b->inner : BLOCK;
}

typedef struct walk {
    const hn_run *r;
    const hn_bcast *b;
    hn_bcast_fn *fn;
} walk;

static void task(void *ctx, size_t index)
{
    const walk *w = ctx;
    const hn_bcast *b = w->b;
    size_t row = index / b->chunks * b->rows, from = index % b->chunks * b->chunk,
           end = hn_min_size(row + b->rows, b->outer);
    size_t n = hn_min_size(b->chunk, b->inner - from);
    uint64_t pos[HN_MAX_RANK] = {0}, at[HN_BCAST_MAX] = {0}, rest = row;
    for (uint32_t i = 0; i < b->count; i++) at[i] = from * b->inner_step[i];
    for (uint32_t d = b->rank; d-- > 0;) {
        pos[d] = rest % b->dims[d];
        rest /= b->dims[d];
        for (uint32_t i = 0; i < b->count; i++) at[i] += pos[d] * b->step[i][d];
    }
    for (; row < end; row++) {
        w->fn(w->r, n, at, b->inner_step, row * b->inner + from);
        for (uint32_t d = b->rank; d-- > 0;) {
            for (uint32_t i = 0; i < b->count; i++) at[i] += b->step[i][d];
            if (++pos[d] < b->dims[d]) break;
            for (uint32_t i = 0; i < b->count; i++) at[i] -= b->step[i][d] * b->dims[d];
            pos[d] = 0;
        }
    }
}

void hn_bcast_run(const hn_run *r, const hn_bcast *b, hn_bcast_fn *fn)
{
    walk w = {r, b, fn};
    if (b->inner == 0 || b->outer == 0) return;
    hn_pool_run(r->pool, hn_div_up(b->outer, b->rows) * b->chunks, task, &w);
}
