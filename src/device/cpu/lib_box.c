/* lib_box: see lib_box.h. The innermost dim is copied as one run where both sides are dense, short runs a column of
 * them at a time; where the source is dense along another dim, the two are turned over in tiles; else elements are
 * moved one by one. */
#include "device/cpu/lib_box.h"

#include <string.h>

#include "base/size.h"
#include "kernels/transpose_b1.h"
#include "kernels/transpose_b4.h"

enum { TASK_BYTES = 1 << 16, TILE = 16 };

uint32_t hn_box_bytes(hn_dtype t)
{
    unsigned bits = t == HN_STRING || t == HN_NONE ? 0 : hn_dtype_bits(t);
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128 ? bits / 8 : 0;
}

const hn_kernel *hn_box_kernel(hn_lower *c, uint32_t bytes)
{
    return hn_lower_kernel(c, bytes == 1 ? "transpose_b1" : "transpose_b4", -1, 0);
}

void hn_box_start(hn_box *b, uint32_t bytes)
{
    *b = (hn_box){.bytes = bytes, .turn = -1};
}

void hn_box_dim(hn_box *b, int64_t dim, int64_t dst, int64_t src)
{
    b->dims[b->rank] = dim;
    b->dst[b->rank] = dst;
    b->src[b->rank++] = src;
}

void hn_box_finish(hn_box *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->rank; i++) {
        int64_t dim = b->dims[i], dst = b->dst[i], src = b->src[i];
        if (dim == 1) continue;
        if (n > 0 && b->dst[n - 1] == dst * dim && b->src[n - 1] == src * dim) {
            b->dims[n - 1] *= dim;
            b->dst[n - 1] = dst;
            b->src[n - 1] = src;
            continue;
        }
        b->dims[n] = dim;
        b->dst[n] = dst;
        b->src[n++] = src;
    }
    b->rank = n;
    if (n == 0) hn_box_dim(b, 1, 1, 1);
    uint32_t last = b->rank - 1;
    b->turn = -1;
    if (b->dst[last] != 1 || b->src[last] <= 1 || b->bytes == 16) return;
    for (uint32_t i = 0; i < last; i++)
        if (b->src[i] == 1 && b->dst[i] > 0) b->turn = (int32_t)i;
}

typedef struct ctx {
    const hn_box *b;
    const hn_kernel *transpose;
    char *dst;
    const char *src;
    size_t outer, per_task; /* runs; runs a task */
    size_t strips, strip;   /* turned: strips of the innermost dim a run, and their length; else strips is 1 */
} ctx;

#define MOVE(type) \
    for (int64_t i = 0; i < n; i++) ((type *)dst)[i * ds] = ((const type *)src)[i * ss]

/* Every second element, as channels are shuffled, a vector of `lanes` at a time. Nothing behind the last one is read.
 */
#define MOVE_EVEN(type, lanes, ...)                                     \
    typedef type vector __attribute__((vector_size(16)));               \
    int64_t i = 0;                                                      \
    for (; i + (lanes) < n; i += (lanes)) {                             \
        vector a, b;                                                    \
        memcpy(&a, src + 2 * i * (int64_t)sizeof(type), sizeof a);      \
        memcpy(&b, src + 2 * i * (int64_t)sizeof(type) + 16, sizeof b); \
        a = __builtin_shufflevector(a, b, __VA_ARGS__);                 \
        memcpy(dst + i * (int64_t)sizeof(type), &a, sizeof a);          \
    }                                                                   \
    for (; i < n; i++) ((type *)dst)[i] = ((const type *)src)[2 * i]

static void move_even_words(int64_t n, char *dst, const char *src)
{
    MOVE_EVEN(uint32_t, 4, 0, 2, 4, 6);
}

static void move_even_bytes(int64_t n, char *dst, const char *src)
{
    MOVE_EVEN(uint8_t, 16, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

static void move(uint32_t bytes, int64_t n, char *dst, int64_t ds, const char *src, int64_t ss)
{
    if (ds == 1 && ss == 1) {
        memcpy(dst, src, (size_t)n * bytes);
        return;
    }
    if (ds == 1 && ss == 2 && (bytes == 4 || bytes == 1)) {
        (bytes == 4 ? move_even_words : move_even_bytes)(n, dst, src);
        return;
    }
    switch (bytes) {
    case 1: MOVE(uint8_t); break;
    case 2: MOVE(uint16_t); break;
    case 4: MOVE(uint32_t); break;
    case 8: MOVE(uint64_t); break;
    default:
        for (int64_t i = 0; i < n; i++) memcpy(dst + i * ds * 16, src + i * ss * 16, 16);
    }
}

#define TURN(type)                   \
    for (size_t r = r0; r < r1; r++) \
        for (size_t c = c0; c < c1; c++) ((type *)dst)[c * ds + r] = ((const type *)src)[r * ss + c]

static void turn(uint32_t bytes, size_t rows, size_t cols, const char *src, size_t ss, char *dst, size_t ds)
{
    for (size_t r0 = 0; r0 < rows; r0 += TILE) {
        size_t r1 = hn_min_size(rows, r0 + TILE);
        for (size_t c0 = 0; c0 < cols; c0 += TILE) {
            size_t c1 = hn_min_size(cols, c0 + TILE);
            switch (bytes) {
            case 2: TURN(uint16_t); break;
            default: TURN(uint64_t); break;
            }
        }
    }
}

#define RUNS(size)                                                                                   \
    case size:                                                                                       \
        for (size_t i = 0; i < count; i++, dst += dst_step, src += src_step) memcpy(dst, src, size); \
        break

/* A first and a last piece that may overlap. */
#define ENDS(size)                                                         \
    for (size_t i = 0; i < count; i++, dst += dst_step, src += src_step) { \
        memcpy(dst, src, size);                                            \
        memcpy(dst + bytes - (size), src + bytes - (size), size);          \
    }

/* A memcpy whose size is known is a move or two. */
void hn_box_runs(size_t count, size_t bytes, char *dst, ptrdiff_t dst_step, const char *src, ptrdiff_t src_step)
{
    switch (bytes) {
        RUNS(1);
        RUNS(2);
        RUNS(4);
        RUNS(8);
        RUNS(16);
        RUNS(32);
        RUNS(64);
    default:
        if (bytes > 64 || bytes < 8)
            for (size_t i = 0; i < count; i++, dst += dst_step, src += src_step) memcpy(dst, src, bytes);
        else if (bytes > 32)
            ENDS(32)
        else if (bytes > 16)
            ENDS(16)
        else
            ENDS(8)
    }
}

/* The run whose first element is number d of the destination and s of the source. */
static void run_one(const ctx *x, int64_t d, int64_t s, size_t strip)
{
    const hn_box *b = x->b;
    uint32_t last = b->rank - 1;
    if (b->turn < 0) {
        move(b->bytes, b->dims[last], x->dst + d * b->bytes, b->dst[last], x->src + s * b->bytes, b->src[last]);
        return;
    }
    size_t from = strip * x->strip, rows = hn_min_size(x->strip, (size_t)b->dims[last] - from),
           cols = (size_t)b->dims[b->turn];
    size_t ss = (size_t)b->src[last], ds = (size_t)b->dst[b->turn];
    char *dst = x->dst + (d + (int64_t)from) * b->bytes;
    const char *src = x->src + (s + (int64_t)(from * ss)) * b->bytes;
    if (b->bytes == 4)
        ((hn_transpose_b4_fn *)x->transpose->fn)(rows, cols, src, ss, dst, ds);
    else if (b->bytes == 1)
        ((hn_transpose_b1_fn *)x->transpose->fn)(rows, cols, (const uint8_t *)src, ss, (uint8_t *)dst, ds);
    else
        turn(b->bytes, rows, cols, src, ss, dst, ds);
}

/* Divides once to find the first run and counts from there: runs can be a few bytes. */
static void task(void *self, size_t index)
{
    const ctx *x = self;
    const hn_box *b = x->b;
    size_t first = index * x->per_task, left = hn_min_size(x->per_task, x->outer - first);
    size_t strip = first % x->strips, rest = first / x->strips;
    int64_t at[HN_BOX_RANK], d = b->dst_at, s = b->src_at;
    for (uint32_t i = b->rank - 1; i-- > 0;) {
        if ((int32_t)i == b->turn) continue;
        at[i] = (int64_t)(rest % (size_t)b->dims[i]);
        rest /= (size_t)b->dims[i];
        d += at[i] * b->dst[i];
        s += at[i] * b->src[i];
    }
    bool dense = b->turn < 0 && b->rank > 1 && b->dst[b->rank - 1] == 1 && b->src[b->rank - 1] == 1;
    while (left > 0) {
        if (dense) {
            /* All that is left of this column of runs; the step below is from its last run. */
            uint32_t col = b->rank - 2;
            size_t count = hn_min_size(left, (size_t)(b->dims[col] - at[col])), skip = count - 1;
            hn_box_runs(count, (size_t)b->dims[b->rank - 1] * b->bytes, x->dst + d * b->bytes, b->dst[col] * b->bytes,
                        x->src + s * b->bytes, b->src[col] * b->bytes);
            at[col] += (int64_t)skip;
            d += (int64_t)skip * b->dst[col];
            s += (int64_t)skip * b->src[col];
            left -= count;
        } else {
            run_one(x, d, s, strip);
            left--;
        }
        if (++strip < x->strips) continue;
        strip = 0;
        for (uint32_t i = b->rank - 1; i-- > 0;) {
            if ((int32_t)i == b->turn) continue;
            d += b->dst[i];
            s += b->src[i];
            if (++at[i] < b->dims[i]) break;
            at[i] = 0;
            d -= b->dims[i] * b->dst[i];
            s -= b->dims[i] * b->src[i];
        }
    }
}

void hn_box_run(hn_pool *pool, const hn_box *b, const hn_kernel *transpose, void *dst, const void *src)
{
    ctx x = {.b = b, .transpose = transpose, .dst = dst, .src = src, .outer = 1, .strips = 1};
    uint32_t last = b->rank - 1;
    size_t each = (size_t)b->dims[last] * b->bytes;
    for (uint32_t i = 0; i < b->rank; i++)
        if (b->dims[i] == 0) return;
    for (uint32_t i = 0; i < last; i++)
        if ((int32_t)i != b->turn) x.outer *= (size_t)b->dims[i];
    if (b->turn >= 0) {
        size_t line = (size_t)b->dims[b->turn] * b->bytes;
        x.strip = hn_max_size(TASK_BYTES / line / TILE * TILE, TILE);
        x.strips = hn_div_up((size_t)b->dims[last], x.strip);
        each = hn_min_size(x.strip, (size_t)b->dims[last]) * line;
        x.outer *= x.strips;
    }
    x.per_task = hn_max_size(TASK_BYTES / each, 1);
    hn_pool_run(pool, hn_div_up(x.outer, x.per_task), task, &x);
}
