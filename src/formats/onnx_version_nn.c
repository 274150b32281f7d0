/* onnx_version_nn: conversions that need more than moving an attribute: normalisation, resizing, softmax over flattened
 * axes, explicit broadcasting. */
#include <math.h>
#include <string.h>

#include "formats/onnx_version.h"

/* Appends 1s to the shape of v until axis `axis` of a rank-`rank` tensor is its first. */
static hn_value *align_left(hn_rw *rw, hn_value *v, int rank, int axis)
{
    int64_t axes[HN_MAX_RANK];
    size_t count = 0;
    for (int d = axis + v->type.rank; d < rank; d++) axes[count++] = d - axis;
    return count == 0 ? v : hn_rw_2(rw, "Unsqueeze", v, hn_rw_ints(rw, axes, count));
}

/* Before opset 7 the second operand was aligned at `axis` of the first. */
hn_status hn_onnx_old_broadcast(hn_onnx_scope *s, hn_onnx_node *n)
{
    bool has_axis = hn_onnx_find(n, "axis") != NULL;
    int64_t axis = hn_onnx_int(n, "axis", 0);
    hn_onnx_drop(n, "axis");
    hn_onnx_drop(n, "broadcast");
    if (!has_axis || n->nin < 2) return HN_OK;
    int ra = hn_onnx_rank(n, 0), rb = hn_onnx_rank(n, 1);
    if (ra < 0 || rb < 0)
        return hn_fail(s->r->env, HN_UNSUPPORTED, "%s of opset %lld with axis on tensors of unknown rank", n->op,
                       (long long)n->version);
    if (axis < 0) axis += ra;
    if (axis < 0 || axis + rb > ra)
        return hn_fail(s->r->env, HN_INPUT, "axis %lld does not fit ranks %d and %d", (long long)axis, ra, rb);
    hn_rw rw = hn_onnx_rw(s, n);
    n->in[1] = align_left(&rw, n->in[1], ra, (int)axis);
    return hn_rw_status(&rw);
}

/* Before opset 7 a slope of one dim ran along the channels. */
hn_status hn_onnx_old_prelu(hn_onnx_scope *s, hn_onnx_node *n)
{
    int rank = hn_onnx_rank(n, 0);
    if (n->nin < 2 || hn_onnx_rank(n, 1) != 1 || n->in[1]->type.dims[0] == 1) return HN_OK;
    if (rank < 2) return rank < 0 ? hn_fail(s->r->env, HN_UNSUPPORTED, "PRelu of an old opset on unknown rank") : HN_OK;
    hn_rw rw = hn_onnx_rw(s, n);
    n->in[1] = align_left(&rw, n->in[1], rank, 1);
    return hn_rw_status(&rw);
}

/* Statistics per activation: y = (x - mean) / sqrt(var + eps) * scale + B, elementwise over all but the batch. */
static hn_status per_activation(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *eps = hn_rw_scalar(&rw, hn_onnx_dtype(n, 0, HN_F32), hn_onnx_float(n, "epsilon", (double)1e-5f));
    hn_value *centred = hn_rw_2(&rw, "Sub", n->in[0], n->in[3]);
    hn_value *sigma = hn_rw_1(&rw, "Sqrt", hn_rw_2(&rw, "Add", n->in[4], eps));
    hn_value *y = hn_rw_2(&rw, "Mul", hn_rw_2(&rw, "Div", centred, sigma), n->in[1]);
    return hn_onnx_result(s, n, &rw, hn_rw_2(&rw, "Add", y, n->in[2]));
}

hn_status hn_onnx_old_batchnorm(hn_onnx_scope *s, hn_onnx_node *n)
{
    bool spatial = hn_onnx_int(n, "spatial", 1) != 0;
    hn_onnx_drop(n, "spatial");
    hn_onnx_drop(n, "is_test");
    for (size_t i = 0; i < 5; i++)
        if (i >= n->nin || n->in[i] == NULL)
            return hn_fail(s->r->env, HN_INPUT, "BatchNormalization needs five inputs");
    if (n->nout > 1) {
        /* More outputs than one meant training. Statistics of the batch itself are no output any more. */
        if (n->nout > 3 || !spatial)
            return hn_fail(s->r->env, HN_UNSUPPORTED, "BatchNormalization (opset %lld) with saved statistics",
                           (long long)n->version);
        return hn_onnx_set_int(s->r, n, "training_mode", 1);
    }
    if (!spatial && n->in[3]->type.rank != 1) return per_activation(s, n);
    return HN_OK;
}

hn_status hn_onnx_old_dropout(hn_onnx_scope *s, hn_onnx_node *n)
{
    double ratio = hn_onnx_float(n, "ratio", 0.5);
    hn_onnx_drop(n, "ratio");
    hn_onnx_drop(n, "is_test");
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *in[] = {n->in[0], hn_rw_scalar(&rw, HN_F32, ratio)};
    if (n->version < 10 && n->nout > 1) {
        /* The mask had the type of the data. */
        hn_dtype t = hn_onnx_dtype(n, 0, HN_F32);
        hn_node *d = hn_rw_node(&rw, "Dropout", 2, in, 2, NULL);
        if (d == NULL) return hn_rw_status(&rw);
        hn_value *mask = hn_rw_op(&rw, "Cast", 1, &d->out[1], (const hn_rw_attr[]){HN_A_INT("to", (int64_t)t), {0}});
        HN_TRY(hn_onnx_result(s, n, &rw, d->out[0]));
        n->results[1] = mask;
        return HN_OK;
    }
    HN_TRY(hn_rw_status(&rw));
    return hn_onnx_input_set(s, n, 1, in[1]);
}

/* ---- resizing ---- */

static hn_value *float_consts(hn_rw *rw, const double *v, size_t count)
{
    hn_tensor *t = NULL;
    hn_value *c = hn_rw_const_new(rw, HN_F32, 1, (int64_t[]){(int64_t)count}, &t);
    for (size_t i = 0; c != NULL && i < count; i++) hn_set_f64(t, i, v[i]);
    return c;
}

/* Opset 10 and older: asymmetric coordinates; nearest rounds up where it shrinks and down where it grows. */
static hn_status resize_from_scales(hn_onnx_scope *s, hn_onnx_node *n, hn_value *scales)
{
    bool shrinks = false, grows = false;
    hn_env *env = s->r->env;
    const hn_tensor *t = scales->data;
    for (size_t i = 0; t != NULL && t->dtype == HN_F32 && i < hn_tensor_elems(t); i++) {
        shrinks |= hn_get_f64(t, i) < 1;
        grows |= hn_get_f64(t, i) > 1;
    }
    bool nearest = hn_onnx_is(n, "mode", "nearest", true);
    if (nearest && shrinks && grows) {
        /* Axes are independent: first those that shrink, then, by the rest of this function, those that grow. */
        double part[2][HN_MAX_RANK];
        size_t count = hn_tensor_elems(t);
        if (count > HN_MAX_RANK) return hn_fail(env, HN_INPUT, "%s with %zu scales", n->op, count);
        for (size_t i = 0; i < count; i++) {
            part[0][i] = fmin(hn_get_f64(t, i), 1);
            part[1][i] = fmax(hn_get_f64(t, i), 1);
        }
        const hn_rw_attr up[] = {
            HN_A_STR("coordinate_transformation_mode", "asymmetric"), HN_A_STR("nearest_mode", "ceil"), {0}};
        hn_rw rw = hn_onnx_rw(s, n);
        hn_value *in[] = {n->in[0], NULL, float_consts(&rw, part[0], count)};
        n->in[0] = hn_rw_op(&rw, "Resize", 3, in, up);
        scales = float_consts(&rw, part[1], count);
        HN_TRY(hn_rw_status(&rw));
        shrinks = false;
    }
    if (hn_onnx_is(n, "mode", "bilinear", false)) HN_TRY(hn_onnx_set_str(s->r, n, "mode", "linear"));
    HN_TRY(hn_onnx_set_str(s->r, n, "coordinate_transformation_mode", "asymmetric"));
    if (nearest) HN_TRY(hn_onnx_set_str(s->r, n, "nearest_mode", shrinks ? "ceil" : "floor"));
    n->op = "Resize";
    n->nin = 1;
    return hn_onnx_input_set(s, n, 2, scales);
}

hn_status hn_onnx_old_resize(hn_onnx_scope *s, hn_onnx_node *n)
{
    if (n->nin != 2 || n->in[1] == NULL) return hn_fail(s->r->env, HN_INPUT, "Resize of opset 10 needs two inputs");
    return resize_from_scales(s, n, n->in[1]);
}

hn_status hn_onnx_old_upsample(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_rw rw = hn_onnx_rw(s, n);
    if (n->nin < 1 || n->in[0] == NULL) return hn_fail(s->r->env, HN_INPUT, "Upsample without an input");
    if (n->nin == 2 && n->in[1] != NULL) return resize_from_scales(s, n, n->in[1]);
    hn_value *scales = NULL;
    const hn_attr *a = hn_onnx_find(n, "scales");
    if (a != NULL && a->kind == HN_ATTR_FLOATS) {
        scales = float_consts(&rw, a->u.floats, a->count);
    } else if (hn_onnx_find(n, "width_scale") != NULL && hn_onnx_find(n, "height_scale") != NULL) {
        double v[4] = {1, 1, hn_onnx_float(n, "height_scale", 1), hn_onnx_float(n, "width_scale", 1)};
        scales = float_consts(&rw, v, 4);
    } else {
        return hn_fail(s->r->env, HN_INPUT, "Upsample without scales");
    }
    hn_onnx_drop(n, "scales");
    hn_onnx_drop(n, "width_scale");
    hn_onnx_drop(n, "height_scale");
    HN_TRY(hn_rw_status(&rw));
    return resize_from_scales(s, n, scales);
}

/* Until opset 12 unused roi, scales and sizes were tensors without elements. */
hn_status hn_onnx_resize_empty(hn_onnx_scope *s, hn_onnx_node *n)
{
    (void)s;
    for (size_t i = 1; i < n->nin; i++)
        if (n->in[i] != NULL && n->in[i]->data != NULL && hn_tensor_elems(n->in[i]->data) == 0) n->in[i] = NULL;
    /* roi is read in one mode only; files fill it with anything otherwise. */
    if (n->nin > 1 && !hn_onnx_is(n, "coordinate_transformation_mode", "tf_crop_and_resize", false)) n->in[1] = NULL;
    while (n->nin > 1 && n->in[n->nin - 1] == NULL) n->nin--;
    return HN_OK;
}

/* ---- softmax over all dims from `axis` on ---- */

hn_status hn_onnx_old_softmax(hn_onnx_scope *s, hn_onnx_node *n)
{
    int64_t axis = hn_onnx_int(n, "axis", 1);
    int rank = hn_onnx_rank(n, 0);
    if (n->nin < 1 || n->in[0] == NULL) return hn_fail(s->r->env, HN_INPUT, "%s without an input", n->op);
    if (axis == -1 || (rank >= 0 && axis == rank - 1)) return hn_onnx_set_int(s->r, n, "axis", -1);
    hn_value *x = n->in[0];
    if (rank > 0 && axis >= -rank && axis < rank) {
        /* One axis longer than 1 is that axis alone. */
        int from = (int)(axis < 0 ? axis + rank : axis), last = from, wide = 0;
        for (int d = from; d < rank; d++) {
            if (x->type.dims[d] == 1) continue;
            wide++;
            last = d;
        }
        if (wide <= 1) return hn_onnx_set_int(s->r, n, "axis", last);
    }
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *flat = hn_rw_op(&rw, "Flatten", 1, &x, (const hn_rw_attr[]){HN_A_INT("axis", axis), {0}});
    hn_value *y = hn_rw_op(&rw, n->op, 1, &flat, (const hn_rw_attr[]){HN_A_INT("axis", -1), {0}});
    return hn_onnx_result(s, n, &rw, hn_rw_2(&rw, "Reshape", y, hn_rw_1(&rw, "Shape", x)));
}

/* ---- scale and bias per group -> per channel ---- */

static hn_value *per_channel(hn_rw *rw, hn_value *v, int64_t groups, int64_t channels)
{
    hn_value *column = hn_rw_reshape(rw, v, 2, (int64_t[]){groups, 1});
    hn_value *wide = hn_rw_2(rw, "Expand", column, hn_rw_ints(rw, (int64_t[]){groups, channels / groups}, 2));
    return hn_rw_reshape(rw, wide, 1, (int64_t[]){channels});
}

hn_status hn_onnx_old_groupnorm(hn_onnx_scope *s, hn_onnx_node *n)
{
    int64_t groups = hn_onnx_int(n, "num_groups", 0);
    int64_t channels = hn_onnx_rank(n, 0) < 2 ? -1 : n->in[0]->type.dims[1];
    if (n->nin < 3 || n->in[1] == NULL || n->in[2] == NULL || groups < 1)
        return hn_fail(s->r->env, HN_INPUT, "GroupNormalization needs scale, bias and num_groups");
    if (channels < 0) return hn_fail(s->r->env, HN_UNSUPPORTED, "GroupNormalization of opset 18 on unknown channels");
    if (channels % groups != 0)
        return hn_fail(s->r->env, HN_INPUT, "%lld channels in %lld groups", (long long)channels, (long long)groups);
    if (channels == groups) return HN_OK;
    hn_rw rw = hn_onnx_rw(s, n);
    n->in[1] = per_channel(&rw, n->in[1], groups, channels);
    n->in[2] = per_channel(&rw, n->in[2], groups, channels);
    return hn_rw_status(&rw);
}

/* Tile-1: tiles and axis are scalars in the type of the data; every other axis is repeated once. */
hn_status hn_onnx_old_tile(hn_onnx_scope *s, hn_onnx_node *n)
{
    if (n->nin != 3 || n->in[1] == NULL || n->in[2] == NULL) return HN_OK;
    int64_t one[1] = {1};
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *rank = hn_rw_1(&rw, "Shape", hn_rw_1(&rw, "Shape", n->in[0])), *in[3];
    for (size_t k = 1; k < 3; k++) {
        in[k] = hn_rw_op(&rw, "Cast", 1, &n->in[k], (const hn_rw_attr[]){HN_A_INT("to", HN_I64), {0}});
        in[k] = hn_rw_reshape(&rw, in[k], 1, one);
    }
    in[0] = hn_rw_2(&rw, "Expand", hn_rw_ints(&rw, one, 1), rank);
    hn_value *v = hn_rw_3(&rw, "ScatterElements", in[0], in[2], in[1]);
    HN_TRY(hn_rw_status(&rw));
    n->nin = 1;
    return hn_onnx_input_set(s, n, 1, v);
}
