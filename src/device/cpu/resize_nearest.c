/* resize_nearest: nearest Resize of any whole-byte type: whole elements move, in one pass. Axes behind the last one
 * that changes are one run of bytes, the unit; the last one that changes makes rows of units, by a table of where each
 * comes from; so do the axes before it. A row that repeats the one before is copied from there. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_box.h"
#include "ops/lib_resize.h"

enum { OPERAND_X, OPERAND_Y, OPERAND_TABLES, TASK_BYTES = 1 << 16 };

static const uint32_t WHOLE = UINT32_MAX;   /* for a table: the axis keeps its size */
static const uint64_t OUTSIDE = UINT64_MAX; /* in a table: takes the extrapolation value */

typedef struct axis {
    uint64_t out, step; /* step: bytes from one input position to the next */
    uint32_t table;     /* number of its first entry, a position in bytes; or WHOLE */
} axis;

typedef struct params {
    axis axis[HN_MAX_RANK]; /* the last is along a row */
    uint32_t rank, element; /* element: bytes */
    uint64_t unit, rows;
    uint32_t twice; /* each unit of a row comes twice, in order */
    uint8_t extrapolated[16];
} params;

static const char *const OPS[] = {"Resize", NULL};

static const hn_tensor *constant(const hn_node *n, size_t i, bool *missing)
{
    if (i >= n->nin || n->in[i] == NULL) return NULL;
    *missing = *missing || n->in[i]->data == NULL;
    return n->in[i]->data;
}

/* Neighbours that keep their size are one axis, those at the end the unit. */
static void merge(params *p, const hn_node *n, const hn_resize_axis *axis, bool *resized)
{
    bool crop = hn_attr_is(n, "coordinate_transformation_mode", "tf_crop_and_resize");
    const hn_type *x = &n->in[0]->type;
    uint64_t step[HN_MAX_RANK], bytes = p->element;
    for (int d = x->rank - 1; d >= 0; d--) {
        step[d] = bytes;
        bytes *= (uint64_t)x->dims[d];
        resized[d] = axis[d].in != axis[d].out || axis[d].scale != 1.0 || crop;
    }
    int end = x->rank;
    while (end > 0 && !resized[end - 1]) end--;
    p->unit = end > 0 ? step[end - 1] : bytes;
    for (int d = 0; d < end; d++) {
        uint64_t out = (uint64_t)axis[d].out;
        bool joins = d > 0 && !resized[d] && !resized[d - 1];
        if (joins) out *= p->axis[--p->rank].out;
        p->axis[p->rank++] = (struct axis){out, step[d], resized[d] ? 0 : WHOLE};
    }
    if (p->rank == 0) p->axis[p->rank++] = (struct axis){1, bytes, WHOLE};
}

static hn_status add_tables(hn_lower *c, params *p, const hn_resize_axis *axis, const bool *resized)
{
    const struct axis *last = &p->axis[p->rank - 1];
    size_t entries = 1;
    for (uint32_t i = 0; i < p->rank; i++) entries += p->axis[i].table == WHOLE ? 0 : p->axis[i].out;
    if (entries > INT32_MAX) return hn_lower_refuse(c, "an axis beyond 2^31");
    uint64_t *table;
    if (hn_lower_const(c, entries * sizeof *table, (void **)&table) < 0) return HN_NOMEM;
    uint32_t used = 0;
    for (uint32_t i = 0, d = 0; i < p->rank; i++) {
        struct axis *a = &p->axis[i];
        if (a->table == WHOLE) continue;
        while (!resized[d]) d++;
        hn_resize_table t;
        HN_TRY(hn_resize_build(c->env, c->arena, c->node, &axis[d++], &t));
        a->table = used;
        for (size_t o = 0; o < a->out; o++) table[used++] = t.outside[o] ? OUTSIDE : (uint64_t)t.index[o] * a->step;
    }
    p->twice = last->table != WHOLE && last->out % 2 == 0;
    for (size_t o = 0; p->twice && o < last->out; o++) p->twice = table[last->table + o] == o / 2 * last->step;
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    bool missing = false, resized[HN_MAX_RANK];
    hn_resize_axis axis[HN_MAX_RANK];
    uint32_t element = hn_box_bytes(x->dtype);
    if (!hn_resize_is_nearest(n)) return hn_lower_refuse(c, "the mode is not nearest");
    if (element == 0) return hn_lower_refuse(c, "elements of this type are not whole bytes");
    const hn_tensor *roi = constant(n, 1, &missing), *scales = constant(n, 2, &missing),
                    *sizes = constant(n, 3, &missing);
    if (missing) return hn_lower_refuse(c, "roi, scales or sizes are not constant");
    if (hn_type_elems(x) == 0 || hn_type_elems(y) == 0) return hn_lower_refuse(c, "an empty tensor");
    HN_TRY(hn_resize_read(c->env, n, x->rank, x->dims, roi, scales, sizes, axis));
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->element = element;
    merge(p, n, axis, resized);
    p->rows = hn_type_bytes(y) / p->unit / p->axis[p->rank - 1].out;
    hn_tensor value;
    HN_TRY(hn_tensor_init(c->env, c->arena, &value, x->dtype, 0, NULL));
    hn_set_f64(&value, 0, hn_attr_float(n, "extrapolation_value", 0));
    memcpy(p->extrapolated, value.data, element);
    return add_tables(c, p, axis, resized);
}

/* Values of an element into `bytes`. */
static void spread(const params *p, char *y, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += p->element) memcpy(y + i, p->extrapolated, p->element);
}

#define TWICE(type)                                      \
    for (size_t i = 0; i < n; i++) {                     \
        const type v = ((const type *)x)[i];             \
        ((type *)y)[2 * i] = ((type *)y)[2 * i + 1] = v; \
    }                                                    \
    break

/* n units, each twice. */
static void twice(size_t n, size_t unit, const char *restrict x, char *restrict y)
{
    switch (unit) {
    case 1: TWICE(uint8_t);
    case 2: TWICE(uint16_t);
    case 4: TWICE(uint32_t);
    default:
        hn_box_runs(n, unit, y, 2 * (ptrdiff_t)unit, x, (ptrdiff_t)unit);
        hn_box_runs(n, unit, y + unit, 2 * (ptrdiff_t)unit, x, (ptrdiff_t)unit);
    }
}

#define TAKE(bytes)                                                                  \
    for (size_t o = 0; o < a->out; o++, y += (bytes)) memcpy(y, x + at[o], (bytes)); \
    break

/* A row of which no unit is outside. */
static void take(const axis *a, size_t unit, const uint64_t *at, const char *restrict x, char *restrict y)
{
    switch (unit) {
    case 1: TAKE(1);
    case 2: TAKE(2);
    case 4: TAKE(4);
    case 8: TAKE(8);
    case 16: TAKE(16);
    default: TAKE(unit);
    }
}

typedef struct work {
    const params *p;
    const uint64_t *tables;
    const char *x;
    char *y;
    size_t per_task; /* rows */
} work;

/* Where row `row` comes from. */
static uint64_t source(const work *w, size_t row)
{
    uint64_t at = 0;
    for (uint32_t i = w->p->rank - 1; i-- > 0;) {
        const axis *a = &w->p->axis[i];
        size_t o = row % a->out;
        row /= a->out;
        uint64_t from = a->table == WHOLE ? o * a->step : w->tables[a->table + o];
        if (from == OUTSIDE) return OUTSIDE;
        at += from;
    }
    return at;
}

static void one_row(const work *w, const char *x, char *y)
{
    const params *p = w->p;
    const axis *a = &p->axis[p->rank - 1];
    const uint64_t *at = w->tables + a->table;
    bool outside = false;
    if (a->table == WHOLE) {
        memcpy(y, x, a->out * p->unit);
        return;
    }
    if (p->twice) {
        twice(a->out / 2, p->unit, x, y);
        return;
    }
    for (size_t o = 0; o < a->out; o++) outside = outside || at[o] == OUTSIDE;
    if (!outside) {
        take(a, p->unit, at, x, y);
        return;
    }
    for (size_t o = 0; o < a->out; o++, y += p->unit) {
        if (at[o] == OUTSIDE)
            spread(p, y, p->unit);
        else
            memcpy(y, x + at[o], p->unit);
    }
}

static void task(void *ctx, size_t index)
{
    const work *w = ctx;
    const params *p = w->p;
    size_t bytes = p->axis[p->rank - 1].out * p->unit, row = index * w->per_task,
           end = hn_min_size(row + w->per_task, p->rows);
    uint64_t last = OUTSIDE;
    for (char *y = w->y + row * bytes; row < end; row++, y += bytes) {
        uint64_t at = source(w, row);
        if (at == OUTSIDE)
            spread(p, y, bytes);
        else if (at == last)
            memcpy(y, y - bytes, bytes);
        else
            one_row(w, w->x + at, y);
        last = at;
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    work w = {p, r->ptr[OPERAND_TABLES], r->ptr[OPERAND_X], r->ptr[OPERAND_Y], 1};
    w.per_task = hn_max_size(TASK_BYTES / (p->axis[p->rank - 1].out * p->unit), 1);
    hn_pool_run(r->pool, hn_div_up(p->rows, w.per_task), task, &w);
    return HN_OK;
}

const hn_driver hn_cpu_resize_nearest = {
    .name = "resize_nearest",
    .doc = "nearest resizing of any whole-byte type in one pass",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
