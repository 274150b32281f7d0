/* qwino: hone.QConv with 3 x 3 windows of stride 1, channels last, by Winograd's minimal filtering F(t x t, 3 x 3) in
 * whole numbers: with t 2 four ninths of the multiplications, with t 4 a quarter of them, and the direct sum's bytes.
 * Words are multiplied: where there are instructions for bytes t 2 does not pay, and t 4 less. Weights are transformed
 * here, at plan time. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8win.h"
#include "device/cpu/lib_slots.h"
#include "kernels/wino_q8.h"

enum { OPERAND_X, OPERAND_U, OPERAND_R, OPERAND_Y };
enum {
    BLOCK_TILES = 24,        /* tiles a task, rounded up to the kernel's group */
    BLOCK_BYTES = 400 << 10, /* scratch of a task, unless that is less than a group */
    FEW_BLOCKS = 8,          /* wanted at least, for the threads, */
    LEAST_GROUPS = 3,        /* unless a task gets fewer groups of tiles than these */
    LEAST_PANELS = 4,        /* or fewer panels of columns */
    FAR_BYTES = 512 << 10,   /* of weights: more than a cache near by keeps */
    LEAST_CHANNELS = 8
};

typedef struct params {
    hn_q8_window win;
    hn_q8_out out;
    uint64_t down, across;
    uint64_t blocks, parts, slots, slot_bytes; /* parts: of the columns, for each block of tiles */
    uint64_t bias, scale;                      /* bytes in the constant */
    uint64_t y_at, y_stride;                   /* of a pixel, where the result lies in another's rows */
    uint32_t flip, pad;
} params;

/* Half cycles on a Zen 4 core, cycles on a Zen 3 core. What is not products was fitted to measurements of them. */
typedef struct costs {
    double direct, pixel; /* 16 products of a direct sum; a pixel of it */
    double products;      /* 16 products here */
    double in[2], out[2]; /* of a tile of 2 (words alone) or 4, for 16 channels in, and out */
    double arrive;        /* bytes a step of weights that are far, for every block again */
    double worth;         /* gain that is wanted */
} costs;

static const costs WORDS = {
    .direct = 1.25, .products = 1.35, .in = {56, 210}, .out = {20, 40}, .arrive = 2.7, .worth = 0.8};
/* Instructions for bytes make the direct sum twice as fast as products of words. */
static const costs BYTES = {
    .direct = 0.51, .pixel = 10, .products = 1.06, .in = {0, 180}, .out = {0, 240}, .arrive = 10, .worth = 0.85};

static double arrival(const costs *t, double bytes)
{
    return bytes > FAR_BYTES ? bytes / t->arrive : 0;
}

static double direct_steps(const costs *t, const hn_q8_window *win)
{
    const double weights = 9 * (double)win->c * (double)hn_align_up(win->m, 8);
    return (t->direct * weights / 16 + t->pixel) * (double)(win->batch * win->oh * win->ow) + arrival(t, weights);
}

static double steps(const costs *t, const hn_q8_window *win, const hn_kernel *k)
{
    const size_t side = k->variant, all = win->batch * hn_div_up(win->oh, side) * hn_div_up(win->ow, side);
    const double tiles = (double)(hn_div_up(all, k->mr) * k->mr);
    const double in = (double)hn_wino_q8_blocks(win->c), out = (double)hn_wino_q8_blocks(win->m);
    const double products = (double)hn_wino_q8_words(side, win->c, win->m);
    return t->products * tiles * products / 16 + tiles * (t->in[side > 2] * in + t->out[side > 2] * out) +
           ceil(tiles / BLOCK_TILES) * arrival(t, 2 * products);
}

static const char *unfit(const hn_lower *c, const hn_q8_window *win)
{
    if (hn_attr_int(c->node, "group", 1) != 1) return "groups";
    if (win->kh != 3 || win->kw != 3) return "the window is not 3 x 3";
    if (win->sh != 1 || win->sw != 1 || win->dh != 1 || win->dw != 1) return "strides or dilations";
    if (win->c < LEAST_CHANNELS || win->m < LEAST_CHANNELS) return "fewer than 8 channels";
    return NULL;
}

/* What U, biases and scales are made of. */
typedef struct packer {
    const params *p;
    const hn_tensor *w, *bias, *scale;
    int64_t w_zp, x_zp; /* x_zp: in the u8 domain */
    int64_t most, far;  /* of all sums with their bias, and of all weights, the largest absolute value */
    hn_q8_bounds bounds;
    uint8_t *blob;
} packer;

static int64_t bias_of(const packer *k, size_t o)
{
    return k->bias == NULL ? 0 : ((const int32_t *)k->bias->data)[o];
}

static float scale_of(const packer *k, size_t o)
{
    return ((const float *)k->scale->data)[hn_tensor_elems(k->scale) == 1 ? 0 : o];
}

static int64_t size_of(int64_t v)
{
    return v < 0 ? -v : v;
}

/* Sets most, far and bounds. |x - zero point| <= 255 bounds a sum whatever the inputs are. */
static void measure(packer *k)
{
    const size_t depth = 9 * k->p->win.c;
    for (size_t o = 0; o < k->p->win.m; o++) {
        int64_t up = 0, down = 0;
        for (size_t i = 0; i < depth; i++) {
            const int64_t w = hn_q8_weight(k->w, k->w_zp, o * depth + i);
            *(w > 0 ? &up : &down) += w;
            k->far = size_of(w) > k->far ? size_of(w) : k->far;
        }
        const int64_t sum = 255 * (up - down) + size_of(bias_of(k, o));
        k->most = sum > k->most ? sum : k->most;
        hn_q8_bounds_add(&k->bounds, bias_of(k, o) - k->x_zp * (up + down), down, up, scale_of(k, o));
    }
}

/* Whether kernels with tiles of t give the direct sum's bytes. */
static bool exact(const packer *k, size_t t)
{
    const int32_t times = hn_wino_q8_times(t);
    for (size_t o = 0; o < hn_tensor_elems(k->scale); o++)
        if (!isfinite(scale_of(k, o)) || scale_of(k, o) / (float)times * (float)times != scale_of(k, o)) return false;
    return k->most < (INT64_C(1) << 31) / times && (t == 2 || k->far <= HN_WINO_Q8_WEIGHT) &&
           (k->p->out.bounded || k->p->out.kind == HN_Q8_F32);
}

/* The kernel of the highest rank that is exact here, of several the one that takes the fewest steps; NULL: none is. */
static const hn_kernel *choose(const hn_lower *c, const packer *k, const costs *t)
{
    const hn_kernel *best = NULL, *prefer = c->prefer;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *row = hn_kernel_rows[i];
        if (strcmp(row->family, "wino_q8") != 0 || (row->isa & ~c->isa) != 0 || !exact(k, row->variant)) continue;
        if ((c->isa & HN_ISA_VNNI) > (row->isa & HN_ISA_VNNI)) continue; /* no costs of theirs in t */
        if (row == prefer) return row;
        if (best == NULL || row->rank > best->rank ||
            (row->rank == best->rank && steps(t, &k->p->win, row) < steps(t, &k->p->win, best)))
            best = row;
    }
    return best;
}

/* (f G) w (f G)' of one pair of channels, to u. */
static void transform(const int32_t w[9], size_t t, int32_t u[6][6])
{
    int32_t half[6][3];
    for (size_t y = 0; y < t + 2; y++) {
        const int8_t *g = hn_wino_q8_g(t, y, 0);
        for (size_t x = 0; x < 3; x++) half[y][x] = g[0] * w[x] + g[1] * w[3 + x] + g[2] * w[6 + x];
    }
    for (size_t x = 0; x < t + 2; x++) {
        const int8_t *g = hn_wino_q8_g(t, x, 1);
        for (size_t y = 0; y < t + 2; y++) u[y][x] = g[0] * half[y][0] + g[1] * half[y][1] + g[2] * half[y][2];
    }
}

static void pack_channel(const packer *k, size_t t, size_t o)
{
    const size_t c = k->p->win.c;
    int16_t *to = (int16_t *)(void *)k->blob;
    int64_t sum = 0;
    for (size_t i = 0; i < c; i++) {
        int32_t w[9], u[6][6];
        for (size_t e = 0; e < 9; e++) {
            w[e] = (int32_t)hn_q8_weight(k->w, k->w_zp, (o * c + i) * 9 + e);
            sum += w[e];
        }
        transform(w, t, u);
        for (size_t y = 0; y < t + 2; y++)
            for (size_t x = 0; x < t + 2; x++) to[hn_wino_q8_at(t, c, i, o, y, x)] = (int16_t)u[y][x];
    }
    const float scale = scale_of(k, o) / (float)hn_wino_q8_times(t);
    const int32_t bias = (int32_t)(uint32_t)(uint64_t)(hn_wino_q8_bias(t) * (bias_of(k, o) - k->x_zp * sum));
    memcpy(k->blob + k->p->bias + 4 * o, &bias, 4);
    memcpy(k->blob + k->p->scale + 4 * o, &scale, 4);
}

/* Blocks of tiles, and of columns where there are many: those read their weights once. Few blocks are cut further for
 * the threads. */
static void cut(const hn_kernel *k, params *p)
{
    const size_t groups = hn_div_up(p->win.batch * p->down * p->across, k->mr),
                 panels = hn_div_up(p->win.m, HN_WINO_Q8_COLUMNS),
                 fits = BLOCK_BYTES / hn_wino_q8_bytes(k, p->win.c, k->mr);
    size_t blocks = hn_div_up(groups, hn_max_size(1, hn_min_size(hn_div_up(BLOCK_TILES, k->mr), fits))), parts = 1;
    while (blocks * parts < FEW_BLOCKS && 2 * parts * LEAST_PANELS <= panels) parts *= 2;
    while (blocks * parts < FEW_BLOCKS && 2 * blocks * LEAST_GROUPS <= groups) blocks *= 2;
    p->blocks = blocks;
    p->parts = parts;
    p->slots = hn_min_size(blocks * parts, HN_SLOTS);
    p->slot_bytes = hn_align_up(hn_wino_q8_bytes(k, p->win.c, hn_div_up(groups, blocks) * k->mr), 64);
}

/* Reads what the node says of its operands; false with the refusal recorded. */
static bool read_node(hn_lower *c, params *p, packer *k)
{
    const hn_node *node = c->node;
    const hn_type *x = &node->in[0]->type;
    const char *why = NULL;
    *k = (packer){.p = p, .w = hn_node_const(node, 1), .scale = hn_node_const(node, 2), .bias = hn_node_const(node, 3)};
    k->w_zp = hn_attr_int(node, "w_zp", 0);
    const int64_t x_zp = hn_attr_int(node, "x_zp", 0) + hn_q8_bias(x->dtype);
    k->x_zp = x_zp;
    if (hn_attr_int(node, "layout", 0) != 1 || hn_attr_int(node, "in_layout", 1) != 1)
        why = "channels come first";
    else if (k->w == NULL || k->w->rank != 4 || x->rank != 4)
        why = "weights are not constant, or not of an image";
    else if (!hn_q8_is_byte(x->dtype) || !hn_q8_is_byte(k->w->dtype))
        why = "inputs are not 8-bit";
    else if (k->scale == NULL || (hn_node_in(node, 3) != NULL && k->bias == NULL))
        why = "scales or bias are not constant";
    else if (x_zp < 0 || x_zp > 255 || k->w_zp < (k->w->dtype == HN_I8 ? -128 : 0) ||
             k->w_zp > (k->w->dtype == HN_I8 ? 127 : 255))
        why = "a zero point is not a value of its type";
    if (why != NULL) (void)hn_lower_refuse(c, "%s", why);
    return why == NULL;
}

static const char *misfit(const packer *k)
{
    const hn_q8_window *win = &k->p->win;
    const size_t scales = hn_tensor_elems(k->scale);
    if (k->w->dims[0] != (int64_t)win->m || k->w->dims[1] != (int64_t)win->c) return "weights do not fit the channels";
    if ((scales != 1 && scales != win->m) || (k->bias != NULL && hn_tensor_elems(k->bias) != win->m))
        return "scales or bias do not have one entry per channel";
    return NULL;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    params *p = hn_lower_params(c, sizeof *p);
    packer k;
    if (p == NULL) return HN_NOMEM;
    if (!read_node(c, p, &k) || !hn_q8_window_read(c, k.w->dims + 2, true, true, &p->win)) return HN_OK;
    const char *why = unfit(c, &p->win);
    if (why == NULL) why = misfit(&k);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (hn_q8_residual_by_channel(node)) return hn_lower_refuse(c, "the residual is one for each channel");
    if (!hn_q8_out_read(c, hn_node_in(node, 4), &p->out)) return HN_OK;
    measure(&k);
    /* Never RAISED: the sums here are larger than those that were measured. */
    p->out.bounded = hn_q8_bounds_level(&k.bounds, &p->out) > 0 ? HN_Q8_BOUNDED : 0;
    const costs *costs = c->isa & HN_ISA_VNNI ? &BYTES : &WORDS;
    const hn_kernel *kernel = choose(c, &k, costs);
    if (kernel == NULL) return hn_lower_refuse(c, "a sum or a scale may leave the range that is exact");
    HN_TRY(hn_lower_kernel_add(c, kernel));
    const size_t t = kernel->variant;
    if (steps(costs, &p->win, kernel) > costs->worth * direct_steps(costs, &p->win))
        return hn_lower_refuse(c, "the direct sum takes less time for this shape");
    const hn_dtype x = node->in[0]->type.dtype;
    p->flip = hn_q8_flip(x);
    p->pad = (uint32_t)k.x_zp ^ p->flip;
    p->down = hn_div_up(p->win.oh, t);
    p->across = hn_div_up(p->win.ow, t);
    cut(kernel, p);
    const size_t columns = hn_align_up(p->win.m, HN_WINO_Q8_COLUMNS);
    p->bias = 2 * hn_wino_q8_words(t, p->win.c, p->win.m);
    p->scale = p->bias + 4 * columns;
    void *blob;
    if (hn_lower_input(c, 0) < 0 || hn_lower_const(c, p->scale + 4 * columns, &blob) < 0) return HN_NOMEM;
    k.blob = blob;
    for (size_t o = 0; o < p->win.m; o++) pack_channel(&k, t, o);
    const bool residual = p->out.kind == HN_Q8_RESIDUAL;
    size_t y_at = 0, y_stride = p->win.m;
    const bool joined = !residual && hn_lower_joins(c, &y_at, &y_stride);
    p->y_at = y_at;
    p->y_stride = y_stride;
    if (hn_lower_input(c, 4) < 0 || (joined ? hn_lower_output_joined(c) : hn_lower_output(c, 0)) < 0) return HN_NOMEM;
    c->inplace = residual ? OPERAND_R : -1;
    c->scratch_bytes = p->slots * p->slot_bytes;
    return HN_OK;
}

typedef struct job {
    const params *p;
    hn_wino_q8_fn *fn;
    hn_wino_q8 g;
    char *scratch;
    size_t tile, group, groups, tiles; /* tile: outputs along a side; group: tiles of one */
    size_t size;                       /* of an output */
} job;

static void block(void *ctx, size_t slot, size_t i)
{
    const job *j = ctx;
    hn_wino_q8 g = j->g;
    const size_t blocks = j->p->blocks, parts = j->p->parts, part = i % parts, tiles = i / parts,
                 end = j->groups * (tiles + 1) / blocks * j->group;
    g.scratch = j->scratch + slot * j->p->slot_bytes;
    g.first = j->groups * tiles / blocks * j->group;
    g.count = hn_min_size(end, j->tiles) - g.first;
    const size_t panels = hn_div_up(g.m, HN_WINO_Q8_COLUMNS), n0 = panels * part / parts * HN_WINO_Q8_COLUMNS;
    g.m = hn_min_size(panels * (part + 1) / parts * HN_WINO_Q8_COLUMNS, g.m) - n0;
    g.u += hn_wino_q8_words(j->tile, g.c, n0);
    g.bias += n0;
    g.scale += n0;
    g.y = (char *)g.y + n0 * j->size;
    if (g.r != NULL) g.r += n0;
    j->fn(&g);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_q8_window *win = &p->win;
    const uint8_t *blob = r->ptr[OPERAND_U];
    job j = {.p = p, .fn = (hn_wino_q8_fn *)r->kernels[0]->fn, .scratch = r->scratch};
    j.size = p->out.kind == HN_Q8_F32 ? sizeof(float) : 1;
    j.g = (hn_wino_q8){.h = win->h,
                       .w = win->w,
                       .c = win->c,
                       .oh = win->oh,
                       .ow = win->ow,
                       .m = win->m,
                       .down = p->down,
                       .across = p->across,
                       .pt = (ptrdiff_t)win->ph,
                       .pl = (ptrdiff_t)win->pw,
                       .x = r->ptr[OPERAND_X],
                       .flip = (uint8_t)p->flip,
                       .pad = (uint8_t)p->pad,
                       .y = (char *)r->ptr[OPERAND_Y] + p->y_at * j.size,
                       .y_stride = p->y_stride,
                       .r = r->ptr[OPERAND_R],
                       .u = r->ptr[OPERAND_U],
                       .bias = (const int32_t *)(const void *)(blob + p->bias),
                       .scale = (const float *)(const void *)(blob + p->scale),
                       .out = &p->out};
    j.tile = r->kernels[0]->variant;
    j.group = r->kernels[0]->mr;
    j.tiles = win->batch * p->down * p->across;
    j.groups = hn_div_up(j.tiles, j.group);
    hn_slots_run(r->pool, p->slots, p->blocks * p->parts, block, &j);
    return HN_OK;
}

static const char *const ops[] = {"hone.QConv", NULL};

const hn_driver hn_cpu_qwino = {.name = "qwino",
                                .doc = "8-bit 3 x 3 convolution of stride 1 with fewer multiplications (Winograd in "
                                       "whole numbers), exact",
                                .ops = ops,
                                .rank = 12,
                                .lower = lower,
                                .run = run};
