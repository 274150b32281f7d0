/* band: a chain of convolutions from a small image over large ones to a small one, or to one that a pool makes small,
 * is computed a band of rows at a time, so that the large images are never there as a whole. The few rows around the
 * cuts are made twice. */
#include "base/size.h"
#include "passes/lib_epilogue.h"

/* Images beyond caches, of which a pair is brought down to twice the size; how small the ends are against the largest
 * pair of images; rows made twice, as a share. */
enum { LEAST_BYTES = 8 << 20, SMALL = 4, TWICE = 16, LONGEST = 16, MOST_BANDS = 8 };

typedef struct span {
    int64_t from, to; /* rows */
} span;

static int64_t top_of(const hn_node *n)
{
    const int64_t *pads;
    return hn_attr_ints(n, "pads", &pads) == 4 ? pads[0] : 0;
}

static bool ones(const hn_node *n, const char *name)
{
    const int64_t *v;
    size_t count = hn_attr_ints(n, name, &v);
    for (size_t i = 0; i < count; i++)
        if (v[i] != 1) return false;
    return true;
}

/* Of one sample, so that a part of a batch goes the same way as the whole. */
static bool bytes_of(const hn_value *v, size_t *bytes)
{
    const hn_type *t = &v->type;
    size_t elems;
    return hn_type_known(t) && t->kind == HN_KIND_TENSOR && t->dtype == HN_F32 && t->rank == 4 &&
           hn_dims_count(3, t->dims + 1, &elems) && hn_dtype_bytes(HN_F32, elems, bytes);
}

/* A convolution that gives as many rows as it reads, each from its neighbours. */
static bool fits(const hn_node *n)
{
    size_t bytes;
    if (!hn_node_is(n, "hone.Conv") || hn_node_in(n, 3) != NULL || hn_attr_int(n, "layout", 0) != 0 ||
        hn_attr_int(n, "in_layout", 0) != 0 || !ones(n, "strides") || !ones(n, "dilations"))
        return false;
    const hn_tensor *w = hn_node_const(n, 1);
    if (w == NULL || w->rank != 4 || (hn_node_in(n, 2) != NULL && hn_node_const(n, 2) == NULL)) return false;
    return bytes_of(n->in[0], &bytes) && bytes_of(n->out[0], &bytes) &&
           n->in[0]->type.dims[2] == n->out[0]->type.dims[2];
}

/* The chain that ends in `last` and then gives `result`, first node first, and how many bands it is for; 0 where it is
 * too short or not worth it. */
static size_t chain_of(hn_node *last, const hn_value *result, hn_node *chain[LONGEST], int64_t *bands)
{
    hn_node *back[LONGEST];
    size_t n = 0, most = 0, ends[2], in, out;
    int64_t rows = 0, height = last->out[0]->type.dims[2];
    for (hn_node *at = last; at != NULL && n < LONGEST && fits(at); at = hn_made_by(at->in[0], "hone.Conv")) {
        if (n > 0 && hn_only_user(at->out[0]) != back[n - 1]) break;
        back[n++] = at;
        rows += hn_node_const(at, 1)->dims[2] - 1;
    }
    if (n < 3) return 0;
    for (size_t i = 0; i < n; i++) {
        chain[i] = back[n - 1 - i];
        if (!bytes_of(chain[i]->in[0], &in) || !bytes_of(chain[i]->out[0], &out)) return 0;
        if (in >= LEAST_BYTES && out >= LEAST_BYTES) most = hn_max_size(most, in + out);
    }
    size_t cheap = 1 + (size_t)height / (rows * TWICE > 0 ? (size_t)rows * TWICE : 1),
           wanted = 1 + most / (2 * LEAST_BYTES);
    *bands = (int64_t)hn_min_size(hn_min_size(wanted, cheap), MOST_BANDS);
    if (*bands < 2) return 0;
    if (!bytes_of(chain[0]->in[0], &ends[0]) || !bytes_of(result, &ends[1])) return 0;
    return (ends[0] + ends[1]) * SMALL <= most ? n : 0;
}

/* Rows of what n reads that it needs for these rows of what it gives; pads get those of them that are no rows. */
static span rows_for(const hn_node *n, span of, int64_t pads[4])
{
    const int64_t *all, top = top_of(n), height = n->in[0]->type.dims[2];
    span s = {of.from - top, of.to - top + hn_node_const(n, 1)->dims[2] - 1};
    bool given = hn_attr_ints(n, "pads", &all) == 4;
    pads[0] = s.from < 0 ? -s.from : 0;
    pads[2] = s.to > height ? s.to - height : 0;
    pads[1] = given ? all[1] : 0;
    pads[3] = given ? all[3] : 0;
    return (span){s.from + pads[0], s.to - pads[2]};
}

/* A MaxPool of images without padding, one row or more for each band. */
static bool pools(const hn_node *p)
{
    const int64_t *list;
    size_t pads = hn_attr_ints(p, "pads", &list);
    if (!hn_node_is(p, "MaxPool") || hn_node_out(p, 1) != NULL || !ones(p, "dilations")) return false;
    for (size_t i = 0; i < pads; i++)
        if (list[i] != 0) return false;
    return (hn_attr_is(p, "auto_pad", "NOTSET") || hn_attr_is(p, "auto_pad", "VALID")) &&
           hn_attr_int(p, "ceil_mode", 0) == 0 && hn_attr_ints(p, "kernel_shape", &list) == 2 &&
           hn_type_known(&p->out[0]->type) && p->out[0]->type.dims[2] >= MOST_BANDS;
}

/* Rows that the pool reads for these of its own. */
static span rows_under(const hn_node *pool, span of)
{
    const int64_t *kernel, *strides;
    (void)hn_attr_ints(pool, "kernel_shape", &kernel);
    int64_t step = hn_attr_ints(pool, "strides", &strides) == 2 ? strides[0] : 1;
    return (span){of.from * step, (of.to - 1) * step + kernel[0]};
}

static hn_value *band(hn_rw *rw, hn_node *const *chain, size_t n, const hn_node *pool, span of)
{
    int64_t pads[LONGEST][4];
    if (pool != NULL) of = rows_under(pool, of);
    for (size_t i = n; i-- > 0;) of = rows_for(chain[i], of, pads[i]);
    hn_value *cut[] = {chain[0]->in[0], hn_rw_ints(rw, &of.from, 1), hn_rw_ints(rw, &of.to, 1),
                       hn_rw_ints(rw, (int64_t[]){2}, 1)};
    rw->name = chain[0]->name;
    hn_value *x = hn_rw_op(rw, "Slice", 4, cut, NULL);
    for (size_t i = 0; i < n; i++) {
        hn_value *in[] = {x, chain[i]->in[1], hn_node_in(chain[i], 2), NULL};
        x = hn_conv_like(rw, chain[i], in, hn_attr_int(chain[i], "group", 1), pads[i], true);
    }
    if (pool == NULL) return x;
    const hn_node *last = hn_rw_like(rw, pool, 1, &x);
    return last != NULL ? last->out[0] : NULL;
}

/* The convolution whose chain ends in n: n itself, or what the pool n reads; NULL where the chain goes on. */
static hn_node *end_of_chain(hn_node *n)
{
    hn_node *conv = pools(n) ? hn_made_by(n->in[0], "hone.Conv") : n;
    if (conv == NULL || !fits(conv)) return NULL;
    hn_node *user = hn_only_user(conv->out[0]);
    if (conv != n) return user == n ? conv : NULL;
    return user == NULL || !(fits(user) || pools(user)) ? conv : NULL;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        hn_node *chain[LONGEST], *end = end_of_chain(n);
        int64_t height, bands;
        size_t count = end != NULL ? chain_of(end, n->out[0], chain, &bands) : 0;
        if (count == 0) continue;
        hn_rw rw = hn_rw_at(c->graph, n);
        hn_value *part[MOST_BANDS];
        height = n->out[0]->type.dims[2];
        for (int64_t i = 0; i < bands; i++)
            part[i] =
                band(&rw, chain, count, end == n ? NULL : n, (span){height * i / bands, height * (i + 1) / bands});
        rw.name = n->name;
        HN_TRY(hn_replace_first(
            c, &rw, n, hn_rw_op(&rw, "Concat", (size_t)bands, part, (const hn_rw_attr[]){HN_A_INT("axis", 2), {0}})));
    }
    return HN_OK;
}

const hn_pass hn_pass_band = {
    .name = "band",
    .doc = "Where three or more hone.Conv lead from a small image over neighbours of 8 MiB or more to a small one, the "
           "rows go through all of them, and through a MaxPool behind them, in two to eight bands.",
    .run = run,
};
