/* Shared parts of the 8-bit drivers; see the header. Weights are packed in strips of 16 columns; in the form of QUADS
 * only the width of a panel depends on the kernel. */
#include "device/cpu/lib_q8.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "kernels/sums_q8.h"

bool hn_q8_zp_read(hn_lower *c, hn_q8_weights *w)
{
    const hn_value *xz = hn_node_in(c->node, 2), *wz = hn_node_in(c->node, 3);
    if (xz != NULL && (hn_type_elems(&xz->type) != 1 || !hn_q8_is_byte(xz->type.dtype))) {
        (void)hn_lower_refuse(c, "the zero point of the input is not one byte");
        return false;
    }
    w->x_zp_later = xz != NULL && xz->data == NULL;
    w->x_zp = xz != NULL && xz->data != NULL ? hn_get_i64(xz->data, 0) : 0;
    w->w_zp = 0;
    if (wz == NULL) return true;
    bool same = wz->data != NULL && hn_tensor_elems(wz->data) > 0;
    if (same) w->w_zp = hn_get_i64(wz->data, 0);
    for (size_t i = 1; same && i < hn_tensor_elems(wz->data); i++) same = hn_get_i64(wz->data, i) == w->w_zp;
    if (!same) (void)hn_lower_refuse(c, "the zero points of the weights are not one constant");
    return same;
}

static hn_q8_form form_of(const hn_kernel *k)
{
    return k->flags & HN_GEMM_Q8_RUNS ? HN_Q8_RUNS : k->kr == 2 ? HN_Q8_WORDS : HN_Q8_QUADS;
}

/* The kernel of this many columns with the highest rank. */
static const hn_kernel *find_kernel(const hn_lower *c, size_t columns, hn_q8_form form)
{
    const hn_kernel *best = NULL;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, "gemm_q8") != 0 || (k->isa & ~c->isa) != 0 || k->nr != columns || form_of(k) != form)
            continue;
        if (best == NULL || k->rank > best->rank) best = k;
    }
    return best;
}

static const hn_kernel *find_columns(const hn_lower *c, size_t columns)
{
    return find_kernel(c, columns, HN_Q8_QUADS);
}

static const hn_kernel *find_width(const hn_lower *c, size_t strips)
{
    return find_columns(c, 16 * strips);
}

/* Widest strips such that every narrower kernel is of the same rank: generic code must not serve the edge of VNNI
 * panels. */
static size_t widest(const hn_lower *c)
{
    const hn_kernel *one = find_width(c, 1), *prefer = c->prefer;
    size_t best = 1;
    if (prefer != NULL && strcmp(prefer->family, "gemm_q8") == 0) return prefer->nr / 16;
    for (size_t s = 2; one != NULL && s <= 4; s++) {
        const hn_kernel *k = find_width(c, s);
        if (k == NULL || k->rank < one->rank) break;
        best = s;
    }
    return best;
}

static int64_t shifted_zp(const hn_q8_weights *w)
{
    return w->w_signed ? w->w_zp : w->w_zp - 128;
}

/* Whether all weights less their zero point fit s8, so that the zero point vanishes. */
static bool zp_vanishes(const hn_q8_weights *w)
{
    size_t count = w->groups * w->n * w->taps * w->k;
    for (size_t i = 0; i < count; i++) {
        int64_t v = (w->w_signed ? (int64_t)(int8_t)w->w[i] : (int64_t)w->w[i]) - w->w_zp;
        if (v < -128 || v > 127) return false;
    }
    return true;
}

/* Of a column of QUADS. */
static size_t padded_k(const hn_q8_mat *mat)
{
    return mat->taps * hn_align_up(mat->k, 4);
}

static void choose_form(const hn_lower *c, const hn_q8_weights *w, hn_q8_mat *mat)
{
    const hn_kernel *quads = find_width(c, 1), *prefer = c->prefer, *runs = find_kernel(c, 16, HN_Q8_RUNS),
                    *words = find_kernel(c, 16, HN_Q8_WORDS);
    int least = quads != NULL ? quads->rank : 0;
    bool may[3] = {quads != NULL, words != NULL && words->rank >= least, runs != NULL && runs->rank >= least};
    if (prefer != NULL && strcmp(prefer->family, "gemm_q8") == 0)
        for (size_t i = 0; i < HN_COUNT(may); i++) may[i] = i == (size_t)form_of(prefer);
    hn_q8_form_choose(w, may[HN_Q8_RUNS], may[HN_Q8_WORDS], mat);
}

/* Panels of a group, and kernels for them. */
static bool choose_kernels(hn_lower *c, const hn_q8_weights *w, hn_q8_mat *mat)
{
    size_t max = mat->form == HN_Q8_QUADS ? widest(c) : 1, all = hn_div_up(w->n, 16);
    mat->panels = hn_div_up(all, max);
    mat->strips = hn_div_up(all, mat->panels);
    mat->wide = all - (mat->strips - 1) * mat->panels;
    mat->columns = 16 * all;
    const hn_kernel *wide = find_kernel(c, 16 * mat->strips, (hn_q8_form)mat->form),
                    *narrow = mat->strips > 1 ? find_width(c, mat->strips - 1) : wide;
    /* A panel of two strips that is used to a half of the second. */
    const hn_kernel *half = w->n > 16 && w->n <= 24 && mat->strips == 2 ? find_columns(c, 24) : NULL;
    if (half != NULL && half->rank >= wide->rank) wide = half;
    if (wide == NULL || narrow == NULL) {
        (void)hn_lower_refuse(c, "no gemm_q8 kernel for this ISA");
        return false;
    }
    if (hn_lower_kernel_add(c, wide) != HN_OK || hn_lower_kernel_add(c, narrow) != HN_OK) return false;
    if (hn_lower_kernel(c, "sums_q8", 0, 0) != NULL) return true;
    (void)hn_lower_refuse(c, "no sums_q8 kernel for this ISA");
    return false;
}

size_t hn_q8_panels_bytes(const hn_q8_mat *mat)
{
    return mat->groups * (mat->form == HN_Q8_QUADS ? mat->columns * padded_k(mat) : mat->panels * mat->step);
}

size_t hn_q8_mat_plan(hn_lower *c, const hn_q8_weights *w, hn_q8_mat *mat)
{
    memset(mat, 0, sizeof *mat);
    for (size_t i = 0; i < w->nscale; i++)
        if (!isfinite(w->scale[i])) {
            (void)hn_lower_refuse(c, "a scale is not finite");
            return 0;
        }
    mat->n = w->n;
    mat->k = mat->bytes = w->k;
    mat->taps = w->taps;
    mat->groups = w->groups;
    mat->a_flip = w->x_signed ? UINT32_C(0x80808080) : 0;
    choose_form(c, w, mat);
    mat->has_sums = mat->form == HN_Q8_QUADS && shifted_zp(w) != 0 && !zp_vanishes(w);
    mat->w_zp = mat->has_sums ? (int32_t)shifted_zp(w) : 0;
    if (!choose_kernels(c, w, mat)) return 0;
    size_t total = mat->groups * mat->columns;
    mat->bias = hn_q8_panels_bytes(mat);
    mat->scale = mat->bias + 4 * total;
    if (!w->x_zp_later) return mat->scale + 4 * total;
    mat->slope = mat->scale + 4 * total;
    return mat->slope + 4 * total;
}

size_t hn_q8_panel_start(const hn_q8_mat *mat, size_t p)
{
    return 16 * (p * mat->strips - (p > mat->wide ? p - mat->wide : 0));
}

typedef struct packer {
    const hn_q8_weights *w;
    const hn_q8_mat *mat;
    int64_t wz, xz; /* in the domains of the kernel: s8 weights, u8 activations */
    const hn_q8_out *out;
    uint8_t *blob;
    hn_q8_bounds bounds;
} packer;

/* The weights of one column of QUADS. */
static void pack_weights(const packer *p, size_t channel, size_t j, size_t width, int8_t *b)
{
    size_t taps = p->mat->taps, k = p->mat->k, depth = hn_align_up(k, 4);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < k; i++)
            b[(t * depth + i / 4 * 4) * width + 4 * j + i % 4] =
                (int8_t)hn_q8_packed_weight(p->w, p->mat, (channel * taps + t) * k + i);
}

/* Constants of one column. */
static void pack_column(packer *p, size_t channel)
{
    size_t taps = p->mat->taps, k = p->mat->k;
    const uint8_t *w = p->w->w + channel * taps * k;
    const uint8_t flip = p->w->w_signed ? 0x80 : 0;
    const int64_t zp = (p->w->w_signed || p->mat->has_sums ? 128 : 0) + (p->mat->has_sums ? 0 : p->w->w_zp);
    int64_t sum = 0, up = 0; /* up: of positive weights less their zero point */
    for (size_t i = 0; i < taps * k; i++) {
        const int64_t v = (int64_t)(w[i] ^ flip) - zp, d = v - p->wz;
        sum += v;
        up += d > 0 ? d : 0;
    }
    int64_t bias = p->w->bias != NULL ? p->w->bias[channel] : 0;
    size_t column = channel / p->mat->n * p->mat->columns + channel % p->mat->n;
    int64_t folded = bias - p->xz * sum + p->xz * p->wz * (int64_t)(taps * k);
    float scale = p->w->scale[p->w->nscale == 1 ? 0 : channel];
    const int64_t down = sum - p->wz * (int64_t)(taps * k) - up;
    if (up == 0 && down == 0 && p->out->kind == HN_Q8_BYTE) hn_q8_settle(&folded, &scale);
    int32_t low = (int32_t)(uint32_t)(uint64_t)folded; /* sums are modulo 2^32 */
    hn_q8_bounds_add(&p->bounds, folded, down, up, scale);
    memcpy(p->blob + p->mat->bias + 4 * column, &low, 4);
    int32_t slope = (int32_t)(uint32_t)(uint64_t)(p->wz * (int64_t)(taps * k) - sum);
    if (p->mat->slope > 0) memcpy(p->blob + p->mat->slope + 4 * column, &slope, 4);
    memcpy(p->blob + p->mat->scale + 4 * column, &scale, 4);
}

void hn_q8_mat_pack(const hn_q8_weights *w, hn_q8_mat *mat, const hn_q8_out *out, uint8_t *blob)
{
    packer p = {.w = w, .mat = mat, .out = out, .blob = blob};
    p.wz = mat->w_zp;
    p.xz = w->x_zp + (w->x_signed ? 128 : 0);
    for (size_t g = 0; g < mat->groups; g++)
        for (size_t q = 0; q < mat->panels; q++) {
            size_t start = hn_q8_panel_start(mat, q), width = hn_q8_panel_start(mat, q + 1) - start;
            bool quads = mat->form == HN_Q8_QUADS;
            int8_t *b = (int8_t *)blob + mat->b + (g * mat->columns + start) * padded_k(mat);
            if (!quads) hn_q8_panel_pack(w, mat, g, q, blob + mat->b + (g * mat->panels + q) * mat->step);
            for (size_t j = 0; j < width && start + j < mat->n; j++) {
                if (quads) pack_weights(&p, g * mat->n + start + j, j, width, b);
                pack_column(&p, g * mat->n + start + j);
            }
        }
    mat->out = *out;
    mat->out.bounded = hn_q8_bounds_level(&p.bounds, out);
}

/* Panels [q, end) of a group at once. */
static void one_call(const hn_q8_mat *mat, const hn_q8_rows *rows, hn_gemm_q8 *g, size_t group, size_t q, size_t end)
{
    size_t element = mat->out.kind == HN_Q8_I32 || mat->out.kind == HN_Q8_F32 ? 4 : 1;
    size_t start = hn_q8_panel_start(mat, q), column = group * mat->columns + start;
    hn_gemm_q8 a = *g;
    a.n = hn_min_size(hn_q8_panel_start(mat, end), mat->n) - start;
    a.b = (const int8_t *)rows->blob + mat->b;
    a.b += mat->form == HN_Q8_QUADS ? column * padded_k(mat) : (group * mat->panels + q) * mat->step;
    a.bias = (rows->bias != NULL ? rows->bias : (const int32_t *)(const void *)(rows->blob + mat->bias)) + column;
    a.scale = (const float *)(const void *)(rows->blob + mat->scale) + column;
    a.y = (uint8_t *)g->y + (group * mat->n + start) * element;
    a.r = g->r == NULL ? NULL : g->r + group * mat->n + start;
    ((hn_gemm_q8_fn *)rows->kernels[q < mat->wide ? 0 : 1]->fn)(&a);
}

static void one_group(const hn_q8_mat *mat, const hn_q8_rows *rows, hn_gemm_q8 *g, int32_t *sub, size_t group, size_t p,
                      size_t panels)
{
    if (mat->has_sums) {
        hn_gemm_q8 a = *g;
        a.k = mat->bytes;
        ((hn_sums_q8_fn *)rows->kernels[2]->fn)(&a, mat->w_zp, sub);
        g->row_sub = sub;
    }
    size_t step = mat->form == HN_Q8_QUADS ? 1 : panels;
    for (size_t q = p; q < p + panels; q += step) one_call(mat, rows, g, group, q, q + step);
}

size_t hn_q8_bias_bytes(const hn_q8_mat *mat)
{
    return 4 * mat->columns * mat->groups;
}

void hn_q8_bias_of(const hn_q8_mat *mat, const uint8_t *blob, int32_t x_zp, int32_t *bias)
{
    const int32_t *given = (const int32_t *)(const void *)(blob + mat->bias),
                  *slope = (const int32_t *)(const void *)(blob + mat->slope);
    for (size_t i = 0; i < mat->columns * mat->groups; i++)
        bias[i] = (int32_t)((uint32_t)given[i] + (uint32_t)x_zp * (uint32_t)slope[i]);
}

void hn_q8_rows_run(const hn_q8_mat *mat, const hn_q8_rows *rows, size_t i, size_t m, size_t p, size_t panels)
{
    size_t element = mat->out.kind == HN_Q8_I32 || mat->out.kind == HN_Q8_F32 ? 4 : 1;
    int32_t sub[HN_Q8_ROWS];
    while (panels > 0) {
        size_t group = p / mat->panels, first = p % mat->panels, count = hn_min_size(panels, mat->panels - first);
        hn_gemm_q8 g = {.m = m,
                        .k = mat->k,
                        .taps = mat->taps,
                        .a = rows->a + group * mat->k + (rows->off == NULL ? i * rows->lda : 0),
                        .lda = rows->lda,
                        .off = rows->off == NULL ? NULL : rows->off + i,
                        .off_ld = rows->off_ld,
                        .tap_step = rows->tap_step,
                        .pad = rows->pad,
                        .a_flip = mat->a_flip,
                        .y = rows->y + i * rows->ldy * element,
                        .ldy = rows->ldy,
                        .r = rows->r == NULL ? NULL : rows->r + i * rows->ldr,
                        .ldr = rows->ldr,
                        .out = &mat->out,
                        .b_step = mat->step};
        one_group(mat, rows, &g, sub, group, first, count);
        p += count;
        panels -= count;
    }
}

hn_q8_cut hn_q8_cut_make(const hn_q8_mat *mat, size_t rows)
{
    enum { TASKS = 16, SMALL = 1 << 18, L2 = 256 << 10, ROWS_AT_ONCE = 54 };
    hn_q8_cut cut;
    size_t depth = padded_k(mat), all = mat->panels * mat->groups;
    size_t block = hn_min_size(HN_Q8_ROWS, hn_max_size(24, L2 / hn_max_size(depth * mat->groups, 1) / 24 * 24));
    cut.rows = hn_max_size(1, hn_min_size(block, hn_align_up(hn_div_up(rows, TASKS), 24)));
    if (mat->form != HN_Q8_QUADS) cut.rows = hn_min_size(HN_Q8_ROWS, hn_max_size(ROWS_AT_ONCE, hn_div_up(rows, TASKS)));
    if (cut.rows > rows) cut.rows = hn_max_size(rows, 1);
    cut.blocks = hn_div_up(rows, cut.rows);
    if (mat->form != HN_Q8_QUADS) cut.rows = hn_max_size(1, hn_div_up(rows, hn_max_size(cut.blocks, 1)));
    /* Few rows: cut the columns too, unless a task would become too small to be worth waking a thread for. */
    size_t task = cut.rows * depth * 16 * mat->strips, least = hn_max_size(1, SMALL / hn_max_size(task, 1));
    size_t want = hn_max_size(1, TASKS / hn_max_size(cut.blocks, 1));
    cut.panels = hn_max_size(1, hn_min_size(all, hn_max_size(least, hn_div_up(all, want))));
    cut.panel_blocks = hn_div_up(all, cut.panels);
    return cut;
}

typedef struct transpose {
    const uint8_t *src;
    uint8_t *dst;
    size_t rows, cols, element;
} transpose;

enum { STRIP = 64 };

static void transpose_task(void *ctx, size_t task)
{
    const transpose *t = ctx;
    size_t from = task * STRIP, to = hn_min_size(t->cols, from + STRIP);
    for (size_t r0 = 0; r0 < t->rows; r0 += STRIP) {
        size_t r1 = hn_min_size(t->rows, r0 + STRIP);
        for (size_t j = from; j < to; j++) {
            if (t->element == 1)
                for (size_t i = r0; i < r1; i++) t->dst[j * t->rows + i] = t->src[i * t->cols + j];
            else
                for (size_t i = r0; i < r1; i++)
                    memcpy(t->dst + 4 * (j * t->rows + i), t->src + 4 * (i * t->cols + j), 4);
        }
    }
}

static void transpose_run(hn_pool *pool, const transpose *t)
{
    if (t->rows == 1 || t->cols == 1)
        memcpy(t->dst, t->src, t->rows * t->cols * t->element);
    else
        hn_pool_run(pool, hn_div_up(t->cols, STRIP), transpose_task, (void *)(uintptr_t)t);
}

void hn_q8_transpose(hn_pool *pool, const uint8_t *src, size_t rows, size_t cols, uint8_t *dst)
{
    transpose t = {src, dst, rows, cols, 1};
    transpose_run(pool, &t);
}

void hn_q8_transpose4(hn_pool *pool, const uint8_t *src, size_t rows, size_t cols, uint8_t *dst)
{
    transpose t = {src, dst, rows, cols, 4};
    transpose_run(pool, &t);
}
