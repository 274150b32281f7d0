/* What becomes of 8-bit sums: attributes, and what weights say about the bounds of kernels/q8.h. */
#include <math.h>
#include <string.h>

#include "device/cpu/lib_q8.h"

bool hn_q8_out_limits(hn_q8_out *out, hn_dtype t, int64_t zp, int64_t lo, int64_t hi)
{
    int32_t up = hn_q8_bias(t);
    int64_t z = zp + up, l = lo + up, h = hi + up;
    /* What lies outside the type saturates when it is stored. */
    l = l < 0 ? 0 : l > 255 ? 255 : l;
    h = h < 0 ? 0 : h > 255 ? 255 : h;
    if (z < -1024 || z > 1024 || l > h) return false;
    out->y_zp = (int32_t)z;
    out->y_lo = (uint8_t)l;
    out->y_hi = (uint8_t)h;
    out->y_flip = hn_q8_flip(t);
    return true;
}

static bool is_small(int64_t v)
{
    return v >= -256 && v <= 256;
}

bool hn_q8_out_read(hn_lower *c, const hn_value *r, hn_q8_out *out)
{
    const hn_node *node = c->node;
    hn_dtype y = node->out[0]->type.dtype;
    memset(out, 0, sizeof *out);
    if (y == HN_F32) {
        out->kind = HN_Q8_F32;
        out->t_lo = (float)hn_attr_float(node, "f_lo", -HUGE_VAL);
        out->t_hi = (float)hn_attr_float(node, "f_hi", HUGE_VAL);
        if (r != NULL) (void)hn_lower_refuse(c, "a residual needs an 8-bit output");
        return r == NULL;
    }
    int64_t zp = hn_attr_int(node, "t_zp", 0), lo = hn_attr_int(node, "t_lo", 0), hi = hn_attr_int(node, "t_hi", 255);
    bool fits = hn_q8_is_byte(y) && is_small(zp) && is_small(lo) && is_small(hi) && lo <= hi;
    if (fits && r == NULL) {
        out->kind = HN_Q8_BYTE;
        out->t_lo = (float)(lo - zp);
        out->t_hi = (float)(hi - zp);
        fits = hn_q8_out_limits(out, y, zp, lo, hi);
    } else if (fits) {
        hn_dtype t = r->type.dtype;
        out->kind = HN_Q8_RESIDUAL;
        out->t_lo = (float)(lo - zp);
        out->t_hi = (float)(hi - zp);
        out->t_scale = (float)hn_attr_float(node, "t_scale", 1);
        out->r_scale = (float)hn_attr_float(node, "r_scale", 1);
        int64_t rz = hn_attr_int(node, "r_zp", 0), yz = hn_attr_int(node, "y_zp", 0),
                yh = hn_attr_int(node, "y_hi", 255);
        fits = is_small(rz) && is_small(yz) && is_small(yh) && hn_q8_is_byte(t) && fabsf(out->t_scale) < 1e30f &&
               fabsf(out->r_scale) < 1e30f && hn_q8_out_limits(out, y, yz, hn_attr_int(node, "y_lo", 0), yh);
        out->r_zp = (int32_t)rz + hn_q8_bias(t);
        out->r_flip = hn_q8_flip(t);
        out->u_hi = (float)(yh - yz);
    }
    if (!fits) (void)hn_lower_refuse(c, "zero points, limits or scales are far outside 8 bits");
    return fits;
}

void hn_q8_bounds_add(hn_q8_bounds *b, int64_t start, int64_t down, int64_t up, float scale)
{
    const int64_t least = start + 255 * down, most = start + 255 * up;
    const double reach = fmax(fabs((double)least), fabs((double)most)) * fabs((double)scale);
    const int64_t end = INT64_C(1) << (scale >= 0x1p-15f && scale < 16 ? 25 : 23);
    b->reach = fmax(b->reach, reach);
    if (!(scale >= 0 && scale < 0x1p100f) || least < -(INT64_C(1) << 30) || most >= end) b->not_raised = true;
}

void hn_q8_settle(int64_t *sum, float *scale)
{
    const float far = 0x1p20f, u = (float)(int32_t)*sum * *scale;
    *sum = (int64_t)hn_q8_rint(u < -far ? -far : u > far ? far : u);
    *scale = 1;
}

int32_t hn_q8_bounds_level(const hn_q8_bounds *b, const hn_q8_out *out)
{
    const bool residual = out->kind == HN_Q8_RESIDUAL;
    const double both = residual ? 1024 * fabs((double)out->t_scale) + 1024 * fabs((double)out->r_scale) : 0;
    if (b->reach >= 0x1p30 || both >= 0x1p30) return 0;
    return out->kind == HN_Q8_BYTE && out->y_lo == out->y_zp && !b->not_raised ? HN_Q8_RAISED : HN_Q8_BOUNDED;
}
