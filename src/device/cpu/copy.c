/* copy: ops that move elements of any type to other places, each as one strided box: Transpose, Slice, Expand, Tile,
 * DepthToSpace, SpaceToDepth. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_box.h"

static const char *const OPS[] = {"Transpose", "Slice", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", NULL};

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static hn_status lower_transpose(const hn_node *n, hn_box *b)
{
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int64_t sx[HN_MAX_RANK], sy[HN_MAX_RANK];
    const int64_t *perm;
    size_t count = hn_attr_ints(n, "perm", &perm);
    hn_strides(x->rank, x->dims, sx);
    hn_strides(y->rank, y->dims, sy);
    for (int d = 0; d < y->rank; d++) {
        int from = x->rank - 1 - d;
        if (count == (size_t)x->rank && !hn_axis(perm[d], x->rank, &from)) return HN_BUG;
        hn_box_dim(b, y->dims[d], sy[d], sx[from]);
    }
    return HN_OK;
}

/* Sizes come from the inferred type; only where each axis starts and how it steps is read here. */
static hn_status lower_slice(const hn_lower *c, hn_box *b, bool *known, bool *joined)
{
    const hn_node *n = c->node;
    size_t at = 0, stride = 0;
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int64_t sx[HN_MAX_RANK], sy[HN_MAX_RANK], start[HN_MAX_RANK] = {0}, step[HN_MAX_RANK];
    const hn_tensor *in[5] = {NULL};
    for (int d = 0; d < x->rank; d++) step[d] = 1;
    for (size_t i = 1; i < 5; i++) {
        in[i] = i < n->nin && n->in[i] != NULL ? n->in[i]->data : NULL;
        *known = *known && (i >= n->nin || n->in[i] == NULL || in[i] != NULL);
    }
    if (!*known) return HN_OK;
    for (size_t i = 0; i < hn_tensor_elems(in[1]); i++) {
        int d;
        if (!hn_axis(in[3] != NULL ? hn_get_i64(in[3], i) : (int64_t)i, x->rank, &d)) return HN_BUG;
        int64_t v = hn_get_i64(in[1], i), dim = x->dims[d];
        step[d] = in[4] != NULL ? hn_get_i64(in[4], i) : 1;
        if (v < 0) v = v < -dim ? -1 : v + dim;
        start[d] = step[d] > 0 ? clamp(v, 0, dim) : clamp(v, 0, dim - 1);
        if (y->dims[d] <= 1) step[d] = 1; /* extreme steps never multiply */
    }
    hn_strides(x->rank, x->dims, sx);
    hn_strides(y->rank, y->dims, sy);
    *joined = y->rank > 0 && step[y->rank - 1] == 1 && hn_lower_joins(c, &at, &stride);
    for (int d = y->rank - 2; *joined && d >= 0; d--)
        sy[d] = d == y->rank - 2 ? (int64_t)stride : sy[d + 1] * y->dims[d + 1];
    b->dst_at = (int64_t)at;
    for (int d = 0; d < y->rank; d++) {
        b->src_at += start[d] * sx[d];
        hn_box_dim(b, y->dims[d], sy[d], sx[d] * step[d]);
    }
    return HN_OK;
}

static void lower_expand(const hn_node *n, hn_box *b, bool tile)
{
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int64_t sx[HN_MAX_RANK], sy[HN_MAX_RANK];
    hn_strides(x->rank, x->dims, sx);
    hn_strides(y->rank, y->dims, sy);
    for (int d = 0; d < y->rank; d++) {
        int own = d - (y->rank - x->rank);
        int64_t dim = own < 0 ? 1 : x->dims[own], stride = own < 0 ? 0 : sx[own];
        if (tile && dim > 0 && y->dims[d] != dim) {
            hn_box_dim(b, y->dims[d] / dim, sy[d] * dim, 0);
            hn_box_dim(b, dim, sy[d], stride);
        } else {
            hn_box_dim(b, y->dims[d], sy[d], dim == 1 ? 0 : stride);
        }
    }
}

/* Input [n, c, h, w] seen with its channel split; output dims in order. */
static void lower_depth(const hn_node *n, hn_box *b, bool to_space)
{
    const hn_type *deep = to_space ? &n->in[0]->type : &n->out[0]->type;
    bool crd = hn_attr_is(n, "mode", "CRD");
    int64_t s = hn_attr_int(n, "blocksize", 1), h = deep->dims[2], w = deep->dims[3], c = deep->dims[1] / (s * s);
    int64_t hw = h * w, deep_by = crd ? s * hw : s * c * hw, deep_bx = crd ? hw : c * hw,
            deep_c = crd ? s * s * hw : hw;
    int64_t dims[6] = {deep->dims[0], c, h, s, w, s}; /* n, c, y, by, x, bx */
    int64_t flat[6] = {c * hw * s * s, hw * s * s, s * w * s, w * s, s, 1},
            packed[6] = {c * hw * s * s, deep_c, w, deep_by, 1, deep_bx};
    static const int SPACE[6] = {0, 1, 2, 3, 4, 5}, DEPTH[6] = {0, 3, 5, 1, 2, 4};
    const int *order = to_space ? SPACE : DEPTH;
    for (int i = 0; i < 6; i++) {
        int d = order[i];
        hn_box_dim(b, dims[d], to_space ? flat[d] : packed[d], to_space ? packed[d] : flat[d]);
    }
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    uint32_t bytes = hn_box_bytes(n->in[0]->type.dtype);
    if (bytes == 0) return hn_lower_refuse(c, "elements of this type are not whole bytes");
    if (hn_box_kernel(c, bytes) == NULL) return hn_lower_refuse(c, "no kernel turns elements over");
    hn_box b;
    bool known = true, joined = false;
    hn_box_start(&b, bytes);
    if (strcmp(n->op->name, "Transpose") == 0) HN_TRY(lower_transpose(n, &b));
    if (strcmp(n->op->name, "Slice") == 0) HN_TRY(lower_slice(c, &b, &known, &joined));
    if (strcmp(n->op->name, "Expand") == 0) lower_expand(n, &b, false);
    if (strcmp(n->op->name, "Tile") == 0) lower_expand(n, &b, true);
    if (strcmp(n->op->name, "DepthToSpace") == 0) lower_depth(n, &b, true);
    if (strcmp(n->op->name, "SpaceToDepth") == 0) lower_depth(n, &b, false);
    if (!known) return hn_lower_refuse(c, "starts, axes or steps are not constant");
    hn_box_finish(&b);
    hn_box *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0) return HN_NOMEM;
    if ((joined ? hn_lower_output_joined(c) : hn_lower_output(c, 0)) < 0) return HN_NOMEM;
    *p = b;
    return HN_OK;
}

static hn_status run(const hn_run *r)
{
    hn_box_run(r->pool, r->params, r->kernels[0], r->ptr[1], r->ptr[0]);
    return HN_OK;
}

const hn_driver hn_cpu_copy = {
    .name = "copy",
    .doc = "moves elements of any whole-byte type as one strided box",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
