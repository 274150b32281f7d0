/* hone.QAdd and hone.QMul: two byte tensors with broadcasting, as runs along the innermost dims in which each input
 * either moves or stands still. Short runs of A that all meet the same run of B (a factor for each channel of
 * channels-last pixels) are done many at a time against copies of B. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8.h"
#include "kernels/binary_q8.h"

enum { TASK = 1 << 15 /* elements */, COPIES = 4096 /* bytes of copies of B at most */ };

typedef struct params {
    hn_binary_q8 g;          /* without pointers */
    uint64_t runs, batch;    /* batch: runs per task */
    uint64_t repeat, copies; /* neighbouring runs with the same B, and how many of them are one call */
    int64_t dims[HN_MAX_RANK], a_step[HN_MAX_RANK], b_step[HN_MAX_RANK]; /* outer dims */
    int32_t rank;
    int32_t a, b, y; /* operands */
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel;
    const uint8_t *a, *b;
    uint8_t *y;
} job;

static void copy(const params *p, const uint8_t *b, uint8_t *copies)
{
    size_t done = p->g.n, all = p->copies * done;
    memcpy(copies, b, done);
    for (; done < all; done += hn_min_size(done, all - done))
        memcpy(copies + done, copies, hn_min_size(done, all - done));
}

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const params *p = j->p;
    hn_binary_q8 g = p->g;
    const uint8_t *copied = NULL;
    uint8_t copies[COPIES];
    for (size_t i = t * p->batch, count, end = hn_min_size(i + p->batch, p->runs); i < end; i += count) {
        int64_t a = 0, b = 0;
        size_t left = i;
        for (int d = p->rank - 1; d >= 0; d--) {
            int64_t at = (int64_t)(left % (size_t)p->dims[d]);
            left /= (size_t)p->dims[d];
            a += at * p->a_step[d];
            b += at * p->b_step[d];
        }
        count = hn_min_size(hn_min_size(p->copies, p->repeat - i % p->repeat), end - i);
        g.n = count * p->g.n;
        g.a = j->a + a;
        g.b = j->b + b;
        g.y = j->y + i * p->g.n;
        if (count > 1) {
            if (copied != g.b) copy(p, g.b, copies);
            copied = g.b;
            g.b = copies;
        }
        ((hn_binary_q8_fn *)j->kernel->fn)(&g);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    job j = {p, r->kernels[0], r->ptr[p->a], r->ptr[p->b], r->ptr[p->y]};
    hn_pool_run(r->pool, hn_div_up(p->runs, p->batch), task, &j);
    return HN_OK;
}

/* Steps of an input along the output's dims; 0 where it is broadcast. */
static void steps(const hn_type *t, const hn_type *y, int64_t *step)
{
    int64_t stride = 1;
    for (int d = y->rank - 1, s = t->rank - 1; d >= 0; d--, s--) {
        bool moves = s >= 0 && t->dims[s] > 1;
        step[d] = moves ? stride : 0;
        if (s >= 0) stride *= t->dims[s];
    }
}

/* Merge dims from the inside while both inputs go on moving as one run or standing still. */
static void shape(params *p, const hn_type *a, const hn_type *b, const hn_type *y)
{
    steps(a, y, p->a_step);
    steps(b, y, p->b_step);
    memcpy(p->dims, y->dims, sizeof p->dims);
    p->rank = y->rank;
    int64_t n = 1;
    bool a_moves = false, b_moves = false;
    while (p->rank > 0) {
        int d = p->rank - 1;
        bool am = p->a_step[d] != 0, bm = p->b_step[d] != 0;
        if (p->dims[d] != 1) {
            if (n > 1 && (am != a_moves || bm != b_moves)) break;
            a_moves = am, b_moves = bm;
        }
        n *= p->dims[d];
        p->rank--;
    }
    p->g.n = (size_t)n;
    p->g.b_step = b_moves;
    p->runs = hn_type_elems(y) / (size_t)n;
    p->repeat = 1;
    for (int d = p->rank - 1; d >= 0 && a_moves && b_moves; d--) {
        if (p->dims[d] == 1) continue;
        if (p->a_step[d] != n * (int64_t)p->repeat || p->b_step[d] != 0) break;
        p->repeat *= (uint64_t)p->dims[d];
    }
    p->copies = hn_max_size(1, hn_min_size(p->repeat, COPIES / (size_t)n));
}

/* The kernel lets only B stand still. */
static bool a_stands(const params *p, const hn_type *a, const hn_type *b, const hn_type *y)
{
    params other = *p;
    shape(&other, b, a, y);
    return other.g.b_step == 0 && p->g.b_step != 0;
}

static bool read_numbers(hn_lower *c, params *p, hn_dtype a, hn_dtype b, bool add)
{
    const hn_node *n = c->node;
    hn_dtype y = n->out[0]->type.dtype;
    hn_q8_out out;
    int64_t az = hn_attr_int(n, "a_zp", 0), bz = hn_attr_int(n, "b_zp", 0);
    float as = (float)hn_attr_float(n, add ? "a_scale" : "scale", 1),
          bs = add ? (float)hn_attr_float(n, "b_scale", 1) : 0;
    bool fits =
        hn_q8_is_byte(a) && hn_q8_is_byte(b) && hn_q8_is_byte(y) && az >= -128 && az <= 255 && bz >= -128 && bz <= 255;
    fits = fits && fabsf(as) < 1e30f && fabsf(bs) < 1e30f &&
           hn_q8_out_limits(&out, y, hn_attr_int(n, "y_zp", 0), hn_attr_int(n, "y_lo", 0), hn_attr_int(n, "y_hi", 255));
    if (!fits) {
        (void)hn_lower_refuse(c, "zero points, limits or scales do not fit 8 bits");
        return false;
    }
    hn_binary_q8 *g = &p->g;
    g->a_flip = hn_q8_flip(a), g->b_flip = hn_q8_flip(b), g->y_flip = out.y_flip;
    g->a_zp = (int32_t)az + hn_q8_bias(a), g->b_zp = (int32_t)bz + hn_q8_bias(b), g->y_zp = out.y_zp;
    g->a_scale = as, g->b_scale = bs;
    g->u_lo = (float)(out.y_lo - out.y_zp), g->u_hi = (float)(out.y_hi - out.y_zp);
    return true;
}

static void swap_inputs(params *p, bool add)
{
    hn_binary_q8 *g = &p->g, old = p->g;
    g->a_flip = old.b_flip, g->b_flip = old.a_flip;
    g->a_zp = old.b_zp, g->b_zp = old.a_zp;
    if (add) g->a_scale = old.b_scale, g->b_scale = old.a_scale;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    bool add = hn_node_is(n, "hone.QAdd");
    const hn_type *a = &n->in[0]->type, *b = &n->in[1]->type, *y = &n->out[0]->type;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    if (hn_type_elems(y) == 0) return hn_lower_refuse(c, "empty");
    if (!read_numbers(c, p, a->dtype, b->dtype, add)) return HN_OK;
    shape(p, a, b, y);
    bool swap = a_stands(p, a, b, y);
    if (swap) {
        shape(p, b, a, y);
        swap_inputs(p, add);
    }
    p->batch = hn_max_size(1, TASK / p->g.n);
    if (hn_lower_kernel(c, "binary_q8", add ? HN_BINARY_Q8_ADD : HN_BINARY_Q8_MUL, 0) == NULL)
        return hn_lower_refuse(c, "no binary_q8 kernel for this ISA");
    p->a = hn_lower_input(c, swap ? 1 : 0);
    p->b = hn_lower_input(c, swap ? 0 : 1);
    p->y = hn_lower_output(c, 0);
    if (p->a < 0 || p->b < 0 || p->y < 0) return HN_NOMEM;
    const hn_value *moving = n->in[swap ? 1 : 0];
    if (hn_type_elems(&moving->type) == hn_type_elems(y)) c->inplace = p->a;
    return HN_OK;
}

static const char *const ops[] = {"hone.QAdd", "hone.QMul", NULL};

const hn_driver hn_cpu_qbinary = {.name = "qbinary",
                                  .doc = "sum and product of 8-bit tensors, exact",
                                  .ops = ops,
                                  .rank = 10,
                                  .lower = lower,
                                  .run = run};
