/* lib_layout: see the header. The caller has checked that the node fits. */
#include "passes/lib_layout.h"

#include <string.h>

#include "base/size.h"
#include "passes/lib_epilogue.h"

const int64_t hn_layout_to[4] = {0, 2, 3, 1};
const int64_t hn_layout_back[4] = {0, 3, 1, 2};

/* Where an axis of NCHW lies in NHWC. */
static int64_t moved(int64_t axis)
{
    static const int64_t at[4] = {0, 3, 1, 2};
    return at[axis < 0 ? axis + 4 : axis];
}

bool hn_layout_axes(const hn_node *n, size_t port, bool flag[4])
{
    int64_t axes[8];
    const int64_t *attr;
    size_t count = 0;
    if (hn_node_in(n, port) != NULL) {
        if (!hn_const_ints(n->in[port], HN_COUNT(axes), axes, &count)) return false;
    } else {
        count = hn_attr_ints(n, "axes", &attr);
        if (count > HN_COUNT(axes)) return false;
        for (size_t i = 0; i < count; ++i) axes[i] = attr[i];
    }
    if (count == 0 && hn_attr_int(n, "noop_with_empty_axes", 0) != 0) return false;
    for (int i = 0; i < 4; ++i) flag[i] = count == 0;
    for (size_t i = 0; i < count; ++i) {
        int axis;
        if (!hn_axis(axes[i], 4, &axis)) return false;
        flag[axis] = true;
    }
    return true;
}

/* A constant of rank 4 or less, aligned at the last axis, with its axes moved. */
static hn_value *const_twin(hn_layout *l, const hn_tensor *t)
{
    int64_t dims[4] = {1, 1, 1, 1}, to[4], stride[4];
    hn_tensor *out;
    for (int i = 0; i < t->rank; ++i) dims[4 - t->rank + i] = t->dims[i];
    for (int i = 0; i < 4; ++i) to[i] = dims[hn_layout_to[i]];
    hn_strides(4, dims, stride);
    hn_value *v = hn_rw_const_new(&l->rw, t->dtype, 4, to, &out);
    if (v == NULL) return NULL;
    size_t bytes = hn_dtype_bits(t->dtype) / 8, at = 0;
    for (int64_t n = 0; n < to[0]; ++n)
        for (int64_t h = 0; h < to[1]; ++h)
            for (int64_t w = 0; w < to[2]; ++w)
                for (int64_t c = 0; c < to[3]; ++c, ++at) {
                    size_t from = (size_t)(n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3]);
                    memcpy((char *)out->data + at * bytes, (const char *)t->data + from * bytes, bytes);
                }
    return v;
}

static hn_value *twin(hn_layout *l, hn_value *v)
{
    if (v == NULL) return NULL;
    if (v->type.rank != 4 && hn_type_known(&v->type) && hn_type_elems(&v->type) == 1) return v;
    if (v->id < l->ids && l->nhwc[v->id] != NULL) return l->nhwc[v->id];
    hn_value *t = v->data != NULL ? const_twin(l, v->data) : hn_rw_transpose(&l->rw, v, hn_layout_to, 4);
    if (v->id < l->ids && v->data == NULL) l->nhwc[v->id] = t;
    return t;
}

/* The same row with other inputs; attributes are copied. */
static hn_node *again(hn_layout *l, const hn_node *n, hn_value *const *in)
{
    if (hn_rw_status(&l->rw) != HN_OK) return NULL;
    hn_node *m = hn_node_new(l->graph, l->rw.before, n->op, n->name, n->nin, in, n->nout);
    hn_status st = m == NULL ? l->env->error.status : hn_node_copy_attrs(m, n);
    for (size_t i = 0; st == HN_OK && i < n->nout; ++i)
        if (n->out[i] == NULL) m->out[i] = NULL;
    if (st != HN_OK) (void)hn_rw_fail(&l->rw, st);
    return st == HN_OK ? m : NULL;
}

static hn_status finish(hn_layout *l, hn_node *m, hn_value **made)
{
    HN_TRY(hn_rw_status(&l->rw));
    HN_TRY(hn_node_infer(m));
    for (size_t i = 0; i < m->nout && i < 64; ++i) made[i] = m->out[i];
    return HN_OK;
}

static hn_status build_conv(hn_layout *l, hn_node *n, hn_value **made)
{
    hn_value *in[8], *x = n->in[0];
    bool quant = hn_node_is(n, "hone.QConv");
    size_t residual = quant ? 4 : 3;
    bool direct = l->nhwc[x->id] == NULL && x->type.dims[1] <= 4 && hn_attr_int(n, "group", 1) == 1;
    for (size_t i = 0; i < n->nin && i < HN_COUNT(in); ++i)
        in[i] = (i == 0 && !direct) || (i == residual && n->in[i]->type.rank == 4) ? twin(l, n->in[i]) : n->in[i];
    hn_node *m = again(l, n, in);
    if (m == NULL) return hn_rw_status(&l->rw);
    HN_TRY(hn_node_set_int(m, "layout", 1));
    if (direct) HN_TRY(hn_node_set_int(m, "in_layout", 0));
    return finish(l, m, made);
}

static hn_status build_deconv(hn_layout *l, hn_node *n, hn_value **made)
{
    hn_value *in[3] = {twin(l, n->in[0]), n->in[1], hn_node_in(n, 2)};
    hn_node *m = again(l, n, in);
    if (m == NULL) return hn_rw_status(&l->rw);
    HN_TRY(hn_node_set_int(m, "layout", 1));
    return finish(l, m, made);
}

static hn_status build_pool(hn_layout *l, hn_node *n, hn_value **made)
{
    hn_window_attrs w;
    const int64_t *kernel;
    hn_value *x = twin(l, n->in[0]);
    if (n->op->domain[0] != 0) {
        hn_node *m = again(l, n, &x);
        if (m == NULL) return hn_rw_status(&l->rw);
        HN_TRY(hn_node_set_int(m, "layout", 1));
        return finish(l, m, made);
    }
    if (hn_attr_ints(n, "kernel_shape", &kernel) != 2 || !hn_window_of(n, kernel, 2, &w))
        return hn_fail(l->env, HN_BUG, "node %s: its window is not known", hn_node_label(n));
    const hn_rw_attr attrs[] = {HN_A_STR("mode", hn_node_is(n, "MaxPool") ? "max" : "average"),
                                HN_A_INTS("kernel_shape", w.kernel, 2),
                                HN_A_INTS("strides", w.strides, 2),
                                HN_A_INTS("dilations", w.dilations, 2),
                                HN_A_INTS("pads", w.pads, 4),
                                HN_A_INT("ceil_mode", hn_attr_int(n, "ceil_mode", 0)),
                                HN_A_INT("count_include_pad", hn_attr_int(n, "count_include_pad", 0)),
                                HN_A_INT("layout", 1),
                                {0}};
    made[0] = hn_rw_op(&l->rw, hn_is_real(n->in[0]) ? "hone.Pool" : "hone.QPool", 1, &x, attrs);
    return hn_rw_status(&l->rw);
}

static hn_status build_global(hn_layout *l, hn_node *n, hn_value **made)
{
    hn_value *in[] = {twin(l, n->in[0]), hn_rw_ints(&l->rw, (const int64_t[]){1, 2}, 2)};
    const char *op = hn_node_is(n, "GlobalMaxPool") ? "ReduceMax" : "ReduceMean";
    made[0] = hn_rw_op(&l->rw, op, 2, in, (const hn_rw_attr[]){HN_A_INT("keepdims", 1), {0}});
    return hn_rw_status(&l->rw);
}

static hn_status build_reduce(hn_layout *l, hn_node *n, hn_value **made)
{
    bool flag[4];
    int64_t axes[4];
    size_t count = 0;
    if (!hn_layout_axes(n, 1, flag))
        return hn_fail(l->env, HN_BUG, "node %s: its axes are not known", hn_node_label(n));
    for (int i = 0; i < 4; ++i)
        if (flag[hn_layout_to[i]]) axes[count++] = i;
    hn_value *in[] = {twin(l, n->in[0]), hn_rw_ints(&l->rw, axes, count)};
    const hn_rw_attr attrs[] = {HN_A_INT("keepdims", hn_attr_int(n, "keepdims", 1)), {0}};
    made[0] = hn_rw_op(&l->rw, n->op->name, 2, in, attrs);
    return hn_rw_status(&l->rw);
}

/* Concat, Split, Softmax and the like: one attribute `axis`. */
static hn_status build_axis(hn_layout *l, hn_node *n, int64_t otherwise, hn_value **made)
{
    size_t data = hn_node_is(n, "Concat") ? n->nin : 1;
    hn_value **in = hn_arena_array(l->env, l->graph->arena, n->nin, sizeof(hn_value *));
    if (in == NULL) return l->env->error.status;
    for (size_t i = 0; i < n->nin; ++i) in[i] = i < data ? twin(l, n->in[i]) : n->in[i];
    hn_node *m = again(l, n, in);
    if (m == NULL) return hn_rw_status(&l->rw);
    HN_TRY(hn_node_set_int(m, "axis", moved(hn_attr_int(n, "axis", otherwise))));
    return finish(l, m, made);
}

static hn_status build_slice(hn_layout *l, hn_node *n, hn_value **made)
{
    int64_t axes[8] = {0, 1, 2, 3};
    size_t count = hn_tensor_elems(n->in[1]->data);
    if (hn_node_in(n, 3) != NULL && !hn_const_ints(n->in[3], HN_COUNT(axes), axes, &count)) count = 0;
    for (size_t i = 0; i < count; ++i) axes[i] = moved(axes[i]);
    hn_value *in[] = {twin(l, n->in[0]), n->in[1], n->in[2], hn_rw_ints(&l->rw, axes, count), hn_node_in(n, 4)};
    made[0] = hn_rw_op(&l->rw, "Slice", in[4] != NULL ? 5 : 4, in, NULL);
    return hn_rw_status(&l->rw);
}

static hn_status build_pad(hn_layout *l, hn_node *n, hn_value **made)
{
    int64_t pads[8], axes[8] = {0, 1, 2, 3}, out[8] = {0};
    size_t count = 0, naxes = 4;
    bool known = hn_const_ints(n->in[1], HN_COUNT(pads), pads, &count) &&
                 (hn_node_in(n, 3) == NULL || hn_const_ints(n->in[3], HN_COUNT(axes), axes, &naxes));
    if (!known || count != 2 * naxes)
        return hn_fail(l->env, HN_INPUT, "node %s: pads and axes differ in number", hn_node_label(n));
    for (size_t i = 0; i < naxes; ++i) {
        out[moved(axes[i])] = pads[i];
        out[4 + moved(axes[i])] = pads[naxes + i];
    }
    hn_value *in[] = {twin(l, n->in[0]), hn_rw_ints(&l->rw, out, 8), hn_node_in(n, 2)};
    hn_str mode = hn_attr_string(n, "mode", "constant");
    char name[32] = "";
    memcpy(name, mode.data, mode.size < sizeof(name) ? mode.size : sizeof(name) - 1);
    made[0] = hn_rw_op(&l->rw, "Pad", in[2] != NULL ? 3 : 2, in, (const hn_rw_attr[]){HN_A_STR("mode", name), {0}});
    return hn_rw_status(&l->rw);
}

static hn_status build_resize(hn_layout *l, hn_node *n, hn_value **made)
{
    hn_value *in[4] = {twin(l, n->in[0]), hn_node_in(n, 1), hn_node_in(n, 2), hn_node_in(n, 3)};
    for (size_t i = 2; i < 4; ++i) {
        hn_tensor *t;
        if (in[i] == NULL || hn_tensor_elems(in[i]->data) != 4) continue;
        const hn_tensor *from = in[i]->data;
        in[i] = hn_rw_const_new(&l->rw, from->dtype, 1, (const int64_t[]){4}, &t);
        for (size_t k = 0; in[i] != NULL && k < 4; ++k) hn_set_f64(t, k, hn_get_f64(from, (size_t)hn_layout_to[k]));
    }
    hn_node *m = again(l, n, in);
    return m == NULL ? hn_rw_status(&l->rw) : finish(l, m, made);
}

static hn_status build_plain(hn_layout *l, hn_node *n, bool only_first, hn_value **made)
{
    hn_value *in[64];
    if (n->nin > HN_COUNT(in)) return hn_fail(l->env, HN_LIMIT, "node %s has %zu inputs", hn_node_label(n), n->nin);
    for (size_t i = 0; i < n->nin; ++i) in[i] = only_first && i > 0 ? n->in[i] : twin(l, n->in[i]);
    hn_node *m = again(l, n, in);
    return m == NULL ? hn_rw_status(&l->rw) : finish(l, m, made);
}

hn_status hn_layout_build(hn_layout *l, hn_node *n, hn_value **made)
{
    static const char *const first_only[] = {"Identity", "QuantizeLinear", "DequantizeLinear", "hone.QLut"};
    if (hn_node_is(n, "hone.Conv") || hn_node_is(n, "hone.QConv")) return build_conv(l, n, made);
    if (hn_node_is(n, "hone.Deconv")) return build_deconv(l, n, made);
    if (hn_node_is(n, "MaxPool") || hn_node_is(n, "AveragePool") || hn_node_is(n, "hone.Pool") ||
        hn_node_is(n, "hone.QPool"))
        return build_pool(l, n, made);
    if (hn_node_is(n, "GlobalAveragePool") || hn_node_is(n, "GlobalMaxPool")) return build_global(l, n, made);
    if (n->op->domain[0] == 0 && strncmp(n->op->name, "Reduce", 6) == 0) return build_reduce(l, n, made);
    if (hn_node_is(n, "Concat") || hn_node_is(n, "Split") || hn_node_is(n, "Gather")) return build_axis(l, n, 0, made);
    if (hn_node_is(n, "Softmax") || hn_node_is(n, "LogSoftmax")) return build_axis(l, n, -1, made);
    if (hn_node_is(n, "Slice")) return build_slice(l, n, made);
    if (hn_node_is(n, "Pad")) return build_pad(l, n, made);
    if (hn_node_is(n, "Resize")) return build_resize(l, n, made);
    for (size_t i = 0; i < HN_COUNT(first_only); ++i)
        if (hn_node_is(n, first_only[i])) return build_plain(l, n, true, made);
    return build_plain(l, n, false, made);
}
