/* wino_f32: 3 x 3 convolutions of stride 1 on float32, channels last, by Winograd's minimal filtering: F(4x4) takes a
 * quarter, F(2x2) four ninths, F(6x6) a fifth of the multiplications. Weights are transformed here, at plan time.
 *
 * The choice looks at the shape of one image alone, so that a sample's answer does not depend on its batch. Rounding is
 * not that of the definition's sum (docs/numerics.md), so strict numerics refuse it. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "device/cpu/lib_image.h"
#include "device/cpu/lib_slots.h"
#include "kernels/wino_f32.h"

enum { OPERAND_X, OPERAND_U, OPERAND_B, OPERAND_R, OPERAND_Y };
enum {
    BLOCK_TILES = 24,       /* tiles a task, rounded up to the kernel's group: how often weights that came are used */
    BLOCK_FLOATS = 1 << 18, /* transformed inputs of a task, unless that is less than a group */
    FEW_BLOCKS = 8,         /* below, the number of blocks becomes a power of two */
    CACHED_BYTES = 1 << 19, /* inputs and outputs that are taken to be in a cache near by */
    FAR_WEIGHTS = 1 << 20,  /* floats that a cache does not keep from run to run */
    LEAST_CHANNELS = 8
};

typedef struct params {
    hn_image g;
    hn_epilogue_f32 ep;
    uint32_t down, across, blocks, slots, far;
    uint64_t slot_bytes;
    uint64_t y_at, y_stride; /* of a pixel, where the result lies in another's rows */
} params;

/* A step is one fused multiply-add of 16 lanes; narrower vectors take a step in as many parts. What a tile costs beside
 * its products, by block of channels, and how weights arrive were fitted to AVX-512 and AVX2 on a Zen 4 core. */
typedef struct cost {
    size_t tile;
    double in, out;
    double error; /* of hn_lower, in 2^-24 sqrt(channels) */
    double times; /* what its steps count: the less exact tile has to gain something */
} cost;
static const cost COSTS[] = {{2, 60, 80, 1, 1}, {4, 180, 190, 3, 1}, {6, 560, 560, 10, 1.08}};
static const double WIDE = 16, NARROW = 1.08;   /* lanes of a step; a narrow step against a wide one */
static const double DIRECT = 1.08, WORTH = 0.9; /* share of direct steps that are no products; gain that is wanted */
static const double NEAR = 3, FAR = 1.2;        /* weights that arrive a step, out of a cache and out of memory */

static double direct_steps(const hn_image *g, const hn_kernel *widest)
{
    double half = widest->flags > 8 ? 8 : (double)widest->flags, padded = ceil((double)g->m / half) * half;
    return DIRECT * 9 * (double)g->c * padded / WIDE * (double)g->oh * (double)g->ow;
}

static double steps(const hn_image *g, const cost *k, double lanes)
{
    double a = (double)k->tile + 2, side = (double)k->tile;
    double tiles = ceil((double)g->oh / side) * ceil((double)g->ow / side);
    double in = ceil((double)g->c / lanes), out = ceil((double)g->m / lanes),
           weights = a * a * (double)g->c * out * lanes;
    double rate = weights > FAR_WEIGHTS ? FAR : NEAR;
    return fmax(tiles * weights / WIDE, weights / rate) + tiles * (k->in * in + k->out * out) * lanes / WIDE;
}

/* The cheapest kernel, or NULL when the direct sum is. */
static const hn_kernel *choose(const hn_image *g, const hn_kernel *widest, uint64_t isa, double *error)
{
    double best = WORTH * direct_steps(g, widest);
    const hn_kernel *kernel = NULL;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, "wino_f32") != 0 || (k->isa & ~isa) != 0 || (k->isa == 0 && widest->isa != 0)) continue;
        for (size_t j = 0; j < HN_COUNT(COSTS); j++) {
            if (COSTS[j].tile != k->variant) continue;
            double s = COSTS[j].times * steps(g, &COSTS[j], k->flags) * (k->flags < widest->flags ? NARROW : 1);
            if (s >= best) continue;
            best = s;
            kernel = k;
            *error = COSTS[j].error * ldexp(1, -24) * sqrt((double)g->c);
        }
    }
    return kernel;
}

/* G of F(tile x tile, 3 x 3): row i is (1, p, p^2) / prod over j of (p_i - p_j), the last row (0, 0, 1). */
static void filter_matrix(size_t tile, double g[8][3])
{
    static const double WHOLE[] = {0, 1, -1, 2, -2, 0.5, -0.5};
    const double r = sqrt(0.5), roots[] = {0, r, -r, 2 * r, -2 * r}, *point = tile == 4 ? roots : WHOLE;
    const size_t count = tile + 1;
    for (size_t i = 0; i < count; i++) {
        double product = 1;
        for (size_t j = 0; j < count; j++)
            if (j != i) product *= point[i] - point[j];
        g[i][0] = 1 / product;
        g[i][1] = point[i] / product;
        g[i][2] = point[i] * point[i] / product;
    }
    g[count][0] = g[count][1] = 0;
    g[count][2] = 1;
    if (tile != 4) /* row 0 of the kernel's window transform is the negative of the rule's */
        for (size_t j = 0; j < 3; j++) g[0][j] = -g[0][j];
}

/* u = G w G', rounded once, into the kernel's panels. */
static void pack(const hn_kernel *k, const hn_image *g, const float *w, float *u)
{
    double f[8][3];
    const size_t a = k->variant + 2u, lanes = k->flags, c = (size_t)g->c, m = (size_t)g->m, per_panel = k->nr;
    const size_t width_all = hn_div_up(m, lanes) * lanes;
    filter_matrix(k->variant, f);
    for (size_t o = 0; o < m; o++) {
        size_t start = o / per_panel * per_panel, width = hn_min_size(per_panel, width_all - start);
        for (size_t i = 0; i < c; i++, w += 9) {
            float *to = u + start * a * a * c + i * width + (o - start);
            for (size_t y = 0; y < a; y++) {
                double row[3];
                for (size_t x = 0; x < 3; x++)
                    row[x] = f[y][0] * (double)w[x] + f[y][1] * (double)w[3 + x] + f[y][2] * (double)w[6 + x];
                for (size_t x = 0; x < a; x++, to += c * width)
                    *to = (float)(row[0] * f[x][0] + row[1] * f[x][1] + row[2] * f[x][2]);
            }
        }
    }
}

static const char *unfit(const hn_lower *c, const hn_image *g)
{
    if (c->node->in[1]->data == NULL) return "the weights are not constant";
    if (g->kh != 3 || g->kw != 3) return "the window is not 3 x 3";
    if (g->sh != 1 || g->sw != 1 || g->dh != 1 || g->dw != 1) return "strides or dilations";
    if (hn_attr_int(c->node, "group", 1) != 1) return "groups";
    if (g->in_first || g->out_first) return "channels come first";
    if (g->c < LEAST_CHANNELS || g->m < LEAST_CHANNELS) return "fewer than 8 channels";
    if (g->n == 0 || g->oh == 0 || g->ow == 0) return "no output";
    return NULL;
}

static void cut(const hn_kernel *k, params *p)
{
    const hn_image *g = &p->g;
    size_t a = k->variant + 2u, mr = k->mr, tiles = (size_t)g->n * p->down * p->across;
    size_t fits = BLOCK_FLOATS / (a * a * (size_t)g->c) / mr * mr,
           wanted = hn_div_up(a > 6 ? BLOCK_TILES / 2 : BLOCK_TILES, mr) * mr;
    size_t block = hn_max_size(hn_min_size(wanted, fits), mr);
    size_t blocks = hn_div_up(tiles, block), even = 1;
    while (even < blocks) even *= 2;
    if (blocks < FEW_BLOCKS) blocks = even;
    p->blocks = (uint32_t)blocks;
    p->far =
        (size_t)g->n * ((size_t)g->h * (size_t)g->w * (size_t)g->c + (size_t)g->oh * (size_t)g->ow * (size_t)g->m) >
        CACHED_BYTES / sizeof(float);
    p->slots = (uint32_t)hn_min_size(blocks, HN_SLOTS);
    p->slot_bytes = hn_align_up(hn_wino_f32_floats(k, (size_t)g->c, hn_div_up(tiles, blocks)) * sizeof(float), 64);
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    if (!hn_inputs_are(node, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    if (c->env->strict) return hn_lower_refuse(c, "strict numerics: its rounding is not the direct sum's");
    const char *why;
    hn_image g;
    hn_epilogue_f32 ep = {0};
    HN_TRY(hn_image_read(c, node->in[1]->type.dims + 2, &g, &why));
    if (why == NULL) why = unfit(c, &g);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (!hn_epilogue_read(node, &ep)) return hn_lower_refuse(c, "activation is unknown");
    const hn_kernel *k = hn_lower_kernel(c, "wino_f32", 4, 0);
    if (k == NULL) return hn_lower_refuse(c, "no wino_f32 kernel");
    c->nkernels = 0;
    k = choose(&g, k, c->isa, &c->error);
    if (k == NULL) return hn_lower_refuse(c, "the direct sum takes less time for this shape");
    HN_TRY(hn_lower_kernel_add(c, k));
    size_t tile = k->variant, a = tile + 2;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->g = g;
    p->ep = ep;
    p->down = (uint32_t)hn_div_up((size_t)g.oh, tile);
    p->across = (uint32_t)hn_div_up((size_t)g.ow, tile);
    size_t weights, bytes;
    if (!hn_size_mul(hn_div_up((size_t)g.m, k->flags) * k->flags, a * a * (size_t)g.c, &weights) ||
        !hn_size_mul(weights, sizeof(float), &bytes))
        return hn_lower_refuse(c, "the weights are too large");
    cut(k, p);
    float *u;
    if (hn_lower_input(c, 0) < 0 || hn_lower_const(c, bytes, (void **)&u) < 0) return HN_NOMEM;
    pack(k, &g, node->in[1]->data->data, u);
    size_t y_at = 0, y_stride = (size_t)g.m;
    bool joined = hn_attr_int(node, "layout", 0) == 1 && (node->nin < 4 || node->in[3] == NULL) &&
                  hn_lower_joins(c, &y_at, &y_stride);
    p->y_at = y_at;
    p->y_stride = y_stride;
    if (hn_lower_input(c, 2) < 0 || hn_lower_input(c, 3) < 0) return HN_NOMEM;
    if ((joined ? hn_lower_output_joined(c) : hn_lower_output(c, 0)) < 0) return HN_NOMEM;
    if (!ep.act_first) c->inplace = OPERAND_R; /* each number is added in the register that is then stored */
    c->scratch_bytes = p->slots * p->slot_bytes;
    return HN_OK;
}

typedef struct job {
    const params *p;
    hn_wino_f32_fn *fn;
    hn_wino_f32 g;
    char *scratch;
    size_t tiles;
} job;

static void block(void *ctx, size_t slot, size_t i)
{
    const job *j = ctx;
    hn_wino_f32 g = j->g;
    const size_t blocks = j->p->blocks;
    g.scratch = (float *)(j->scratch + slot * j->p->slot_bytes);
    g.first = j->tiles * i / blocks;
    g.count = j->tiles * (i + 1) / blocks - g.first;
    g.ahead = j->p->far && i + 1 < blocks ? j->tiles * (i + 2) / blocks - g.first - g.count : 0;
    if (g.count > 0) j->fn(&g);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_image *g = &p->g;
    job j = {.p = p, .fn = (hn_wino_f32_fn *)r->kernels[0]->fn, .scratch = r->scratch};
    j.g = (hn_wino_f32){.h = (size_t)g->h,
                        .w = (size_t)g->w,
                        .c = (size_t)g->c,
                        .oh = (size_t)g->oh,
                        .ow = (size_t)g->ow,
                        .m = (size_t)g->m,
                        .down = p->down,
                        .across = p->across,
                        .pt = g->pt,
                        .pl = g->pl,
                        .x = r->ptr[OPERAND_X],
                        .y = (float *)r->ptr[OPERAND_Y] + p->y_at,
                        .y_stride = p->y_stride,
                        .u = r->ptr[OPERAND_U],
                        .ep = p->ep};
    j.g.ep.bias = r->ptr[OPERAND_B];
    j.g.ep.residual = r->ptr[OPERAND_R];
    j.tiles = (size_t)g->n * p->down * p->across;
    hn_slots_run(r->pool, p->slots, p->blocks, block, &j);
    return HN_OK;
}

static const char *const OPS[] = {"hone.Conv", NULL};
const hn_driver hn_cpu_wino_f32 = {
    .name = "wino_f32",
    .doc = "float32 3 x 3 convolution of stride 1 with fewer multiplications (Winograd), transforms, products and "
           "epilogue a block of tiles at a time",
    .ops = OPS,
    .rank = 20,
    .lower = lower,
    .run = run,
};
