/* Weights of 8-bit products as words or in runs: see kernels/gemm_q8.h. A group of 4 k that is too large for 16-bit
 * sums is there in parts. Runs are the faster form unless most groups need more than one part, which they do not where
 * most weights are small against the largest of their channel. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8.h"

enum {
    COLUMNS = 16,
    ROW = 4 * COLUMNS, /* weights of a group of 4 k */
    PAIRS = ROW / 2,
    FEW_ROWS = 4,
    MOST_PARTS = 8,
    PRODUCTS = 128,
    GROUPS = HN_GEMM_Q8_PIECE / 4,
    AT_ONCE = 512, /* parts that runs are made of at a time */
    AHEAD = 32     /* parts that are looked at for a run */
};

/* The weights of a group of 4 k, -255 to 255. Pair 2 * j + h: bytes 2 * h and 2 * h + 1 of column j. */
typedef struct quads {
    int16_t even[PAIRS], odd[PAIRS];
} quads;

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
static void quads_at(const panel *p, size_t k, quads *q)
{
    const size_t n = hn_min_size(4, p->depth - k);
    uint8_t bytes[ROW];
    memset(bytes, p->zp ^ p->flip, sizeof bytes);
    if (n == 4)
        for (size_t j = 0; j < p->columns; j++) memcpy(bytes + 4 * j, p->w + j * p->depth + k, 4);
    else
        for (size_t j = 0; j < p->columns; j++) memcpy(bytes + 4 * j, p->w + j * p->depth + k, n);
    const int flip = p->flip, zp = p->zp;
    for (size_t e = 0; e < PAIRS; e++) {
        q->even[e] = (int16_t)((bytes[2 * e] ^ flip) - zp);
        q->odd[e] = (int16_t)((bytes[2 * e + 1] ^ flip) - zp);
    }
}

/* Number i of the n parts of v; together they are v, and the last is the largest. */
static int part(int v, int i, int n)
{
    return v * (i + 1) / n - v * i / n;
}

/* Of all weights. */
static void parts_of(const quads *q, int i, int n, quads *to)
{
    if (n == 1) {
        *to = *q;
    } else if (n == 2) {
        for (size_t e = 0; e < PAIRS; e++) {
            int16_t a = (int16_t)(q->even[e] / 2), b = (int16_t)(q->odd[e] / 2);
            to->even[e] = (int16_t)(i == 0 ? a : q->even[e] - a);
            to->odd[e] = (int16_t)(i == 0 ? b : q->odd[e] - b);
        }
    } else {
        for (size_t e = 0; e < PAIRS; e++) {
            to->even[e] = (int16_t)part(q->even[e], i, n);
            to->odd[e] = (int16_t)part(q->odd[e], i, n);
        }
    }
}

static int16_t positive(int16_t v)
{
    return v > 0 ? v : 0;
}
static int16_t negative(int16_t v)
{
    return v < 0 ? (int16_t)-v : 0;
}

/* Whether these weights are bytes, and u8 times each pair of them fits 16 bits whatever the u8 are. */
static bool fits(const quads *q)
{
    int16_t over = 0;
    for (size_t e = 0; e < PAIRS; e++) {
        int16_t a = q->even[e], b = q->odd[e];
        over |= (int16_t)(positive(a) + positive(b)) > PRODUCTS || (int16_t)(negative(a) + negative(b)) > PRODUCTS;
        over |= a > 127 || b > 127;
    }
    return over == 0;
}

/* How many parts a group needs. With MOST_PARTS no weight is beyond 32. */
static int parts_at(const quads *q)
{
    for (int n = 1; n < MOST_PARTS; n++) {
        quads last;
        parts_of(q, n - 1, n, &last);
        if (fits(&last)) return n;
    }
    return MOST_PARTS;
}

static size_t parts_in(const panel *p, size_t from)
{
    size_t count = 0, end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE);
    for (size_t k = from; k < end; k += 4) {
        quads q;
        quads_at(p, k, &q);
        count += (size_t)parts_at(&q);
    }
    return count;
}

/* Whether weights less their zero point are within -255 and 255. */
static bool weights_fit(const hn_q8_weights *w)
{
    return w->w_signed ? w->w_zp >= -128 && w->w_zp <= 127 : w->w_zp >= 0 && w->w_zp <= 255;
}

static void pack_words(const panel *p, int16_t *b)
{
    for (size_t k = 0; k < p->depth; k += 4, b += ROW) {
        quads q;
        quads_at(p, k, &q);
        for (size_t e = 0; e < PAIRS; e++) {
            int16_t *to = b + e % 2 * 2 * COLUMNS + e / 2 * 2;
            to[0] = q.even[e];
            to[1] = q.odd[e];
        }
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

static void add_part(batch *t, const quads *q, size_t name)
{
    uint8_t load[8 * LOAD];
    unsigned sum = 0;
    for (size_t e = 0; e < PAIRS; e++) {
        int16_t up = (int16_t)(positive(q->even[e]) + positive(q->odd[e])),
                down = (int16_t)(negative(q->even[e]) + negative(q->odd[e]));
        load[e] = (uint8_t)(up < 127 ? up : 127);
        load[PAIRS + e] = (uint8_t)(down < 127 ? down : 127);
    }
    for (size_t e = 0; e < sizeof load; e++) sum += load[e];
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
        quads q, some;
        quads_at(p, k, &q);
        int n = parts_at(&q);
        if (t.count + (size_t)n > AT_ONCE) make_runs(&t, to);
        for (int i = 0; i < n; i++) {
            parts_of(&q, i, n, &some);
            add_part(&t, &some, ((k - from) / 4 * MOST_PARTS + (size_t)i) * MOST_PARTS + (size_t)n - 1);
        }
    }
    make_runs(&t, to);
    return hn_gemm_q8_places(to->counts);
}

/* Whether runs with so many parts in all take less time than words. The time is as 5 for a part and 2 for a run to 9
 * for a group of words; how long runs are is seen in one piece. */
static bool runs_pay(const hn_q8_weights *w, size_t parts, size_t groups)
{
    if (parts >= 9 * groups / 5) return false;
    piece first;
    panel p = panel_of(w, 0, 0);
    size_t places = plan_piece(&p, 0, &first), runs = 0;
    for (size_t i = 0; i < HN_GEMM_Q8_RUN; i++) runs += first.counts[i];
    return 5.0 * (double)parts + 2.0 * (double)parts * (double)runs / (double)places <= 9.0 * (double)groups;
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
    /* With few rows the bytes of weights are what counts. */
    const size_t groups = w->groups * panels * hn_div_up(depth, 4);
    if (runs && (!words || (w->rows > FEW_ROWS ? runs_pay(w, all, groups) : 4 * all <= 5 * groups))) {
        mat->form = HN_Q8_RUNS;
        mat->step = most;
    } else if (words && w->rows > FEW_ROWS) {
        mat->form = HN_Q8_WORDS;
        mat->step = hn_align_up(depth, 4) * 2 * COLUMNS;
    }
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
            quads q, some;
            quads_at(p, from + at, &q);
            parts_of(&q, (int)(part / MOST_PARTS % MOST_PARTS), (int)(part % MOST_PARTS) + 1, &some);
            for (size_t e = 0; e < PAIRS; e++) {
                weights[2 * e] = (int8_t)some.even[e];
                weights[2 * e + 1] = (int8_t)some.odd[e];
            }
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
