/* pad_conv: zeros around an image join the padding of the convolution or pooling that reads it. */
#include <math.h>

#include "base/size.h"
#include "passes/lib_epilogue.h"

/* Pads of a 3-D or larger image by a constant on its spatial dims alone; false when it is something else. */
static bool read_pad(const hn_node *p, int rank, double *value, int64_t *pads)
{
    int64_t given[2 * HN_MAX_RANK], axes[HN_MAX_RANK];
    size_t count, naxes = (size_t)rank;
    *value = 0;
    if (!hn_attr_is(p, "mode", "constant") || !hn_const_ints(hn_node_in(p, 1), HN_COUNT(given), given, &count))
        return false;
    if (hn_node_in(p, 2) != NULL && !hn_const_scalar(p->in[2], value)) return false;
    for (int i = 0; i < rank; ++i) axes[i] = i;
    if (hn_node_in(p, 3) != NULL && !hn_const_ints(p->in[3], HN_COUNT(axes), axes, &naxes)) return false;
    if (count != 2 * naxes) return false;
    for (int i = 0; i < 2 * rank; ++i) pads[i] = 0;
    for (size_t i = 0; i < naxes; ++i) {
        int axis;
        if (!hn_axis(axes[i], rank, &axis)) return false;
        pads[axis] = given[i];
        pads[rank + axis] = given[naxes + i];
    }
    for (int i = 0; i < 2 * rank; ++i)
        if (pads[i] < 0 || (i % rank < 2 && pads[i] != 0)) return false;
    return true;
}

static hn_status take(hn_pass_ctx *c, hn_node *n, const hn_node *p)
{
    const int64_t *old, *kernel;
    int64_t pads[2 * HN_MAX_RANK], sum[2 * HN_MAX_RANK];
    double value;
    int rank = p->in[0]->type.rank;
    bool conv = hn_node_is(n, "Conv"), max = hn_node_is(n, "MaxPool");
    if (rank < 3 || !read_pad(p, rank, &value, pads)) return HN_OK;
    size_t spatial = (size_t)rank - 2, count = hn_attr_ints(n, "pads", &old);
    if (!hn_attr_is(n, "auto_pad", "NOTSET") && !hn_attr_is(n, "auto_pad", "VALID")) return HN_OK;
    if (hn_attr_is(n, "auto_pad", "VALID")) count = 0;
    if (count != 0 && count != 2 * spatial) return HN_OK;
    bool padded = false;
    for (size_t i = 0; i < count; ++i) padded = padded || old[i] != 0;
    /* An average must count the zeros, and a maximum only agrees where the padding never wins. */
    if (conv ? value != 0 : max ? value != -INFINITY : value != 0 || padded || hn_attr_int(n, "ceil_mode", 0) != 0)
        return HN_OK;
    if (!conv && hn_attr_ints(n, "kernel_shape", &kernel) != spatial) return HN_OK;
    for (size_t i = 0; i < spatial; ++i) {
        sum[i] = pads[2 + i] + (count != 0 ? old[i] : 0);
        sum[spatial + i] = pads[(size_t)rank + 2 + i] + (count != 0 ? old[spatial + i] : 0);
        if (!conv && (sum[i] >= kernel[i] || sum[spatial + i] >= kernel[i])) return HN_OK;
    }
    hn_node_unset(n, "auto_pad");
    HN_TRY(hn_node_set_ints(n, "pads", sum, 2 * spatial));
    if (!conv && !max) HN_TRY(hn_node_set_int(n, "count_include_pad", 1));
    hn_node_input_set(n, 0, p->in[0]);
    c->changes++;
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first; n != NULL; n = n->next) {
        if (!hn_node_is(n, "Conv") && !hn_node_is(n, "AveragePool") && !hn_node_is(n, "MaxPool")) continue;
        const hn_node *p = hn_made_by(n->in[0], "Pad");
        if (p != NULL) HN_TRY(take(c, n, p));
    }
    return HN_OK;
}

const hn_pass hn_pass_pad_conv = {
    .name = "pad_conv",
    .doc = "A Pad with zeros on spatial dims joins the pads of the Conv or AveragePool after it, one with minus "
           "infinity those of "
           "MaxPool.",
    .run = run,
};
