/* Blocks of 16, 32 or 64 channels: the bytes of 4 taps are unpacked to 32-bit lanes and go through vpdpbusd. Included
 * three times by lib_dwconv_q8_all.h, with BYTES (16, 32, 64), V (the vector type) and OP(name) (its intrinsic)
 * defined. */
#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define NAME(x)      PASTE(x, BYTES)
#define PARTIAL_LOAD(s, mask, masked) \
    ((masked) == HALF ? LOAD_HALF(s) : (masked) ? OP(maskz_loadu_epi8)(mask, s) : LOADU(s))

ALWAYS void NAME(sum_)(const hn_dwconv_q8 *g, const uint8_t *const *p, const int8_t *w, const int32_t *bias,
                       size_t from, BYTEMASK mask, const int masked, V *acc)
{
    const V flip = OP(set1_epi8)((char)g->x_flip);
    HN_UNROLL for (int q = 0; q < 4; q++) acc[q] = LOAD(bias + q * (BYTES / 4));
    for (size_t t = 0; t < g->kh * g->kw; t += 4, w += 4 * BYTES) {
        V x[4];
        HN_UNROLL for (int i = 0; i < 4; i++)
        {
            const uint8_t *s = p[t + (size_t)i] + from;
            x[i] = XOR(PARTIAL_LOAD(s, mask, masked), flip);
        }
        V a = OP(unpacklo_epi8)(x[0], x[1]), b = OP(unpackhi_epi8)(x[0], x[1]);
        V c = OP(unpacklo_epi8)(x[2], x[3]), d = OP(unpackhi_epi8)(x[2], x[3]);
        acc[0] = OP(dpbusd_epi32)(acc[0], OP(unpacklo_epi16)(a, c), LOAD(w));
        acc[1] = OP(dpbusd_epi32)(acc[1], OP(unpackhi_epi16)(a, c), LOAD(w + BYTES));
        acc[2] = OP(dpbusd_epi32)(acc[2], OP(unpacklo_epi16)(b, d), LOAD(w + 2 * BYTES));
        acc[3] = OP(dpbusd_epi32)(acc[3], OP(unpackhi_epi16)(b, d), LOAD(w + 3 * BYTES));
    }
}

ALWAYS V NAME(scaled_)(const hn_q8_out *e, V acc, const float *scale)
{
    PS v = OP(mul_ps)(OP(cvtepi32_ps)(acc), OP(loadu_ps)(scale));
    v = OP(min_ps)(v, OP(set1_ps)(e->t_hi));
    return OP(cvtps_epi32)(v);
}

/* Places of R widened the way the sums are. */
ALWAYS V NAME(added_)(const hn_q8_out *e, V acc, const float *scale, V r)
{
    PS v = OP(mul_ps)(OP(cvtepi32_ps)(acc), OP(loadu_ps)(scale));
    v = OP(max_ps)(OP(min_ps)(v, OP(set1_ps)(e->t_hi)), OP(set1_ps)(e->t_lo));
    v = ROUND(v);
    V x = OP(sub_epi32)(r, OP(set1_epi32)(e->r_zp));
    v = OP(add_ps)(OP(mul_ps)(v, OP(set1_ps)(e->t_scale)), OP(mul_ps)(OP(cvtepi32_ps)(x), OP(set1_ps)(e->r_scale)));
    return OP(cvtps_epi32)(OP(min_ps)(v, OP(set1_ps)(e->u_hi)));
}

ALWAYS void NAME(store_)(const hn_dwconv_q8 *g, uint8_t *y, BYTEMASK mask, const int masked, const V *q)
{
    const hn_q8_out *e = g->out;
    const V zp = OP(set1_epi16)((short)e->y_zp);
    V lo = OP(adds_epi16)(OP(packs_epi32)(q[0], q[1]), zp), hi = OP(adds_epi16)(OP(packs_epi32)(q[2], q[3]), zp);
    V v = OP(packus_epi16)(lo, hi);
    v = OP(min_epu8)(OP(max_epu8)(v, OP(set1_epi8)((char)e->y_lo)), OP(set1_epi8)((char)e->y_hi));
    v = XOR(v, OP(set1_epi8)((char)e->y_flip));
    if (masked == HALF)
        STORE_HALF(y, v);
    else if (masked)
        OP(mask_storeu_epi8)(y, mask, v);
    else
        STOREU(y, v);
}

ALWAYS void NAME(finish_)(const hn_dwconv_q8 *g, size_t i, size_t from, BYTEMASK mask, const int masked, V *acc)
{
    const float *scale = g->scale + from;
    if (g->out->kind == HN_Q8_RESIDUAL) {
        V r = OP(maskz_loadu_epi8)(mask, g->r + i * g->c + from), none = OP(setzero_si)();
        r = XOR(r, OP(set1_epi8)((char)g->out->r_flip));
        V lo = OP(unpacklo_epi8)(r, none), hi = OP(unpackhi_epi8)(r, none);
        acc[0] = NAME(added_)(g->out, acc[0], scale, OP(unpacklo_epi16)(lo, none));
        acc[1] = NAME(added_)(g->out, acc[1], scale + BYTES / 4, OP(unpackhi_epi16)(lo, none));
        acc[2] = NAME(added_)(g->out, acc[2], scale + BYTES / 2, OP(unpacklo_epi16)(hi, none));
        acc[3] = NAME(added_)(g->out, acc[3], scale + BYTES / 4 * 3, OP(unpackhi_epi16)(hi, none));
    } else {
        HN_UNROLL for (int q = 0; q < 4; q++) acc[q] = NAME(scaled_)(g->out, acc[q], scale + q * (BYTES / 4));
    }
    NAME(store_)(g, g->y + i * g->c + from, mask, masked, acc);
}

ALWAYS void NAME(block_)(const hn_dwconv_q8 *g, const uint8_t *const *p, size_t i, size_t from, BYTEMASK mask,
                         const int masked)
{
    V acc[4];
    NAME(sum_)(g, p, g->w + from * ((g->kh * g->kw + 3) / 4 * 4), g->bias + from, from, mask, masked, acc);
    NAME(finish_)(g, i, from, mask, masked, acc);
}

/* The bytes of 3 rows at one input column, unpacked to lanes; moves to the next column. */
ALWAYS void NAME(column_)(dwconv_rows *rows, const int is_signed, BYTEMASK mask, const int masked, V *out)
{
    const int inside = rows->ix < rows->width; /* unsigned: also left of the image */
    const V flip = OP(set1_epi8)((char)0x80);
    V x[3];
    HN_UNROLL for (int k = 0; k < 3; k++)
    {
        const uint8_t *s = inside ? (const uint8_t *)rows->p[k] : rows->pad;
        x[k] = PARTIAL_LOAD(s, mask, masked);
        if (is_signed) x[k] = XOR(x[k], flip);
        rows->p[k] += rows->step[k];
    }
    rows->ix++;
    V a = OP(unpacklo_epi8)(x[0], x[1]), b = OP(unpackhi_epi8)(x[0], x[1]);
    V c = OP(unpacklo_epi8)(x[2], x[2]), d = OP(unpackhi_epi8)(x[2], x[2]); /* the fourth weight is zero */
    out[0] = OP(unpacklo_epi16)(a, c), out[1] = OP(unpackhi_epi16)(a, c);
    out[2] = OP(unpacklo_epi16)(b, d), out[3] = OP(unpackhi_epi16)(b, d);
}

/* One block of channels along the row, 3 columns wide, which move through registers. */
ALWAYS void NAME(slide_)(const hn_dwconv_q8 *g, dwconv_rows rows, size_t from, BYTEMASK mask, const int masked,
                         const int stride, const int is_signed)
{
    const int8_t *w = g->w + from * 12;
    const int32_t *bias = g->bias + from;
    V c0[4], c1[4], c2[4], wv[12]; /* weights are read once: stores of bytes could alias them */
    HN_UNROLL for (int k = 0; k < 12; k++) wv[k] = LOAD(w + k * BYTES);
    HN_UNROLL for (int k = 0; k < 3; k++)
    {
        rows.p[k] += from;
        KEEP_SCALAR(rows.p[k]);
        KEEP_SCALAR(rows.step[k]);
    }
    rows.pad += from;
    NAME(column_)(&rows, is_signed, mask, masked, c0);
    if (stride == 1) NAME(column_)(&rows, is_signed, mask, masked, c1);
    for (size_t i = 0; i < g->m; i++) {
        V acc[4];
        if (stride == 2) NAME(column_)(&rows, is_signed, mask, masked, c1);
        NAME(column_)(&rows, is_signed, mask, masked, c2);
        HN_UNROLL for (int q = 0; q < 4; q++)
        {
            acc[q] = OP(dpbusd_epi32)(LOAD(bias + q * (BYTES / 4)), c0[q], wv[q]);
            acc[q] = OP(dpbusd_epi32)(acc[q], c1[q], wv[4 + q]);
            acc[q] = OP(dpbusd_epi32)(acc[q], c2[q], wv[8 + q]);
            c0[q] = stride == 1 ? c1[q] : c2[q];
            c1[q] = c2[q];
        }
        NAME(finish_)(g, i, from, mask, masked, acc);
    }
}

#undef PASTE_
#undef PASTE
#undef NAME
#undef PARTIAL_LOAD
#undef LOAD_HALF
#undef STORE_HALF
#undef BYTES
#undef V
#undef PS
#undef OP
#undef LOAD
#undef LOADU
#undef STOREU
#undef XOR
#undef ROUND
#undef BYTEMASK
