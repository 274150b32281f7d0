/* round: see the header.
 *
 * With d the errors of a channel's weights and H the moments, the mean squared error of the outputs is d'Hd. H = RR'
 * with R upper triangular makes it the sum over i of (sum over j <= i of R[j][i] d[j])^2, so weights are rounded in
 * order, each to the code nearest to what makes its own term zero. */
#include "optimize/round.h"

#include "base/size.h"
#include "ops/lib_conv.h"

#include <math.h>
#include <string.h>

/* BLOCK: such that a block's moments take at most 4 MB. ROWS, LANES: rows, and weights of as many channels, that are
 * taken at a time. */
enum { BLOCK = 1024, ROWS = 8, LANES = 8, FEW = 2 };

static size_t depth_of(const hn_layer *y)
{
    return hn_tensor_elems(hn_node_const(y->node, (size_t)y->weight)) / y->channels;
}

static size_t block_of(size_t depth)
{
    return depth ? hn_div_up(depth, hn_div_up(depth, BLOCK)) : 0;
}

bool hn_moments_possible(const hn_layer *y)
{
    return hn_attr_int(y->node, "group", 1) == 1 && depth_of(y) > 1;
}

size_t hn_moments_bytes(const hn_layer *y)
{
    size_t depth = depth_of(y);
    return depth * (hn_align_up(block_of(depth), LANES) + ROWS + 2) * sizeof(float);
}

hn_status hn_moments_open(hn_env *env, hn_arena *arena, const hn_layer *y, hn_moments *m)
{
    *m = (hn_moments){.layer = y, .depth = depth_of(y)};
    m->view = hn_weight_view_of(hn_node_const(y->node, (size_t)y->weight), y->out_axis);
    m->block = block_of(m->depth);
    m->width = hn_align_up(m->block, LANES);
    m->sum = hn_arena_array(env, arena, m->depth, sizeof *m->sum);
    m->square = hn_arena_array(env, arena, hn_div_up(m->depth, m->block) * m->block * m->width, sizeof *m->square);
    m->rowful = hn_arena_array(env, arena, ROWS * (m->depth + LANES), sizeof *m->rowful);
    return m->sum && m->square && m->rowful ? HN_OK : HN_NOMEM;
}

/* square[i][j] += sum over ROWS rows of x[i] x[j], for j from i's group of LANES on. */
static void add_squares(const float *restrict x, size_t ld, size_t n, float *restrict square, size_t width)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i / LANES * LANES; j < n; j += LANES) {
            float sum[LANES];
            memcpy(sum, square + i * width + j, sizeof sum);
            for (size_t r = 0; r < ROWS; r++)
                for (size_t k = 0; k < LANES; k++) sum[k] += x[r * ld + i] * x[r * ld + j + k];
            memcpy(square + i * width + j, sum, sizeof sum);
        }
    }
}

static void add_rows(hn_moments *m, size_t rows)
{
    const size_t ld = m->depth + LANES; /* the last lanes of a block reach beyond it */
    memset(m->rowful + rows * ld, 0, (ROWS - rows) * ld * sizeof *m->rowful);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < m->depth; i++) m->sum[i] += (double)m->rowful[r * ld + i];
    for (size_t at = 0; at < m->depth; at += m->block)
        add_squares(m->rowful + at, ld, hn_min_size(m->block, m->depth - at), m->square + at * m->width, m->width);
    m->rows += rows;
}

/* What output `at` of image x reads. */
static void gather(const hn_conv *g, const float *x, size_t taps, size_t at, float *row)
{
    const hn_window *w = &g->w;
    const size_t in = (size_t)g->cin, area = hn_window_elems(w->in, w->n), last = (size_t)w->n - 1,
                 wide = (size_t)w->in[last];
    for (size_t t = 0; t < taps; t++, row += in) {
        size_t line;
        const int64_t column = (int64_t)(at % (size_t)w->out[last]) * w->s[last] - w->lo[last] +
                               (int64_t)(t % (size_t)w->k[last]) * w->d[last];
        const bool inside = hn_window_row(w, t / (size_t)w->k[last], at / (size_t)w->out[last], &line) && column >= 0 &&
                            column < (int64_t)wide;
        for (size_t c = 0; c < in; c++) row[c] = inside ? x[c * area + line * wide + (size_t)column] : 0;
    }
}

hn_status hn_moments_add(hn_env *env, hn_moments *m, const hn_tensor *x, size_t most)
{
    const hn_node *n = m->layer->node;
    const hn_tensor *w = hn_node_const(n, (size_t)m->layer->weight);
    const bool conv = hn_node_is(n, "Conv");
    const float *v = x->data;
    hn_conv g = {0};
    size_t outputs = 1, images = hn_tensor_elems(x) / m->depth, image = m->depth;
    if (x->dtype != HN_F32) return HN_OK;
    if (conv) {
        HN_TRY(hn_conv_read(env, n, x->rank, x->dims, w->dims, false, &g));
        outputs = hn_window_elems(g.w.out, g.w.n);
        images = (size_t)g.batch;
        image = (size_t)g.cin * hn_window_elems(g.w.in, g.w.n);
    }
    const size_t all = images * outputs, take = hn_min_size(all, most), ld = m->depth + LANES;
    size_t filled = 0;
    for (size_t i = 0; i < take; i++) {
        const size_t at = i * all / take;
        float *row = m->rowful + filled * ld;
        if (conv)
            gather(&g, v + at / outputs * image, m->view.taps, at % outputs, row);
        else
            memcpy(row, v + at * m->depth, m->depth * sizeof *row);
        if (++filled < ROWS) continue;
        add_rows(m, filled);
        filled = 0;
    }
    if (filled) add_rows(m, filled);
    return HN_OK;
}

/* h: n x n, upper half; becomes R in place with h = RR'. False: not positive. */
static bool factor(double *h, size_t n)
{
    for (size_t j = n; j-- > 0;) {
        double *hj = h + j * n, d = hj[j];
        for (size_t k = j + 1; k < n; k++) d -= hj[k] * hj[k];
        if (!(d > 0) || !isfinite(d)) return false;
        hj[j] = sqrt(d);
        for (size_t i = 0; i < j; i++) {
            double *hi = h + i * n, s = hi[j];
            for (size_t k = j + 1; k < n; k++) s -= hi[k] * hj[k];
            hi[j] = s / hj[j];
        }
    }
    return true;
}

/* R of the block at `at`, each column divided by its diagonal. The diagonal of H is raised by a hundredth of its mean,
 * more where few rows were seen, else what is chance in them would be made up for. False: the moments say nothing. */
static bool find_factor(const hn_moments *m, size_t at, size_t n, double *h, float *r)
{
    const bool centred = m->layer->node->op->nin > 2;
    const double rows = (double)m->rows;
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        double square = (double)m->square[(at + i) * m->width + i] / rows, first = centred ? m->sum[at + i] / rows : 0;
        mean += (square - first * first) / (double)n;
    }
    if (!(mean > 0) || !isfinite(mean)) return false;
    for (double damp = 0.01 + 0.1 * (double)n / rows; damp < 100; damp *= 10) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++) {
                double square = (double)m->square[(at + i) * m->width + j] / rows;
                if (centred) square -= m->sum[at + i] / rows * (m->sum[at + j] / rows);
                h[i * n + j] = square + (i == j ? damp * mean : 0);
            }
        if (!factor(h, n)) continue;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++) r[i * n + j] = (float)(h[i * n + j] / h[j * n + j]);
        return true;
    }
    return false;
}

typedef struct rounder {
    const hn_moments *m;
    const float *scale, *r;
    int8_t *codes;
    size_t at, n; /* of the block */
    float (*owed)[LANES];
} rounder;

/* A code that keeps pairs within what the layer's bits allow. */
static int8_t code_of(const rounder *t, size_t o, size_t k, float w)
{
    const hn_layer *y = t->m->layer;
    const int most = hn_weight_most(y->bits);
    int code = hn_weight_code(w, t->scale[o], most);
    if (!y->pairs || k % 2 == 0) return (int8_t)code;
    const int before = t->codes[hn_weight_at(&t->m->view, o, k - 1)];
    if (before > 0 && code > HN_WEIGHT_PAIR - before) code = HN_WEIGHT_PAIR - before;
    if (before < 0 && code < -HN_WEIGHT_PAIR - before) code = -HN_WEIGHT_PAIR - before;
    return (int8_t)code;
}

/* `lanes` channels from o on. */
static void round_channels(const rounder *t, size_t o, size_t lanes)
{
    const hn_weight_view *v = &t->m->view;
    memset(t->owed, 0, t->n * sizeof *t->owed);
    for (size_t i = 0; i < t->n; i++) {
        float error[LANES] = {0};
        for (size_t k = 0; k < lanes; k++) {
            const size_t to = hn_weight_at(v, o + k, t->at + i);
            t->codes[to] = code_of(t, o + k, t->at + i, v->w[to] + t->owed[i][k]);
            error[k] = v->w[to] - (float)t->codes[to] * t->scale[o + k];
        }
        const float *restrict r = t->r + i * t->n;
        for (size_t j = i + 1; j < t->n; j++)
            for (size_t k = 0; k < LANES; k++) t->owed[j][k] += r[j] * error[k];
    }
}

hn_status hn_round_weights(hn_env *env, hn_arena *arena, const hn_moments *m, bool per_tensor, const int8_t **codes)
{
    const hn_layer *y = m->layer;
    const hn_tensor *w = hn_node_const(y->node, (size_t)y->weight);
    hn_arena tmp = {0};
    *codes = NULL;
    if (m->rows < FEW) return HN_OK;
    int8_t *out = hn_arena_array(env, arena, hn_tensor_elems(w), 1);
    float *scale = hn_arena_array(env, &tmp, y->channels, sizeof *scale);
    double *h = hn_arena_array(env, &tmp, m->block * m->block, sizeof *h);
    float *r = hn_arena_array(env, &tmp, m->block * m->block, sizeof *r);
    rounder t = {.m = m, .scale = scale, .r = r, .codes = out};
    t.owed = hn_arena_array(env, &tmp, m->block, sizeof *t.owed);
    if (!out || !scale || !h || !r || !t.owed) {
        hn_arena_fini(env, &tmp);
        return HN_NOMEM;
    }
    hn_layer_scales(y, w, per_tensor, scale);
    bool known = true;
    for (t.at = 0; t.at < m->depth && known; t.at += m->block) {
        t.n = hn_min_size(m->block, m->depth - t.at);
        known = find_factor(m, t.at, t.n, h, r);
        for (size_t o = 0; o < y->channels && known; o += LANES)
            round_channels(&t, o, hn_min_size(LANES, y->channels - o));
    }
    hn_arena_fini(env, &tmp);
    if (known) *codes = out;
    return HN_OK;
}
