/* lib_pool: see the header. */
#include "ops/lib_pool.h"

size_t hn_pool_count(const hn_window *w, size_t out, bool include_pad)
{
    size_t count = 1;
    for (int i = w->n - 1; i >= 0; i--) {
        int64_t start = (int64_t)(out % (size_t)w->out[i]) * w->s[i] - w->lo[i];
        int64_t lo = include_pad ? -w->lo[i] : 0, hi = include_pad ? w->in[i] + w->hi[i] : w->in[i];
        size_t n = 0;
        out /= (size_t)w->out[i];
        for (int64_t k = 0; k < w->k[i]; k++) {
            int64_t x = start + k * w->d[i];
            if (x >= hi) break;
            n += x >= lo;
        }
        count *= n;
    }
    return count;
}

typedef void visit_fn(void *self, size_t out, size_t in);

/* Calls fn for each (output, input) pair of every window; for one output the inputs come in row-major order. */
static void walk(const hn_window *w, visit_fn *fn, void *self)
{
    int last = w->n - 1;
    size_t taps = hn_window_elems(w->k, last), rows = hn_window_elems(w->out, last);
    for (size_t row = 0; row < rows; row++) {
        for (size_t tap = 0; tap < taps; tap++) {
            size_t in_row;
            if (!hn_window_row(w, tap, row, &in_row)) continue;
            for (int64_t k = 0; k < w->k[last]; k++) {
                int64_t from, to, shift;
                hn_window_span(w, k, &from, &to, &shift);
                for (int64_t o = from; o < to; o++) {
                    fn(self, row * (size_t)w->out[last] + (size_t)o,
                       in_row * (size_t)w->in[last] + (size_t)(o * w->s[last] + shift));
                }
            }
        }
    }
}

typedef struct planes {
    const double *src;
    double *dst;
    int64_t *at;
} planes;

static void visit_max(void *self, size_t out, size_t in)
{
    planes *p = self;
    if (p->at[out] < 0 || p->src[in] > p->dst[out]) {
        p->dst[out] = p->src[in];
        p->at[out] = (int64_t)in;
    }
}
static void visit_sum(void *self, size_t out, size_t in)
{
    planes *p = self;
    p->dst[out] += p->src[in];
}
static void visit_spread(void *self, size_t out, size_t in)
{
    planes *p = self;
    p->dst[in] += p->src[out];
}

void hn_pool_max(const hn_window *w, const double *x, double *y, int64_t *at)
{
    planes p = {.src = x, .dst = y, .at = at};
    size_t n = hn_window_elems(w->out, w->n);
    for (size_t i = 0; i < n; i++) {
        y[i] = -HUGE_VAL;
        at[i] = -1;
    }
    walk(w, visit_max, &p);
}
void hn_pool_sum(const hn_window *w, const double *x, double *y)
{
    planes p = {.src = x, .dst = y};
    walk(w, visit_sum, &p);
}
void hn_pool_spread(const hn_window *w, const double *y, double *x)
{
    planes p = {.src = y, .dst = x};
    walk(w, visit_spread, &p);
}

hn_status hn_pool_read(hn_env *env, const hn_node *node, int rank, const int64_t *x, bool nhwc, hn_window *w,
                       int64_t *out_dims)
{
    if (rank < 3 || rank > HN_MAX_RANK) return hn_op_fail(env, node, "input of rank %d, at least 3 needed", rank);
    HN_TRY(hn_window_read(env, node, rank - 2, nhwc ? x + 1 : x + 2, NULL, w));
    for (int i = 0; i < w->n; i++) {
        if (w->k[i] < 0) return hn_op_fail(env, node, "kernel_shape is missing");
        out_dims[nhwc ? i + 1 : i + 2] = w->out[i];
    }
    out_dims[0] = x[0];
    out_dims[nhwc ? rank - 1 : 1] = nhwc ? x[rank - 1] : x[1];
    return HN_OK;
}

hn_status hn_pool_infer(hn_infer *c)
{
    hn_window w;
    hn_type *y = &c->out[0];
    y->dtype = c->in[0]->dtype;
    if (c->in[0]->rank >= 0) {
        bool nhwc = hn_attr_int(c->node, "layout", 0) == 1;
        y->rank = c->in[0]->rank;
        HN_TRY(hn_pool_read(c->env, c->node, y->rank, c->in[0]->dims, nhwc, &w, y->dims));
    }
    if (c->nout > 1) {
        c->out[1] = *y;
        c->out[1].dtype = HN_I64;
    }
    return HN_OK;
}

void hn_pool_cost(const hn_node *n, hn_cost *cost)
{
    const int64_t *k;
    double taps = 1;
    size_t count = hn_attr_ints(n, "kernel_shape", &k);
    for (size_t i = 0; i < count; i++) taps *= (double)k[i];
    cost->flops = taps * hn_nn_elems(n->out[0]);
    cost->macs = 0;
    cost->bytes = hn_nn_bytes(n);
}

size_t hn_pool_planes(const hn_tensor *t)
{
    return (size_t)t->dims[0] * (size_t)t->dims[1];
}

hn_status hn_pool_global_infer(hn_infer *c)
{
    bool known;
    HN_TRY(hn_nn_rank(c, 0, 2, HN_MAX_RANK, &known));
    hn_nn_like(c, 0, 0);
    for (int i = 2; known && i < c->out[0].rank; i++) c->out[0].dims[i] = 1;
    return HN_OK;
}

hn_status hn_pool_global_load(const hn_refargs *a, double **x, size_t *planes, size_t *plane)
{
    const hn_tensor *t = a->in[0];
    *planes = hn_pool_planes(t);
    *plane = t->rank > 2 ? hn_dims_elems(t->rank, t->dims, 2, t->rank) : 1;
    return hn_nn_load(a, 0, x);
}
