/* 8-bit depthwise convolution with VNNI, windows 3 wide and up to 3 high, stride 1 or 2: unpacked columns stay in
 * registers for all the windows that they are part of; narrow images take several pixels a vector. */
#include "kernels/vnni/lib_dwconv_q8_narrow.h"

ALWAYS void slide(const hn_dwconv_q8 *g, dwconv_rows rows, const int stride, const int is_signed, const int plain)
{
    size_t left = g->c % 64, whole = g->c - left;
    for (size_t from = 0; from < whole; from += 64) slide_64(g, rows, from, ~UINT64_C(0), 0, stride, is_signed, plain);
    if (left > 32)
        slide_64(g, rows, whole, (UINT64_C(1) << left) - 1, 1, stride, is_signed, plain);
    else if (left == 32)
        slide_32(g, rows, whole, ~UINT32_C(0), 0, stride, is_signed, plain);
    else if (left > 16)
        slide_32(g, rows, whole, (UINT32_C(1) << left) - 1, 1, stride, is_signed, plain);
    else if (left == 16)
        slide_16(g, rows, whole, 0xffff, 0, stride, is_signed, plain);
    else if (left == 8)
        slide_16(g, rows, whole, 0xff, HALF, stride, is_signed, plain);
    else if (left > 0)
        slide_16(g, rows, whole, (__mmask16)((1u << left) - 1), 1, stride, is_signed, plain);
}

ALWAYS void any(const hn_dwconv_q8 *g, dwconv_rows rows, const int plain)
{
    if (g->sw == 1 && g->x_flip)
        slide(g, rows, 1, 1, plain);
    else if (g->sw == 1)
        slide(g, rows, 1, 0, plain);
    else if (g->x_flip)
        slide(g, rows, 2, 1, plain);
    else
        slide(g, rows, 2, 0, plain);
}

static void narrow_row(const hn_dwconv_q8 *g)
{
    const int plain = g->out->bounded && q8_is_plain(g->out);
    if (g->more != NULL && g->sw == 1)
        narrow_run(g, 1, 1, 0, 0);
    else if (g->more != NULL)
        narrow_run(g, 2, 1, 0, 0);
    else if (g->sw == 1 && plain)
        narrow_run(g, 1, 0, 1, 1);
    else if (plain)
        narrow_run(g, 2, 0, 1, 1);
    else if (g->sw == 1)
        narrow_run(g, 1, 0, 0, 0);
    else
        narrow_run(g, 2, 0, 0, 0);
}

static void dwconv(const hn_dwconv_q8 *args)
{
    /* Copies, which stores of bytes cannot alias. */
    const hn_q8_out out = *args->out;
    hn_dwconv_q8 own = *args;
    const hn_dwconv_q8 *g = &own;
    own.out = &out;
    if (narrow_fits(g)) {
        narrow_row(g);
        return;
    }
    dwconv_rows rows = {.pad = g->pad, .ix = g->from * g->sw - g->pw, .width = g->width};
    for (size_t k = 0; k < 3; k++) { /* rows past the window have zero weights */
        bool real = k < g->kh && g->row[k];
        rows.p[k] = real ? (uintptr_t)g->row[k] + rows.ix * g->c : (uintptr_t)g->pad;
        rows.step[k] = real ? g->c : 0;
    }
    if (out.kind == HN_Q8_BYTE && out.bounded && q8_is_plain(&out))
        any(g, rows, 1);
    else
        any(g, rows, 0);
}

const hn_kernel hn_k_vnni_dwconv3_q8 = {.family = "dwconv_q8",
                                        .name = "vnni_dwconv3_q8",
                                        .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                        .variant = HN_DWCONV_Q8_COLUMNS,
                                        .rank = 2,
                                        .fn = (hn_kernel_fn *)dwconv};
