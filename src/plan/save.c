/* save: writes the plan file (layout in plan/file.h). */
#include "base/size.h"
#include "plan/file.h"
#include "plan/plan_priv.h"

#include <string.h>

typedef struct saver {
    hn_env *env;
    hn_buf tables;
    hn_buf constants;
} saver;

static void put(saver *s, const void *data, size_t n)
{
    hn_buf_append(s->env, &s->tables, data, n);
}
static void put_u32(saver *s, uint32_t v)
{
    put(s, &v, sizeof v);
}
static void put_u64(saver *s, uint64_t v)
{
    put(s, &v, sizeof v);
}
static void put_f64(saver *s, double v)
{
    put(s, &v, sizeof v);
}

/* So that it can be used where it lies. */
static void put_array(saver *s, const void *data, size_t n)
{
    static const char zeros[HN_PLAN_UNIT];
    size_t at = HN_PLAN_HEADER + s->tables.size;
    put(s, zeros, hn_align_up(at, HN_PLAN_UNIT) - at);
    put(s, data, n);
}

/* Size, bytes, a zero byte. */
static void put_text(saver *s, const char *v, size_t n)
{
    put_u32(s, (uint32_t)n);
    put(s, v, n);
    put(s, "", 1);
}

static void put_str(saver *s, const char *v)
{
    if (v)
        put_text(s, v, strlen(v));
    else
        put_u32(s, HN_ABSENT);
}

static void put_type(saver *s, const hn_type *t)
{
    put_u32(s, (uint32_t)t->kind);
    put_u32(s, (uint32_t)t->dtype);
    put_u32(s, (uint32_t)t->key);
    put_u32(s, (uint32_t)(t->rank + 1));
    for (int d = 0; d < t->rank; d++) put_u64(s, (uint64_t)t->dims[d]);
}

static void put_strings(saver *s, const hn_str *v, size_t n)
{
    for (size_t i = 0; i < n; i++) put_text(s, v[i].data, v[i].size);
}

static hn_status put_attr(saver *s, const hn_attr *a)
{
    put_str(s, a->name);
    put_u32(s, (uint32_t)a->kind);
    put_u32(s, (uint32_t)a->count);
    switch (a->kind) {
    case HN_ATTR_INT: put_u64(s, (uint64_t)a->u.i); break;
    case HN_ATTR_FLOAT: put_f64(s, a->u.f); break;
    case HN_ATTR_STRING: put_text(s, a->u.s.data, a->u.s.size); break;
    case HN_ATTR_INTS: put_array(s, a->u.ints, a->count * sizeof *a->u.ints); break;
    case HN_ATTR_FLOATS: put_array(s, a->u.floats, a->count * sizeof *a->u.floats); break;
    case HN_ATTR_STRINGS: put_strings(s, a->u.strings, a->count); break;
    case HN_ATTR_TENSOR: {
        const hn_tensor *t = a->u.tensor;
        hn_type type = hn_type_tensor(t->dtype, t->rank, t->dims);
        put_type(s, &type);
        put_u64(s, t->bytes);
        if (t->dtype == HN_STRING)
            put_strings(s, t->data, hn_tensor_elems(t));
        else
            put_array(s, t->data, t->bytes);
        break;
    }
    case HN_ATTR_TYPE: put_type(s, a->u.type); break;
    }
    return HN_OK;
}

static hn_status put_node(saver *s, const hn_node *n)
{
    put_str(s, n->op->domain);
    put_str(s, n->op->name);
    put_u32(s, n->id); /* random operators without a seed draw by it */
    uint32_t count = 0;
    for (const hn_attr *a = n->attrs; a; a = a->next) count++;
    put_u32(s, count);
    for (const hn_attr *a = n->attrs; a; a = a->next) HN_TRY(put_attr(s, a));
    return HN_OK;
}

static hn_status put_plan(saver *s, const hn_plan *p);

/* A region that waits for its shapes goes as text; a loaded plan that has none cannot run it either. */
static hn_status put_region(saver *s, const hn_step *st, size_t r)
{
    if (st->subplans[r]) {
        put_u32(s, HN_PLAN_REGION_PLAN);
        return put_plan(s, st->subplans[r]);
    }
    if (r >= st->node->nregions || !st->node->regions[r]) {
        put_u32(s, HN_PLAN_REGION_NONE);
        return HN_OK;
    }
    hn_buf text = {0};
    put_u32(s, HN_PLAN_REGION_TEXT);
    hn_status status = hn_graph_print(s->env, st->node->regions[r], HN_TEXT_FULL, &text);
    put_u64(s, text.size);
    put(s, text.data, text.size);
    hn_buf_fini(s->env, &text);
    return status;
}

/* The row first, which finds the driver or kernel in the same build at once. */
static void put_driver(saver *s, const hn_driver *d)
{
    uint32_t row = 0;
    while (row < hn_driver_count && hn_driver_rows[row] != d) row++;
    put_u32(s, row);
    put_str(s, d->name);
}

static void put_kernel(saver *s, const hn_kernel *k)
{
    uint32_t row = 0;
    while (row < hn_kernel_count && hn_kernel_rows[row] != k) row++;
    put_u32(s, k ? row : HN_ABSENT);
    if (k) put_str(s, k->name);
}

static hn_status put_step(saver *s, const hn_step *st)
{
    put_u32(s, (uint32_t)st->kind);
    put_str(s, st->name);
    put_str(s, st->op);
    put_str(s, st->reason);
    put_str(s, st->shape);
    put(s, &st->cost, sizeof st->cost);
    if (st->kind == HN_STEP_DRIVER) {
        put_driver(s, st->driver);
        for (size_t k = 0; k < HN_STEP_KERNELS; k++) put_kernel(s, st->kernels[k]);
        put_u32(s, (uint32_t)st->params_bytes);
        put_array(s, st->params, st->params_bytes);
        put_u32(s, (uint32_t)st->noperands);
        put_u32(s, st->written);
        put_array(s, st->operands, st->noperands * sizeof *st->operands);
        return HN_OK;
    }
    put_u32(s, (uint32_t)st->nin);
    put_u32(s, (uint32_t)st->nout);
    put_u32(s, (uint32_t)st->ncaptures);
    put_array(s, st->in, st->nin * sizeof *st->in);
    put_array(s, st->out, st->nout * sizeof *st->out);
    HN_TRY(put_node(s, st->node));
    put_u32(s, (uint32_t)st->nsubplans);
    for (size_t r = 0; r < st->nsubplans; r++) HN_TRY(put_region(s, st, r));
    return HN_OK;
}

/* How many strings constant tensor i holds: its value knows. */
static size_t strings_count(const hn_plan *p, size_t i)
{
    for (size_t k = 0; k < p->nvalues; k++)
        if (p->values[k].place.space == HN_SPACE_STRINGS && p->values[k].place.offset == i)
            return p->values[k].bytes / sizeof(hn_str);
    return 0;
}

static hn_status put_plan(saver *s, const hn_plan *p)
{
    static const char zeros[HN_PLAN_PAGE];
    put_str(s, p->source_sha256);
    put_u64(s, p->arena_bytes);
    put_u64(s, p->arena_lower_bound_bytes);
    put_u64(s, p->scratch_bytes);
    put_u64(s, p->isa);
    put_u64(s, p->ndynamic);
    put_u64(s, p->slices);
    put_u64(s, s->constants.size);
    put_u64(s, p->constants_bytes);
    hn_buf_append(s->env, &s->constants, p->constants, p->constants_bytes);
    hn_buf_append(s->env, &s->constants, zeros, hn_align_up(s->constants.size, HN_PLAN_PAGE) - s->constants.size);
    put_u32(s, (uint32_t)p->nvalues);
    put_u32(s, (uint32_t)p->nin);
    put_u32(s, (uint32_t)p->nout);
    put_u32(s, (uint32_t)p->nblobs);
    put_u32(s, (uint32_t)p->nsteps);
    for (size_t i = 0; i < p->nvalues; i++) {
        const hn_plan_value *v = &p->values[i];
        put_str(s, v->name);
        put_type(s, &v->type);
        put_u32(s, (uint32_t)v->place.space);
        put_u64(s, v->place.offset);
        put_u64(s, v->bytes);
        put_u32(s, v->storage);
    }
    put_u32(s, (uint32_t)p->nstrings);
    for (size_t i = 0; i < p->nstrings; i++) {
        size_t n = strings_count(p, i);
        put_u32(s, (uint32_t)n);
        put_strings(s, p->strings[i], n);
    }
    put_array(s, p->in, p->nin * sizeof *p->in);
    put_array(s, p->out, p->nout * sizeof *p->out);
    put_array(s, p->blobs, p->nblobs * sizeof *p->blobs);
    for (size_t i = 0; i < p->nsteps; i++) HN_TRY(put_step(s, &p->steps[i]));
    return HN_OK;
}

static hn_status write_file(saver *s, const char *path)
{
    static const char zeros[HN_PLAN_PAGE];
    HN_TRY(hn_buf_status(&s->tables));
    HN_TRY(hn_buf_status(&s->constants));
    uint64_t constants_at = hn_align_up(HN_PLAN_HEADER + s->tables.size, HN_PLAN_PAGE);
    uint64_t words[5] = {HN_PLAN_VERSION | (uint64_t)hn_build_id << 32, constants_at + s->constants.size,
                         s->tables.size, constants_at, hn_checksum(s->tables.data, s->tables.size)};
    hn_buf file = {0};
    hn_buf_append(s->env, &file, HN_PLAN_MAGIC, 8);
    hn_buf_append(s->env, &file, words, sizeof words);
    hn_buf_append(s->env, &file, s->tables.data, s->tables.size);
    hn_buf_append(s->env, &file, zeros, constants_at - HN_PLAN_HEADER - s->tables.size);
    hn_buf_append(s->env, &file, s->constants.data, s->constants.size);
    hn_status st = hn_buf_status(&file);
    if (st == HN_OK) st = hn_file_write(s->env, path, file.data, file.size);
    hn_buf_fini(s->env, &file);
    return st;
}

hn_status hn_plan_save(hn_env *env, const hn_plan *plan, const char *path)
{
    saver s = {.env = env};
    hn_status st = put_plan(&s, plan);
    if (st == HN_OK) st = write_file(&s, path);
    hn_buf_fini(env, &s.tables);
    hn_buf_fini(env, &s.constants);
    return hn_context(env, st, "while saving the plan %s", path);
}
