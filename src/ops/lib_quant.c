/* lib_quant: see the header. */
#include "ops/lib_quant.h"

#include "base/half.h"

float hn_q_clamp(float v, float zp, float lo, float hi)
{
    float t = rintf(v) + zp;
    if (!(t > lo)) return lo;
    return t > hi ? hi : t;
}

int32_t hn_q_wrap(double sum)
{
    uint32_t bits = (uint32_t)(uint64_t)(int64_t)sum;
    int32_t v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

hn_status hn_q_load(const hn_refargs *a, size_t i, size_t zp, int axis, double **out)
{
    const hn_tensor *z = hn_nn_in(a, zp), *t = a->in[i];
    HN_TRY(hn_nn_load(a, i, out));
    if (!z) return HN_OK;
    size_t nz = hn_tensor_elems(z), n = hn_tensor_elems(t);
    if (nz == 1) {
        double v = hn_get_f64(z, 0);
        for (size_t j = 0; j < n; j++) (*out)[j] -= v;
        return HN_OK;
    }
    if (axis < 0 || axis >= t->rank || nz != (size_t)t->dims[axis]) {
        return hn_op_fail(a->env, a->node, "%zu zero points do not fit the tensor they belong to", nz);
    }
    hn_nn_split s = hn_nn_split_at(t, axis);
    for (size_t j = 0; j < n; j++) (*out)[j] -= hn_get_f64(z, j / s.inner % s.len);
    return HN_OK;
}

hn_status hn_q_tail_read(hn_env *env, const hn_node *node, hn_q_tail *t)
{
    int64_t dtype = hn_attr_int(node, "y_dtype", HN_U8);
    if (dtype != HN_U8 && dtype != HN_I8 && dtype != HN_F32) {
        return hn_op_fail(env, node, "y_dtype is %lld, allowed are 1, 2 and 3", (long long)dtype);
    }
    *t = (hn_q_tail){
        .t_zp = (float)hn_attr_int(node, "t_zp", 0),
        .t_lo = (float)hn_attr_int(node, "t_lo", 0),
        .t_hi = (float)hn_attr_int(node, "t_hi", 255),
        .t_scale = (float)hn_attr_float(node, "t_scale", 1),
        .r_zp = (float)hn_attr_int(node, "r_zp", 0),
        .r_scale = (float)hn_attr_float(node, "r_scale", 1),
        .y_zp = (float)hn_attr_int(node, "y_zp", 0),
        .y_lo = (float)hn_attr_int(node, "y_lo", 0),
        .y_hi = (float)hn_attr_int(node, "y_hi", 255),
        .f_lo = (float)hn_attr_float(node, "f_lo", -HUGE_VAL),
        .f_hi = (float)hn_attr_float(node, "f_hi", HUGE_VAL),
        .y_dtype = (hn_dtype)dtype,
    };
    return HN_OK;
}

double hn_q_tail_apply(const hn_q_tail *t, int32_t acc, float m, const double *r)
{
    float v = (float)acc * m;
    if (t->y_dtype == HN_F32) {
        v = v < t->f_lo ? t->f_lo : v;
        return v > t->f_hi ? t->f_hi : v;
    }
    v = hn_q_clamp(v, t->t_zp, t->t_lo, t->t_hi);
    if (!r) return v;
    float a = (v - t->t_zp) * t->t_scale, b = ((float)*r - t->r_zp) * t->r_scale;
    return hn_q_clamp(a + b, t->y_zp, t->y_lo, t->y_hi);
}

hn_status hn_q_check_channels(const hn_infer *c, size_t i, int64_t n, bool one)
{
    const hn_type *t = hn_nn_type(c, i);
    if (!t || t->rank < 0) return HN_OK;
    if (t->rank > 1) return hn_op_fail(c->env, c->node, "input %zu has rank %d, 1 needed", i, t->rank);
    if (t->rank == 0 || t->dims[0] < 0 || n < 0 || t->dims[0] == n || (one && t->dims[0] == 1)) return HN_OK;
    return hn_op_fail(c->env, c->node, "input %zu has %lld entries for %lld channels", i, (long long)t->dims[0],
                      (long long)n);
}

hn_status hn_q_params_read(hn_env *env, const hn_node *node, const hn_type *x, const hn_type *scale, hn_q_params *p)
{
    int64_t block = hn_attr_int(node, "block_size", 0);
    int axis;
    *p = (hn_q_params){.len = 1, .inner = 1, .block = 1, .blocks = 1, .whole = false};
    if (x->rank < 0 || scale->rank < 0) return HN_OK;
    if (scale->rank == 0 || (block == 0 && scale->rank == 1 && scale->dims[0] == 1)) return HN_OK;
    HN_TRY(hn_op_axis(env, node, hn_attr_int(node, "axis", 1), x->rank, &axis));
    int64_t len = x->dims[axis], blocks = scale->dims[block == 0 ? 0 : axis % (scale->rank > 0 ? scale->rank : 1)];
    if (block < 0) return hn_op_fail(env, node, "block_size is %lld", (long long)block);
    if (block == 0 && scale->rank != 1)
        return hn_op_fail(env, node, "the scale has rank %d, 0 or 1 needed", scale->rank);
    if (block > 0) {
        if (scale->rank != x->rank)
            return hn_op_fail(env, node, "the scale has rank %d, the tensor %d", scale->rank, x->rank);
        for (int i = 0; i < x->rank; i++) {
            if (i != axis)
                HN_TRY(hn_nn_same_dim(env, node, "dims of tensor and scale", x->dims[i], scale->dims[i], NULL));
        }
    }
    int64_t need = len < 0 ? -1 : block == 0 ? len : len / block + (len % block != 0);
    HN_TRY(hn_nn_same_dim(env, node, "scales along the axis", need, blocks, NULL));
    int64_t inner = hn_dims_product(x, axis + 1, x->rank);
    if (len < 0 || blocks < 0 || inner < 0) return HN_OK;
    *p = (hn_q_params){(size_t)len, (size_t)inner, block == 0 ? 1 : (size_t)block, (size_t)blocks, block > 0};
    return HN_OK;
}

size_t hn_q_params_at(const hn_q_params *p, size_t i)
{
    size_t k = i / p->inner % p->len / p->block;
    /* Blocks keep the dims around the axis; a scale per axis does not. */
    return p->whole ? (i / (p->inner * p->len) * p->blocks + k) * p->inner + i % p->inner : k;
}

hn_type hn_q_type_of(const hn_tensor *t)
{
    return hn_type_tensor(t->dtype, t->rank, t->dims);
}

float hn_q_precision(float v, hn_dtype t)
{
    if (t == HN_F16) return hn_f16_to_f32(hn_f32_to_f16(v));
    if (t == HN_BF16) return hn_bf16_to_f32(hn_f32_to_bf16(v));
    return v;
}

void hn_q_set(const hn_tensor *y, size_t i, float v, double zp, bool saturate)
{
    static const hn_f8 formats[] = {HN_F8_E4M3FN, HN_F8_E4M3FNUZ, HN_F8_E5M2, HN_F8_E5M2FNUZ};
    if (hn_dtype_is_int(y->dtype)) {
        double t = rint((double)v) + zp, lo = (double)hn_dtype_int_min(y->dtype),
               hi = (double)hn_dtype_int_max(y->dtype);
        hn_set_f64(y, i, !(t > lo) ? lo : t > hi ? hi : t);
    } else if (y->dtype >= HN_F8E4M3FN && y->dtype <= HN_F8E5M2FNUZ) {
        ((uint8_t *)y->data)[i] = hn_f32_to_f8(formats[y->dtype - HN_F8E4M3FN], v, saturate);
    } else {
        hn_set_f64(y, i, v);
    }
}
