/* halve: a large image between two convolutions is made and summed up one half of its channels at a time. */
#include "base/size.h"
#include "passes/lib_epilogue.h"

#include <string.h>

/* Beyond caches; halves that still fill a large Winograd tile (32 channels cost a tenth more time); b's work to a's. */
enum { LEAST_BYTES = 8 << 20, LEAST_CHANNELS = 128, CHEAP = 8 };

static bool plain(const hn_node *n)
{
    return hn_attr_int(n, "group", 1) == 1 && hn_attr_int(n, "layout", 0) == 0 && hn_attr_int(n, "in_layout", 0) == 0 &&
           hn_node_in(n, 3) == NULL && n->in[0]->type.dtype == HN_F32 && hn_node_const(n, 1) != NULL &&
           hn_node_const(n, 1)->rank == 4 && (hn_node_in(n, 2) == NULL || hn_node_const(n, 2) != NULL);
}

static bool ones(const hn_node *n, const char *name)
{
    const int64_t *v;
    size_t count = hn_attr_ints(n, name, &v);
    for (size_t i = 0; i < count; i++)
        if (v[i] != 1) return false;
    return true;
}

/* The convolution whose result b alone reads, where halves are worth it: it is cheap, b is 3 x 3 of stride 1, whose
 * driver adds to its residual in place, and b's result is no larger than what it reads. */
static hn_node *fitting(const hn_node *b)
{
    hn_node *a = hn_node_is(b, "hone.Conv") ? hn_made_by(b->in[0], "hone.Conv") : NULL;
    size_t bytes, made, elems;
    if (a == NULL || hn_only_user(a->out[0]) != b || !plain(a) || !plain(b)) return NULL;
    const hn_tensor *wa = hn_node_const(a, 1), *wb = hn_node_const(b, 1);
    const hn_type *middle = &a->out[0]->type, *y = &b->out[0]->type;
    if (!hn_type_known(middle) || !hn_type_known(y) || middle->rank != 4) return NULL;
    if (wb->dims[2] != 3 || wb->dims[3] != 3 || !ones(b, "strides") || !ones(b, "dilations")) return NULL;
    if (wb->dims[1] < LEAST_CHANNELS || wb->dims[1] % 32 != 0) return NULL;
    if (wa->dims[1] * wa->dims[2] * wa->dims[3] * CHEAP > wb->dims[0] * 9) return NULL;
    if (!hn_dims_count(4, middle->dims, &elems) || !hn_dtype_bytes(HN_F32, elems, &bytes)) return NULL;
    if (!hn_dims_count(4, y->dims, &elems) || !hn_dtype_bytes(HN_F32, elems, &made)) return NULL;
    return bytes >= LEAST_BYTES && made <= bytes ? a : NULL;
}

/* Entries [from, from + n) of a constant's axis 0 or 1. */
static hn_value *part(hn_rw *rw, const hn_tensor *t, int axis, int64_t from, int64_t n)
{
    if (t == NULL) return NULL;
    int64_t dims[HN_MAX_RANK];
    memcpy(dims, t->dims, sizeof dims);
    dims[axis] = n;
    size_t elem = t->bytes / hn_tensor_elems(t), outer = axis ? (size_t)t->dims[0] : 1, inner = elem;
    for (int i = axis + 1; i < t->rank; i++) inner *= (size_t)t->dims[i];
    hn_tensor *to;
    hn_value *v = hn_rw_const_new(rw, t->dtype, t->rank, dims, &to);
    for (size_t o = 0; v != NULL && o < outer; o++)
        memcpy((char *)to->data + o * (size_t)n * inner,
               (const char *)t->data + (o * (size_t)t->dims[axis] + (size_t)from) * inner, (size_t)n * inner);
    return v;
}

static hn_status halve(hn_pass_ctx *c, hn_node *a, hn_node *b)
{
    const hn_tensor *wa = hn_node_const(a, 1), *ba = hn_node_const(a, 2), *wb = hn_node_const(b, 1);
    hn_rw rw = hn_rw_at(c->graph, b);
    int64_t half = wb->dims[1] / 2;
    hn_value *sum = NULL;
    for (int64_t i = 0; i < 2; i++) {
        hn_value *first[] = {a->in[0], part(&rw, wa, 0, i * half, half), part(&rw, ba, 0, i * half, half), NULL};
        hn_value *x = hn_conv_like(&rw, a, first, 1, true);
        hn_value *second[] = {x, part(&rw, wb, 1, i * half, half), i == 0 ? hn_node_in(b, 2) : NULL, sum};
        sum = hn_conv_like(&rw, b, second, 1, i == 1);
    }
    return hn_replace_first(c, &rw, b, sum);
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        hn_node *a = fitting(n);
        if (a != NULL) HN_TRY(halve(c, a, n));
    }
    return HN_OK;
}

const hn_pass hn_pass_halve = {
    .name = "halve",
    .doc = "Where a cheap hone.Conv makes an image of 8 MiB or more that a 3 x 3 hone.Conv alone reads, half of its "
           "channels are made and summed up, then the other half, so that the image is never there as a whole.",
    .run = run,
};
