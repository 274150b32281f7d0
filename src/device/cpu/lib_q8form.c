/* Weights of 8-bit products as words or in runs: see kernels/gemm_q8.h. A group of 4 k that is too large for 16-bit
 * sums is there in parts. Runs are the faster form unless most groups need more than one part, which they do not where
 * most weights are small against the largest of their channel. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8.h"

enum {
    COLUMNS = 16,
    ROW = 4 * COLUMNS, /* weights of a group */
    FEW_ROWS = 4,
    MOST_PARTS = 8,
    PRODUCTS = 128,
    SMALL = PRODUCTS / 2,
    GROUPS = HN_GEMM_Q8_PIECE / 4,
    AT_ONCE = 512, /* parts that runs are made of at a time */
    AHEAD = 64     /* parts that are looked at for a run */
};

/* Which of the parts of v is number i of n; together they are v. */
static int part(int v, int i, int n)
{
    return v * (i + 1) / n - v * i / n;
}

/* Whether u8 times these two fits 16 bits whatever the u8 are. */
static bool fits(int a, int b)
{
    int up = (a > 0 ? a : 0) + (b > 0 ? b : 0), down = (a < 0 ? a : 0) + (b < 0 ? b : 0);
    return up <= PRODUCTS && down >= -PRODUCTS;
}

/* How many parts these two weights, -255 to 255, need. With MOST_PARTS none of them is beyond 32. */
static int parts_of(int a, int b)
{
    if (a >= -SMALL && a <= SMALL && b >= -SMALL && b <= SMALL) return 1; /* most */
    for (int n = 1; n < MOST_PARTS; n++) {
        bool all = true;
        for (int i = 0; i < n && all; i++) {
            int x = part(a, i, n), y = part(b, i, n);
            all = x <= 127 && y <= 127 && fits(x, y);
        }
        if (all) return n;
    }
    return MOST_PARTS;
}

typedef struct panel {
    const uint8_t *w; /* of the first channel */
    size_t columns, depth;
    int flip, zp; /* a weight is (byte ^ flip) - zp */
} panel;

static panel panel_of(const hn_q8_weights *w, size_t group, size_t p)
{
    const size_t start = COLUMNS * p, depth = w->taps * w->k;
    const int flip = w->w_signed ? 0x80 : 0;
    return (panel){w->w + (group * w->n + start) * depth, hn_min_size(COLUMNS, w->n - start), depth, flip,
                   (int)w->w_zp + flip};
}

/* Weights k to k + 3 of all columns; what is not there is 0. */
static void row_at(const panel *p, size_t k, int16_t *v)
{
    const size_t n = hn_min_size(4, p->depth - k);
    uint8_t bytes[ROW];
    memset(bytes, 0, sizeof bytes);
    if (n == 4)
        for (size_t j = 0; j < p->columns; j++) memcpy(bytes + 4 * j, p->w + j * p->depth + k, 4);
    else
        for (size_t j = 0; j < p->columns; j++) memcpy(bytes + 4 * j, p->w + j * p->depth + k, n);
    for (size_t i = 0; i < sizeof bytes; i++) v[i] = (int16_t)((bytes[i] ^ p->flip) - p->zp);
    for (size_t i = 4 * p->columns; i < sizeof bytes; i++) v[i] = 0;
    for (size_t j = 0; n < 4 && j < p->columns; j++)
        for (size_t i = n; i < 4; i++) v[4 * j + i] = 0;
}

/* How many parts these weights of all columns need. */
static int parts_at(const int16_t *v)
{
    int far = 0, most = 1;
    for (size_t i = 0; i < (size_t)ROW; i++) far |= v[i] < -SMALL || v[i] > SMALL;
    for (size_t i = 0; far && i < (size_t)ROW; i += 2) {
        int n = parts_of(v[i], v[i + 1]);
        most = most > n ? most : n;
    }
    return most;
}

static size_t parts_in(const panel *p, size_t from)
{
    size_t count = 0, end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE);
    int16_t v[ROW];
    for (size_t k = from; k < end; k += 4) {
        row_at(p, k, v);
        count += (size_t)parts_at(v);
    }
    return count;
}

/* Whether weights less their zero point are within -255 and 255. */
static bool weights_fit(const hn_q8_weights *w)
{
    return w->w_signed ? w->w_zp >= -128 && w->w_zp <= 127 : w->w_zp >= 0 && w->w_zp <= 255;
}

void hn_q8_form_choose(const hn_q8_weights *w, bool runs, bool words, hn_q8_mat *mat)
{
    size_t depth = w->taps * w->k, panels = hn_div_up(w->n, COLUMNS), all = 0, most = 0;
    mat->form = HN_Q8_QUADS;
    if (!(runs || words) || !weights_fit(w)) return;
    for (size_t q = 0; runs && q < w->groups * panels; q++) {
        panel p = panel_of(w, q / panels, q % panels);
        size_t bytes = 0;
        for (size_t k = 0; k < depth; k += HN_GEMM_Q8_PIECE) {
            size_t count = parts_in(&p, k);
            all += count;
            bytes += hn_gemm_q8_piece_bytes(count, COLUMNS);
        }
        most = hn_max_size(most, bytes);
    }
    /* So many more parts take as long as words. With few rows the bytes of weights are what counts. */
    const size_t groups = w->groups * panels * hn_div_up(depth, 4);
    if (runs && (!words || (w->rows > FEW_ROWS ? 2 * all <= 3 * groups : 4 * all <= 5 * groups))) {
        mat->form = HN_Q8_RUNS;
        mat->step = most;
    } else if (words && w->rows > FEW_ROWS) {
        mat->form = HN_Q8_WORDS;
        mat->step = hn_align_up(depth, 4) * 2 * COLUMNS;
    }
}

static void pack_words(const panel *p, int16_t *b)
{
    int16_t v[ROW];
    for (size_t k = 0; k < p->depth; k += 4, b += 4 * COLUMNS) {
        row_at(p, k, v);
        for (size_t j = 0; j < COLUMNS; j++)
            for (size_t i = 0; i < 4; i++) b[i / 2 * 2 * COLUMNS + 2 * j + i % 2] = v[4 * j + i];
    }
}

/* Number i of the n parts of the weights v of all columns. */
static void pack_part(const int16_t *v, int i, int n, int8_t *b)
{
    for (size_t e = 0; n == 1 && e < ROW; e++) b[e] = (int8_t)v[e];
    for (size_t e = 0; n > 1 && e < ROW; e += 2) {
        int own = parts_of(v[e], v[e + 1]);
        b[e] = (int8_t)(i < own ? part(v[e], i, own) : 0);
        b[e + 1] = (int8_t)(i < own ? part(v[e + 1], i, own) : 0);
    }
}

/* The runs of a piece by their length, from the longest: parts of group g, number i of n, as (g * 8 + i) * 8 + n - 1.
 */
typedef struct piece {
    uint32_t counts[HN_GEMM_Q8_RUN];
    uint16_t parts[HN_GEMM_Q8_RUN][GROUPS * MOST_PARTS];
} piece;

/* Parts that are to come into runs. A load is what the positive weights of each pair come to, and the negative ones, in
 * bytes of words. Runs of several parts go up to 127, so that one bit of a byte says what is too much; 128, which only
 * one part alone can have, is therefore the same as 127. */
enum { LOAD = 8, KEYS = 1024 };
typedef struct batch {
    size_t count;
    uint64_t load[AT_ONCE][LOAD];
    uint16_t part[AT_ONCE], key[AT_ONCE], next[AT_ONCE];
} batch;

static void add_part(batch *t, const int8_t *b, size_t name)
{
    uint8_t load[8 * LOAD];
    unsigned sum = 0;
    for (size_t e = 0; e < ROW / 2; e++) {
        int x = b[2 * e], y = b[2 * e + 1];
        int up = (x > 0 ? x : 0) + (y > 0 ? y : 0), down = (x < 0 ? -x : 0) + (y < 0 ? -y : 0);
        load[e] = (uint8_t)(up < 127 ? up : 127);
        load[ROW / 2 + e] = (uint8_t)(down < 127 ? down : 127);
        sum += (unsigned)(load[e] + load[ROW / 2 + e]);
    }
    memcpy(t->load[t->count], load, sizeof load);
    t->part[t->count] = (uint16_t)name;
    t->key[t->count++] = (uint16_t)(KEYS - 1 - sum / 8);
}

/* Chains the parts from the largest load on; returns the first. */
static uint16_t chain_parts(batch *t)
{
    uint16_t first[KEYS + 1], last = AT_ONCE;
    for (size_t i = 0; i <= KEYS; i++) first[i] = AT_ONCE;
    for (size_t i = t->count; i-- > 0;) {
        t->next[i] = first[t->key[i]];
        first[t->key[i]] = (uint16_t)i;
    }
    for (size_t k = KEYS; k-- > 0;) {
        if (first[k] == AT_ONCE) continue;
        uint16_t i = first[k];
        while (t->next[i] != AT_ONCE) i = t->next[i];
        t->next[i] = last;
        last = first[k];
    }
    return last;
}

/* Adds a load to a sum if no byte of it comes to 128. */
static bool take(uint64_t *sum, const uint64_t *load)
{
    uint64_t over = 0;
    for (size_t i = 0; i < LOAD; i++) over |= sum[i] + load[i];
    if (over & UINT64_C(0x8080808080808080)) return false;
    for (size_t i = 0; i < LOAD; i++) sum[i] += load[i];
    return true;
}

/* Each run starts with the largest part that is left and takes the next ones that fit. */
static void make_runs(batch *t, piece *to)
{
    for (size_t i = chain_parts(t); i < AT_ONCE; i = t->next[i]) {
        uint64_t sum[LOAD];
        size_t members[HN_GEMM_Q8_RUN] = {i}, length = 1, before = i;
        memcpy(sum, t->load[i], sizeof sum);
        for (size_t k = t->next[i], seen = 0; k < AT_ONCE && seen < AHEAD && length < HN_GEMM_Q8_RUN; seen++) {
            if (take(sum, t->load[k])) {
                members[length++] = k;
                t->next[before] = t->next[k];
            } else {
                before = k;
            }
            k = t->next[k];
        }
        size_t kind = HN_GEMM_Q8_RUN - length;
        uint16_t *parts = to->parts[kind] + length * to->counts[kind]++;
        for (size_t k = 0; k < length; k++) parts[k] = t->part[members[k]];
    }
    t->count = 0;
}

/* Places in the piece that starts at `from`. */
static size_t plan_piece(const panel *p, size_t from, piece *to)
{
    const size_t end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE);
    batch t;
    t.count = 0;
    memset(to->counts, 0, sizeof to->counts);
    for (size_t k = from; k < end; k += 4) {
        int16_t v[ROW];
        row_at(p, k, v);
        int n = parts_at(v);
        if (t.count + (size_t)n > AT_ONCE) make_runs(&t, to);
        for (int i = 0; i < n; i++) {
            int8_t b[ROW];
            pack_part(v, i, n, b);
            add_part(&t, b, ((k - from) / 4 * MOST_PARTS + (size_t)i) * MOST_PARTS + (size_t)n - 1);
        }
    }
    make_runs(&t, to);
    return hn_gemm_q8_places(to->counts);
}

/* Returns the bytes written. */
static size_t pack_piece(const panel *p, size_t from, uint8_t *b)
{
    piece plan;
    const size_t places = plan_piece(p, from, &plan);
    uint32_t *head = (uint32_t *)(void *)b;
    int8_t *weights = (int8_t *)b + hn_gemm_q8_head_bytes(places);
    memcpy(head, plan.counts, sizeof plan.counts);
    head += HN_GEMM_Q8_RUN;
    for (size_t kind = 0; kind < HN_GEMM_Q8_RUN; kind++)
        for (size_t i = 0; i < plan.counts[kind] * (HN_GEMM_Q8_RUN - kind); i++, weights += ROW) {
            const size_t part = plan.parts[kind][i], at = part / MOST_PARTS / MOST_PARTS * 4;
            int16_t v[ROW];
            row_at(p, from + at, v);
            pack_part(v, (int)(part / MOST_PARTS % MOST_PARTS), (int)(part % MOST_PARTS) + 1, weights);
            *head++ = (uint32_t)at;
        }
    return hn_gemm_q8_piece_bytes(places, COLUMNS);
}

void hn_q8_panel_pack(const hn_q8_weights *w, const hn_q8_mat *mat, size_t group, size_t p, uint8_t *b)
{
    panel of = panel_of(w, group, p);
    if (mat->form == HN_Q8_WORDS) {
        pack_words(&of, (int16_t *)(void *)b);
        return;
    }
    for (size_t k = 0; k < of.depth; k += HN_GEMM_Q8_PIECE) b += pack_piece(&of, k, b);
}
