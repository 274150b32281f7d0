/* split: disjoint parts. Each sample has a key, a hash of its name and the seed. Within a class samples are ranked by
 * key; the rank divided by the class size places the sample on [0, 1), and sorting by that place mixes the classes
 * evenly, so that every prefix holds each class in proportion. The parts are consecutive runs of this order, hence
 * disjoint. */
#include "data/data.h"

#include "base/rng.h"
#include "base/size.h"

#include <stdlib.h>
#include <string.h>

typedef struct slot {
    uint64_t key;
    int64_t label;
    double place;
    size_t index;
} slot;

static uint64_t key_of(const hn_dataset *ds, size_t i, uint64_t seed)
{
    uint64_t h = hn_mix64(seed ^ UINT64_C(0x5e1ec7ed5a3b1e5d));
    if (!ds->name) return hn_mix64(h ^ (uint64_t)i);
    for (const char *p = ds->name[i]; *p; p++) h = hn_mix64(h ^ (uint8_t)*p);
    return h;
}

static int by_class(const void *a, const void *b)
{
    const slot *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_place(const void *a, const void *b)
{
    const slot *x = a, *y = b;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_value(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static hn_status counts_check(hn_env *env, const hn_dataset *ds, const size_t counts[HN_PARTS], size_t out[HN_PARTS])
{
    size_t left = ds->count;
    for (int p = 0; p < HN_PARTS; p++) {
        size_t want = p == HN_PARTS - 1 && counts[p] == SIZE_MAX ? left : counts[p];
        if (want > left) {
            hn_status st = hn_fail(
                env, HN_INPUT, "%s has %zu samples, too few for %zu calibration, %zu selection and %zu test samples",
                ds->path, ds->count, counts[0], counts[1], counts[2] == SIZE_MAX ? 0 : counts[2]);
            hn_hint(env, "ask for fewer samples in a part, or give a larger data set");
            return st;
        }
        out[p] = want;
        left -= want;
    }
    return HN_OK;
}

hn_status hn_dataset_split(hn_env *env, const hn_dataset *ds, const size_t counts[HN_PARTS], uint64_t seed,
                           hn_arena *arena, hn_split *out)
{
    hn_split s = {0};
    HN_TRY(counts_check(env, ds, counts, s.count));
    for (int p = 0; p < HN_PARTS; p++) {
        s.index[p] = hn_arena_array(env, arena, s.count[p], sizeof *s.index[p]);
        if (!s.index[p]) return env->error.status;
    }
    size_t bytes = 0;
    if (!hn_size_mul(ds->count, sizeof(slot), &bytes)) return hn_fail(env, HN_LIMIT, "too many samples to split");
    slot *order = hn_alloc(env, bytes);
    if (!order) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) order[i] = (slot){key_of(ds, i, seed), hn_dataset_label(ds, i), 0, i};
    qsort(order, ds->count, sizeof *order, by_class);
    for (size_t from = 0; from < ds->count;) {
        size_t to = from;
        while (to < ds->count && order[to].label == order[from].label) to++;
        for (size_t i = from; i < to; i++) order[i].place = ((double)(i - from) + 0.5) / (double)(to - from);
        from = to;
    }
    qsort(order, ds->count, sizeof *order, by_place);
    size_t at = 0;
    for (int p = 0; p < HN_PARTS; p++) {
        for (size_t i = 0; i < s.count[p]; i++) s.index[p][i] = order[at++].index;
        qsort(s.index[p], s.count[p], sizeof(size_t), by_value);
    }
    hn_free(env, order);
    *out = s;
    return HN_OK;
}
