/* Resize: nearest, linear and cubic interpolation along any axes. */
#include "ops/lib_resize.h"

enum { X, ROI, SCALES, SIZES };

static hn_status infer(hn_infer *c)
{
    hn_resize_axis axis[HN_MAX_RANK];
    const hn_type *x = c->in[X];
    const hn_tensor *roi = ROI < c->nin ? c->data[ROI] : NULL, *scales = SCALES < c->nin ? c->data[SCALES] : NULL;
    c->out[0] = *x;
    if (x->rank < 0) return HN_OK;
    HN_TRY(
        hn_resize_read(c->env, c->node, x->rank, x->dims, roi, scales, SIZES < c->nin ? c->data[SIZES] : NULL, axis));
    for (int i = 0; i < x->rank; i++) {
        c->out[0].dims[i] = axis[i].out;
        /* What to cut out is only known when the program runs. */
        bool crop = hn_attr_is(c->node, "coordinate_transformation_mode", "tf_crop_and_resize");
        if (crop && scales && !roi) c->out[0].dims[i] = -1;
    }
    return HN_OK;
}

/* Nearest only moves elements, of any type. */
static void move(const hn_refargs *a, const hn_resize_axis *axis, const hn_resize_table *t)
{
    const hn_tensor *x = a->in[X], *y = a->out[0];
    size_t n = hn_tensor_elems(y);
    for (size_t i = 0; i < n; i++) {
        size_t rest = i, at = 0, stride = 1;
        bool outside = false;
        for (int d = x->rank - 1; d >= 0; d--) {
            size_t o = rest % (size_t)axis[d].out;
            rest /= (size_t)axis[d].out;
            at += (size_t)t[d].index[o] * stride;
            stride *= (size_t)axis[d].in;
            outside = outside || t[d].outside[o];
        }
        if (outside)
            hn_set_f64(y, i, hn_attr_float(a->node, "extrapolation_value", 0));
        else
            hn_elem_copy(y, i, x, at);
    }
}

static void extrapolate(const hn_refargs *a, const hn_resize_axis *axis, const hn_resize_table *t, double *y)
{
    const hn_tensor *out = a->out[0];
    size_t n = hn_tensor_elems(out);
    for (size_t i = 0; i < n; i++) {
        size_t rest = i;
        for (int d = out->rank - 1; d >= 0; d--) {
            if (t[d].outside[rest % (size_t)axis[d].out]) y[i] = hn_attr_float(a->node, "extrapolation_value", 0);
            rest /= (size_t)axis[d].out;
        }
    }
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[X];
    hn_resize_axis axis[HN_MAX_RANK];
    hn_resize_table t[HN_MAX_RANK];
    HN_TRY(hn_resize_read(a->env, a->node, x->rank, x->dims, hn_nn_in(a, ROI), hn_nn_in(a, SCALES), hn_nn_in(a, SIZES),
                          axis));
    for (int d = 0; d < x->rank; d++) {
        if (axis[d].out != a->out[0]->dims[d]) return hn_op_fail(a->env, a->node, "dim %d of Y does not fit", d);
        HN_TRY(hn_resize_build(a->env, a->scratch, a->node, &axis[d], &t[d]));
    }
    if (hn_tensor_elems(x) == 0 && hn_tensor_elems(a->out[0]) > 0)
        return hn_op_fail(a->env, a->node, "nothing to resize");
    if (hn_resize_is_nearest(a->node)) {
        move(a, axis, t);
        return HN_OK;
    }
    if (!(HN_BIT(x->dtype) & HN_T_NUM))
        return hn_op_unsupported(a->env, a->node, "interpolation of %s", hn_dtype_name(x->dtype));
    double *v;
    HN_TRY(hn_nn_load(a, X, &v));
    size_t outer = 1, inner = hn_tensor_elems(x);
    for (int d = 0; d < x->rank; d++) {
        double *y;
        inner = axis[d].in ? inner / (size_t)axis[d].in : 0;
        if (axis[d].in != axis[d].out || axis[d].scale != 1 || t[d].outside[0]) {
            HN_TRY(hn_nn_new(a, outer * (size_t)axis[d].out * inner, &y));
            hn_resize_apply(&axis[d], &t[d], outer, inner, v, y, false);
            v = y;
        }
        outer *= (size_t)axis[d].out;
    }
    extrapolate(a, axis, t, v);
    hn_nn_store(a->out[0], v);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    static const char *const names[] = {"mode", "coordinate_transformation_mode", "nearest_mode"};
    const hn_node *n = g->node;
    const hn_type *x = &n->in[X]->type;
    hn_resize_axis axis[HN_MAX_RANK];
    double scales[HN_MAX_RANK], roi[2 * HN_MAX_RANK];
    hn_rw *rw = g->rw;
    if (!g->dy[0]) return HN_OK;
    if ((hn_node_in(n, SCALES) && !hn_node_const(n, SCALES)) || (hn_node_in(n, SIZES) && !hn_node_const(n, SIZES)) ||
        (hn_node_in(n, ROI) && !hn_node_const(n, ROI))) {
        return hn_op_unsupported(rw->graph->env, n, "no gradient unless roi, scales and sizes are constants");
    }
    HN_TRY(hn_resize_read(rw->graph->env, n, x->rank, x->dims, hn_node_const(n, ROI), hn_node_const(n, SCALES),
                          hn_node_const(n, SIZES), axis));
    for (int d = 0; d < x->rank; d++) {
        scales[d] = axis[d].scale;
        roi[d] = axis[d].roi[0];
        roi[x->rank + d] = axis[d].roi[1];
    }
    size_t rank = (size_t)x->rank;
    hn_rw_attr attrs[] = {HN_A_INTS("input_shape", x->dims, rank),
                          HN_A_FLOATS("scales", scales, rank),
                          HN_A_FLOATS("roi", roi, 2 * rank),
                          HN_A_FLOAT("cubic_coeff_a", hn_attr_float(n, "cubic_coeff_a", -0.75)),
                          HN_A_INT("exclude_outside", hn_attr_int(n, "exclude_outside", 0)),
                          HN_A_INT("antialias", hn_attr_int(n, "antialias", 0)),
                          {0},
                          {0},
                          {0},
                          {0}};
    for (size_t i = 0; i < HN_COUNT(names); i++) {
        hn_str s = hn_attr_string(n, names[i], "");
        char *copy = hn_arena_strndup(rw->graph->env, rw->graph->arena, s.data, s.size);
        if (!copy) return HN_NOMEM;
        attrs[6 + i] = (hn_rw_attr)HN_A_STR(names[i], copy);
    }
    g->dx[X] = hn_rw_op(rw, "hone.ResizeGrad", 1, &g->dy[0], attrs);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    *cost = (hn_cost){.flops = hn_resize_is_nearest(n) ? 0 : 4 * hn_nn_elems(n->out[0]), .bytes = hn_nn_bytes(n)};
}

static void scaled(hn_cases *c, const char *name, const char *mode, const char *coordinates, double scale)
{
    hn_case(c, name);
    hn_case_string(c, "mode", mode);
    /* Nearest moves every type; strings cannot be interpolated. */
    if (strcmp(mode, "nearest") != 0) hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "coordinate_transformation_mode", coordinates);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4, 5), -2, 2);
    hn_case_absent(c);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(1, 1, scale, scale));
    hn_case_const(c);
}

/* An axis that keeps its size is not touched, with a scale of 1 told exactly. */
static bool shard(hn_shard *s)
{
    const hn_tensor *scales = hn_node_const(s->node, SCALES);
    const int64_t *axes;
    int a = s->in[X];
    if (a == HN_WHOLE || !hn_shard_others_whole(s, 1) || hn_attr_ints(s->node, "axes", &axes) != 0 ||
        hn_attr_is(s->node, "coordinate_transformation_mode", "tf_crop_and_resize"))
        return false;
    bool sized = hn_node_in(s->node, SIZES) != NULL && hn_attr_is(s->node, "keep_aspect_ratio_policy", "stretch");
    if (!sized && (!scales || hn_tensor_elems(scales) <= (size_t)a || hn_get_f64(scales, (size_t)a) != 1)) return false;
    if (sized) s->sizes = UINT32_C(1) << SIZES;
    return hn_shard_all(s, a);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "mode", "linear");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 4));
    hn_case_absent(c);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(2));
    hn_case_const(c);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(0, 1, 3, 4));
    scaled(c, "nearest, larger", "nearest", "half_pixel", 2);
    scaled(c, "nearest, smaller", "nearest", "asymmetric", 0.6);
    scaled(c, "linear, larger", "linear", "half_pixel", 1.6);
    scaled(c, "linear, corners", "linear", "align_corners", 2);
    scaled(c, "linear, symmetric", "linear", "half_pixel_symmetric", 0.7);
    scaled(c, "cubic", "cubic", "pytorch_half_pixel", 1.5);
    scaled(c, "cubic, renormalised", "cubic", "half_pixel", 0.8);
    hn_case_int(c, "exclude_outside", 1);
    scaled(c, "linear, antialias", "linear", "half_pixel", 0.4);
    hn_case_int(c, "antialias", 1);
    hn_case(c, "sizes that keep the aspect");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "mode", "linear");
    hn_case_string(c, "keep_aspect_ratio_policy", "not_larger");
    hn_case_ints(c, "axes", 2, (const int64_t[]){1, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 4), -2, 2);
    hn_case_absent(c);
    hn_case_absent(c);
    hn_case_axes(c, 2, (const int64_t[]){6, 6});
    hn_case(c, "crop");
    hn_case_string(c, "mode", "linear");
    hn_case_string(c, "coordinate_transformation_mode", "tf_crop_and_resize");
    hn_case_float(c, "extrapolation_value", 9);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0, 2, 4));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0.25, 1.25));
    hn_case_const(c);
    hn_case_absent(c);
    hn_case_axes(c, 1, (const int64_t[]){5});
    hn_case_want(c, HN_F32, HN_DIMS(5), HN_VALS(1, 2, 3, 4, 9));
    hn_case(c, "a scale of 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_absent(c);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0));
    hn_case_const(c);
    return hn_cases_status(c);
}

#define T_ROI (HN_BIT(HN_F32) | HN_BIT(HN_F64) | HN_BIT(HN_F16))
static const hn_port in[] = {{"X", HN_T_MOVE, 'T', false},
                             {"roi", T_ROI, 0, true},
                             {"scales", HN_BIT(HN_F32), 0, true},
                             {"sizes", HN_T_I64, 0, true}};
static const hn_port out[] = {{"Y", HN_T_MOVE, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_RESIZE_ATTRS,
    {"axes", HN_ATTR_INTS, false, NULL, "axes that roi, scales and sizes speak of; default: all"},
    {"keep_aspect_ratio_policy", HN_ATTR_STRING, false, "stretch", "stretch, not_larger or not_smaller"},
    {0}};

const hn_op hn_op_resize = {
    .name = "Resize",
    .domain = "",
    .since = 19,
    .doc = "Y[o] = sum of w X[i] over the inputs i near the coordinate of o, along each axis in turn. "
           "linear, half_pixel, X = [0,4], scales = [2]: coordinates -0.25, 0.25, 0.75, 1.25: Y = [0,1,3,4].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = shard,
    .cases = cases,
    .quant = "",
};
