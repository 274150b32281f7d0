/* onnx_version_experimental: operators that ONNX called experimental and took away before opset 10, as what they stood
 * for; converters of those years still left them in files. Meanings are those of the ONNX changelog of 1.0 to 1.3. */
#include <string.h>

#include "formats/onnx_version.h"

static hn_status need(hn_onnx_scope *s, const hn_onnx_node *n, size_t inputs)
{
    for (size_t i = 0; i < inputs; i++)
        if (i >= n->nin || n->in[i] == NULL) return hn_fail(s->r->env, HN_INPUT, "%s needs input %zu", n->op, i);
    return HN_OK;
}

static hn_value *times(hn_rw *rw, const hn_onnx_node *n, hn_value *x, const char *attr)
{
    return hn_rw_2(rw, "Mul", x, hn_rw_scalar(rw, hn_onnx_dtype(n, 0, HN_F32), hn_onnx_float(n, attr, 1)));
}

/* Affine: alpha x + beta. Scale: scale x. */
hn_status hn_onnx_exp_affine(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(need(s, n, 1));
    hn_rw rw = hn_onnx_rw(s, n);
    if (strcmp(n->op, "Scale") == 0) return hn_onnx_result(s, n, &rw, times(&rw, n, n->in[0], "scale"));
    hn_value *beta = hn_rw_scalar(&rw, hn_onnx_dtype(n, 0, HN_F32), hn_onnx_float(n, "beta", 0));
    return hn_onnx_result(s, n, &rw, hn_rw_2(&rw, "Add", times(&rw, n, n->in[0], "alpha"), beta));
}

/* ScaledTanh: alpha tanh(beta x). ParametricSoftplus: alpha log(1 + exp(beta x)). */
hn_status hn_onnx_exp_scaled(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(need(s, n, 1));
    hn_rw rw = hn_onnx_rw(s, n);
    const char *op = strcmp(n->op, "ScaledTanh") == 0 ? "Tanh" : "Softplus";
    return hn_onnx_result(s, n, &rw, times(&rw, n, hn_rw_1(&rw, op, times(&rw, n, n->in[0], "beta")), "alpha"));
}

/* ImageScaler: scale x + bias[c] of images [N, C, H, W]. */
hn_status hn_onnx_exp_image_scaler(hn_onnx_scope *s, hn_onnx_node *n)
{
    const hn_attr *bias = hn_onnx_find(n, "bias");
    HN_TRY(need(s, n, 1));
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *y = times(&rw, n, n->in[0], "scale");
    if (bias != NULL && bias->kind == HN_ATTR_FLOATS) {
        int64_t dims[] = {(int64_t)bias->count, 1, 1};
        hn_tensor *t = NULL;
        hn_value *v = hn_rw_const_new(&rw, hn_onnx_dtype(n, 0, HN_F32), 3, dims, &t);
        for (size_t i = 0; v != NULL && i < bias->count; i++) hn_set_f64(t, i, bias->u.floats[i]);
        y = hn_rw_2(&rw, "Add", y, v);
    }
    return hn_onnx_result(s, n, &rw, y);
}

/* Crop of images: border = left, top, right, bottom; with scale = height, width the part of that size. */
hn_status hn_onnx_exp_crop(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const int64_t axes[] = {2, 3};
    const hn_attr *border = hn_onnx_find(n, "border"), *scale = hn_onnx_find(n, "scale");
    int64_t from[2], to[2];
    HN_TRY(need(s, n, 1));
    if (border == NULL || border->kind != HN_ATTR_INTS || border->count != 4 ||
        (scale != NULL && (scale->kind != HN_ATTR_INTS || scale->count != 2)))
        return hn_fail(s->r->env, HN_INPUT, "Crop needs four borders, and two sizes if any");
    for (int d = 0; d < 2; d++) {
        int64_t behind = border->u.ints[3 - d], size = scale == NULL ? 0 : scale->u.ints[d];
        from[d] = border->u.ints[1 - d];
        if (from[d] < 0 || behind < 0 || size < 0 || from[d] > INT32_MAX || behind > INT32_MAX || size > INT32_MAX)
            return hn_fail(s->r->env, HN_INPUT, "Crop with a negative or very large border or size");
        to[d] = scale != NULL ? from[d] + size : behind > 0 ? -behind : INT64_MAX;
    }
    hn_rw rw = hn_onnx_rw(s, n);
    hn_value *in[] = {n->in[0], hn_rw_ints(&rw, from, 2), hn_rw_ints(&rw, to, 2), hn_rw_ints(&rw, axes, 2)};
    return hn_onnx_result(s, n, &rw, hn_rw_op(&rw, "Slice", 4, in, NULL));
}

/* Slice with computed bounds, as every Slice is now. */
hn_status hn_onnx_exp_dynamic_slice(hn_onnx_scope *s, hn_onnx_node *n)
{
    HN_TRY(need(s, n, 3));
    n->op = "Slice";
    return HN_OK;
}

/* (x - mean) / sqrt(variance), over height and width, and with across_channels over the channels too. */
hn_status hn_onnx_exp_mvn(hn_onnx_scope *s, hn_onnx_node *n)
{
    static const int64_t axes[] = {2, 3, 1};
    size_t count = hn_onnx_int(n, "across_channels", 0) != 0 ? 3 : 2;
    HN_TRY(need(s, n, 1));
    hn_rw rw = hn_onnx_rw(s, n);
    if (hn_onnx_int(n, "normalize_variance", 1) == 0) {
        hn_value *in[] = {n->in[0], hn_rw_ints(&rw, axes, count)};
        hn_value *mean = hn_rw_op(&rw, "ReduceMean", 2, in, NULL);
        return hn_onnx_result(s, n, &rw, hn_rw_2(&rw, "Sub", n->in[0], mean));
    }
    const hn_rw_attr over[] = {HN_A_INTS("axes", axes, count), {0}};
    return hn_onnx_result(s, n, &rw, hn_rw_op(&rw, "MeanVarianceNormalization", 1, n->in, over));
}
