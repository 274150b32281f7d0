/* load: maps a plan file and rebuilds the tables; constants stay in the mapping. Every count and offset is checked. */
#include "base/cursor.h"
#include "base/size.h"
#include "plan/file.h"
#include "plan/plan_priv.h"

#include <inttypes.h>
#include <string.h>

typedef struct loader {
    hn_env *env;
    hn_cursor c;
    hn_arena *arena; /* of the outermost plan */
    const hn_op_table *ops;
    const uint8_t *constants;
    size_t constants_bytes;
    int depth;
} loader;

static hn_status get_u32(loader *l, const char *what, uint32_t *v)
{
    return hn_cursor_u32(l->env, &l->c, what, v);
}
static hn_status get_u64(loader *l, const char *what, uint64_t *v)
{
    return hn_cursor_u64(l->env, &l->c, what, v);
}

static hn_status get_f64(loader *l, const char *what, double *v)
{
    uint64_t bits;
    HN_TRY(get_u64(l, what, &bits));
    memcpy(v, &bits, sizeof bits);
    return HN_OK;
}

/* A count of things that each take at least `least` bytes of what is left. */
static hn_status get_count(loader *l, const char *what, size_t least, size_t *n)
{
    uint32_t v;
    HN_TRY(get_u32(l, what, &v));
    if (v > hn_cursor_left(&l->c) / least)
        return hn_fail(l->env, HN_INPUT, "plan file: %u %s do not fit in the %zu bytes left at byte %zu", v, what,
                       hn_cursor_left(&l->c), l->c.base + l->c.pos);
    *n = v;
    return HN_OK;
}

/* An array, which stays where it lies in the file. */
static hn_status get_array(loader *l, const char *what, size_t n, void **out)
{
    const uint8_t *data;
    size_t at = l->c.base + l->c.pos;
    HN_TRY(hn_cursor_skip(l->env, &l->c, what, hn_align_up(at, HN_PLAN_UNIT) - at));
    HN_TRY(hn_cursor_bytes(l->env, &l->c, what, n, &data));
    *out = (void *)(uintptr_t)data; /* nothing writes to a loaded plan's tables */
    return HN_OK;
}

/* n bytes of text, which stay where they lie; a zero byte ends them. */
static hn_status get_text(loader *l, const char *what, size_t n, const char **out)
{
    const uint8_t *data;
    HN_TRY(hn_cursor_bytes(l->env, &l->c, what, n + 1, &data));
    if (data[n] != 0)
        return hn_fail(l->env, HN_INPUT, "plan file: no end of %s before byte %zu", what, l->c.base + l->c.pos);
    *out = (const char *)data;
    return HN_OK;
}

static hn_status get_str(loader *l, const char *what, const char **out)
{
    uint32_t n;
    *out = NULL;
    HN_TRY(get_u32(l, what, &n));
    return n == HN_ABSENT ? HN_OK : get_text(l, what, n, out);
}

static hn_status get_type(loader *l, hn_type *t)
{
    uint32_t kind, dtype, key, rank;
    HN_TRY(get_u32(l, "a kind", &kind));
    HN_TRY(get_u32(l, "an element type", &dtype));
    HN_TRY(get_u32(l, "a key type", &key));
    HN_TRY(get_u32(l, "a rank", &rank));
    if (kind >= HN_KINDS || dtype >= HN_DTYPES || key >= HN_DTYPES || rank > HN_MAX_RANK + 1)
        return hn_fail(l->env, HN_INPUT, "plan file: impossible type before byte %zu", l->c.base + l->c.pos);
    *t = hn_type_tensor((hn_dtype)dtype, (int)rank - 1, NULL);
    t->kind = (hn_kind)kind;
    t->key = (hn_dtype)key;
    for (int d = 0; d < t->rank; d++) {
        uint64_t v;
        HN_TRY(get_u64(l, "a dimension", &v));
        t->dims[d] = (int64_t)v;
    }
    return HN_OK;
}

static hn_status get_string(loader *l, hn_str *s)
{
    uint32_t n;
    const char *data;
    HN_TRY(get_u32(l, "a string's size", &n));
    HN_TRY(get_text(l, "a string", n, &data));
    *s = (hn_str){data, n};
    return HN_OK;
}

/* n strings, each of which takes 5 bytes or more of what is left. */
static hn_status get_strings(loader *l, size_t n, hn_str **out)
{
    if (n > hn_cursor_left(&l->c) / 5) return hn_fail(l->env, HN_INPUT, "plan file: %zu strings are not there", n);
    hn_str *s = hn_arena_array(l->env, l->arena, n + 1, sizeof *s);
    if (!s) return HN_NOMEM;
    *out = s;
    for (size_t i = 0; i < n; i++) HN_TRY(get_string(l, &s[i]));
    return HN_OK;
}

static hn_status get_attr_tensor(loader *l, hn_attr *a)
{
    hn_type type;
    uint64_t bytes;
    void *data;
    hn_str *strings;
    HN_TRY(get_type(l, &type));
    HN_TRY(get_u64(l, "a size", &bytes));
    if (!hn_type_known(&type))
        return hn_fail(l->env, HN_INPUT, "plan file: tensor attribute \"%s\" without a shape", a->name);
    if (type.dtype == HN_STRING) {
        HN_TRY(get_strings(l, bytes / sizeof(hn_str), &strings));
        data = strings;
    } else {
        HN_TRY(get_array(l, "a tensor", bytes, &data));
    }
    hn_tensor *t = hn_arena_alloc(l->env, l->arena, sizeof *t);
    if (!t) return HN_NOMEM;
    HN_TRY(hn_tensor_view(l->env, t, type.dtype, type.rank, type.dims, data, bytes));
    a->u.tensor = t;
    return HN_OK;
}

static hn_status get_attr(loader *l, hn_attr *a)
{
    uint32_t kind;
    uint64_t u;
    HN_TRY(get_str(l, "an attribute name", &a->name));
    HN_TRY(get_u32(l, "an attribute kind", &kind));
    HN_TRY(get_count(l, "attribute entries", 1, &a->count));
    a->kind = (hn_attr_kind)kind;
    void *list = NULL;
    size_t bytes = 0;
    if (!a->name) return hn_fail(l->env, HN_INPUT, "plan file: attribute without a name");
    switch (a->kind) {
    case HN_ATTR_INT:
        HN_TRY(get_u64(l, "an integer", &u));
        a->u.i = (int64_t)u;
        return HN_OK;
    case HN_ATTR_FLOAT: return get_f64(l, "a number", &a->u.f);
    case HN_ATTR_STRING: return get_string(l, &a->u.s);
    case HN_ATTR_INTS:
    case HN_ATTR_FLOATS:
        if (!hn_size_mul(a->count, 8, &bytes)) return hn_fail(l->env, HN_LIMIT, "plan file: attribute too long");
        HN_TRY(get_array(l, "an attribute list", bytes, &list));
        if (a->kind == HN_ATTR_INTS)
            a->u.ints = list;
        else
            a->u.floats = list;
        return HN_OK;
    case HN_ATTR_STRINGS: {
        hn_str *strs;
        HN_TRY(get_strings(l, a->count, &strs));
        a->u.strings = strs;
        return HN_OK;
    }
    case HN_ATTR_TENSOR: return get_attr_tensor(l, a);
    case HN_ATTR_TYPE: {
        hn_type *t = hn_arena_alloc(l->env, l->arena, sizeof *t);
        if (!t) return HN_NOMEM;
        a->u.type = t;
        return get_type(l, t);
    }
    }
    return hn_fail(l->env, HN_INPUT, "plan file: attribute \"%s\" of unknown kind %u", a->name, kind);
}

static hn_value *node_value(loader *l, const hn_plan *p, uint32_t number)
{
    if (number == HN_ABSENT) return NULL;
    hn_value *v = hn_arena_alloc(l->env, l->arena, sizeof *v);
    if (!v) return NULL;
    v->id = number;
    v->name = p->values[number].name;
    v->type = p->values[number].type;
    return v;
}

/* A bare node: row, attributes and typed values, enough for the reference kernel and for inference at run time. */
static hn_status get_node(loader *l, const hn_plan *p, hn_step *st)
{
    const char *domain, *name;
    HN_TRY(get_str(l, "an operator domain", &domain));
    HN_TRY(get_str(l, "an operator name", &name));
    const hn_op *op = domain && name ? hn_op_find(l->ops, domain, name) : NULL;
    if (!op) return hn_fail(l->env, HN_UNSUPPORTED, "plan file: operator %s is not in this build", name ? name : "?");
    hn_node *n = hn_arena_alloc(l->env, l->arena, sizeof *n);
    if (!n) return HN_NOMEM;
    n->op = op;
    HN_TRY(get_u32(l, "a node number", &n->id));
    n->name = st->name;
    n->nin = st->nin;
    n->nout = st->nout;
    n->ncaptures = st->ncaptures;
    n->in = hn_arena_array(l->env, l->arena, n->nin + 1, sizeof *n->in);
    n->out = hn_arena_array(l->env, l->arena, n->nout + 1, sizeof *n->out);
    if (!n->in || !n->out) return HN_NOMEM;
    for (size_t i = 0; i < n->nin; i++)
        if (!(n->in[i] = node_value(l, p, st->in[i])) && st->in[i] != HN_ABSENT) return HN_NOMEM;
    for (size_t i = 0; i < n->nout; i++)
        if (!(n->out[i] = node_value(l, p, st->out[i])) && st->out[i] != HN_ABSENT) return HN_NOMEM;
    size_t count;
    HN_TRY(get_count(l, "attributes", 12, &count));
    hn_attr **tail = &n->attrs;
    for (size_t i = 0; i < count; i++) {
        hn_attr *a = hn_arena_alloc(l->env, l->arena, sizeof *a);
        if (!a) return HN_NOMEM;
        HN_TRY(get_attr(l, a));
        *tail = a;
        tail = &a->next;
    }
    st->node = n;
    return HN_OK;
}

static hn_status value_number(loader *l, const hn_plan *p, uint32_t v)
{
    if (v == HN_ABSENT || v < p->nvalues) return HN_OK;
    return hn_fail(l->env, HN_INPUT, "plan file: value number %u of %zu, before byte %zu", v, p->nvalues,
                   l->c.base + l->c.pos);
}

/* Rows stand where the file says, unless it comes from a build for another processor: the name decides. */
static hn_status get_driver(loader *l, const hn_driver **out)
{
    uint32_t row;
    const char *name;
    HN_TRY(get_u32(l, "a driver row", &row));
    HN_TRY(get_str(l, "a driver name", &name));
    bool there = name && row < hn_driver_count && strcmp(hn_driver_rows[row]->name, name) == 0;
    *out = there ? hn_driver_rows[row] : name ? hn_driver_find(name) : NULL;
    return *out ? HN_OK
                : hn_fail(l->env, HN_UNSUPPORTED, "plan file: driver %s is not in this build", name ? name : "?");
}

static hn_status get_kernel(loader *l, const hn_kernel **out)
{
    uint32_t row;
    const char *name;
    HN_TRY(get_u32(l, "a kernel row", &row));
    if (row == HN_ABSENT) return HN_OK;
    HN_TRY(get_str(l, "a kernel name", &name));
    bool there = name && row < hn_kernel_count && strcmp(hn_kernel_rows[row]->name, name) == 0;
    *out = there ? hn_kernel_rows[row] : name ? hn_kernel_find(name) : NULL;
    return *out ? HN_OK
                : hn_fail(l->env, HN_UNSUPPORTED, "plan file: kernel %s is not in this build", name ? name : "?");
}

static hn_status get_driver_step(loader *l, hn_plan *p, hn_step *st)
{
    uint32_t n;
    void *data;
    HN_TRY(get_driver(l, &st->driver));
    for (size_t k = 0; k < HN_STEP_KERNELS; k++) {
        HN_TRY(get_kernel(l, &st->kernels[k]));
        if (st->kernels[k]) p->isa |= st->kernels[k]->isa; /* what the file says may be less */
    }
    HN_TRY(get_u32(l, "a parameter size", &n));
    HN_TRY(get_array(l, "parameters", n, &data));
    st->params = data;
    st->params_bytes = n;
    HN_TRY(get_count(l, "operands", 4, &st->noperands));
    HN_TRY(get_u32(l, "a mask", &st->written));
    HN_TRY(get_array(l, "operands", st->noperands * sizeof *st->operands, &data));
    st->operands = data;
    for (size_t k = 0; k < st->noperands; k++) {
        uint32_t o = st->operands[k];
        if (o != HN_ABSENT && (o & HN_BLOB)) {
            if ((o & ~HN_BLOB) >= p->nblobs)
                return hn_fail(l->env, HN_INPUT, "plan file: constant number %u of %zu", o & ~HN_BLOB, p->nblobs);
            continue;
        }
        HN_TRY(value_number(l, p, o));
        if (o != HN_ABSENT && p->values[o].type.kind != HN_KIND_TENSOR)
            return hn_fail(l->env, HN_INPUT, "plan file: driver %s is given a list", st->driver->name);
    }
    return HN_OK;
}

/* Lists stand only where the row takes them, and results that are lists have memory of their own. */
static hn_status check_lists(loader *l, const hn_plan *p, const hn_step *st)
{
    for (size_t k = 0; k < st->nin + st->nout; k++) {
        bool input = k < st->nin;
        uint32_t o = input ? st->in[k] : st->out[k - st->nin];
        if (o == HN_ABSENT || p->values[o].type.kind == HN_KIND_TENSOR) continue;
        bool captured = input && k >= st->nin - st->ncaptures;
        if ((captured || hn_port_takes(st->node->op, input, input ? k : k - st->nin, &p->values[o].type)) &&
            (input || p->values[o].place.space == HN_SPACE_DYNAMIC))
            continue;
        return hn_fail(l->env, HN_INPUT, "plan file: step \"%s\" cannot have a list there", st->name ? st->name : "?");
    }
    return HN_OK;
}

static hn_status get_plan(loader *l, hn_plan *p);

/* How many values a region of this row takes and gives. */
static hn_status region_fits(loader *l, const hn_step *st, size_t nin, size_t nout)
{
    const hn_op *op = st->node->op;
    size_t takes = strcmp(op->name, "If") == 0 ? st->ncaptures : st->nin;
    size_t gives = st->nout + (strcmp(op->name, "Loop") == 0);
    if (nin == takes && nout == gives) return HN_OK;
    return hn_fail(l->env, HN_INPUT, "plan file: a region of \"%s\" takes %zu values and gives %zu, not %zu and %zu",
                   st->name ? st->name : "?", nin, nout, takes, gives);
}

static hn_status get_region(loader *l, hn_plan *p, hn_step *st, size_t r)
{
    uint32_t how;
    uint64_t size;
    const uint8_t *text;
    HN_TRY(get_u32(l, "a region flag", &how));
    if (how == HN_PLAN_REGION_NONE) return HN_OK;
    if (how == HN_PLAN_REGION_PLAN) {
        hn_plan *sub = st->subplans[r] = hn_zalloc(l->env, sizeof *sub);
        if (!sub) return HN_NOMEM;
        HN_TRY(get_plan(l, sub));
        p->isa |= sub->isa;
        return region_fits(l, st, sub->nin, sub->nout);
    }
    if (how != HN_PLAN_REGION_TEXT) return hn_fail(l->env, HN_INPUT, "plan file: a region told in way %u", how);
    HN_TRY(get_u64(l, "a region's size", &size));
    HN_TRY(hn_cursor_bytes(l->env, &l->c, "a region", size, &text));
    hn_graph *g = hn_graph_parse(l->env, l->arena, l->ops, (const char *)text, size);
    if (!g) return l->env->error.status;
    st->node->regions[r] = g;
    return region_fits(l, st, g->nin, g->nout);
}

static hn_status get_host_step(loader *l, hn_plan *p, hn_step *st)
{
    uint32_t ncap;
    void *data;
    HN_TRY(get_count(l, "inputs", 4, &st->nin));
    HN_TRY(get_count(l, "outputs", 4, &st->nout));
    HN_TRY(get_u32(l, "a capture count", &ncap));
    if (ncap > st->nin) return hn_fail(l->env, HN_INPUT, "plan file: %u captures of %zu inputs", ncap, st->nin);
    st->ncaptures = ncap;
    HN_TRY(get_array(l, "inputs", st->nin * sizeof *st->in, &data));
    st->in = data;
    HN_TRY(get_array(l, "outputs", st->nout * sizeof *st->out, &data));
    st->out = data;
    for (size_t k = 0; k < st->nin; k++) HN_TRY(value_number(l, p, st->in[k]));
    for (size_t k = 0; k < st->nout; k++) HN_TRY(value_number(l, p, st->out[k]));
    HN_TRY(get_node(l, p, st));
    HN_TRY(check_lists(l, p, st));
    bool control = (st->node->op->flags & HN_OP_CONTROL) != 0;
    size_t nsub;
    HN_TRY(get_count(l, "regions", 4, &nsub));
    if (nsub > 2 || control != (st->kind == HN_STEP_CONTROL) || (!control && (nsub || !st->node->op->ref)) ||
        (control && !nsub))
        return hn_fail(l->env, HN_INPUT, "plan file: step \"%s\" is not what its operator needs",
                       st->name ? st->name : "?");
    st->subplans = hn_arena_array(l->env, l->arena, nsub + 1, sizeof *st->subplans);
    if (!st->subplans) return HN_NOMEM;
    hn_node *node = (hn_node *)(uintptr_t)st->node; /* made by get_node just now */
    node->nregions = nsub;
    node->regions = hn_arena_array(l->env, l->arena, nsub + 1, sizeof(hn_graph *));
    if (!node->regions) return HN_NOMEM;
    if (++l->depth > HN_PLAN_NESTING)
        return hn_fail(l->env, HN_LIMIT, "plan file: regions nested deeper than %d", HN_PLAN_NESTING);
    for (size_t r = 0; r < nsub; r++) {
        st->nsubplans = r + 1;
        HN_TRY(get_region(l, p, st, r));
    }
    l->depth--;
    return HN_OK;
}

static hn_status get_step(loader *l, hn_plan *p, hn_step *st)
{
    uint32_t kind;
    const char *shape;
    HN_TRY(get_u32(l, "a step kind", &kind));
    if (kind > HN_STEP_CONTROL || (kind == HN_STEP_CONTROL && p->slices > 1))
        return hn_fail(l->env, HN_INPUT, "plan file: step of unknown kind %u", kind);
    st->kind = (hn_step_kind)kind;
    HN_TRY(get_str(l, "a step name", &st->name));
    HN_TRY(get_str(l, "an operator", &st->op));
    HN_TRY(get_str(l, "a reason", &st->reason));
    HN_TRY(get_str(l, "a shape", &shape));
    if (!st->name || !st->op || !st->reason || !shape)
        return hn_fail(l->env, HN_INPUT, "plan file: step without a name");
    size_t n = hn_min_size(strlen(shape), sizeof st->shape - 1);
    memcpy(st->shape, shape, n);
    HN_TRY(get_f64(l, "a cost", &st->cost.flops));
    HN_TRY(get_f64(l, "a cost", &st->cost.macs));
    HN_TRY(get_f64(l, "a cost", &st->cost.bytes));
    return st->kind == HN_STEP_DRIVER ? get_driver_step(l, p, st) : get_host_step(l, p, st);
}

static hn_status storage_number(loader *l, const hn_plan *p, uint32_t v)
{
    return v == HN_ABSENT
               ? hn_fail(l->env, HN_INPUT, "plan file: a value without storage, before byte %zu", l->c.base + l->c.pos)
               : value_number(l, p, v);
}

static hn_status get_value(loader *l, const hn_plan *p, hn_plan_value *v)
{
    uint32_t space;
    uint64_t bytes;
    HN_TRY(get_str(l, "a value name", &v->name));
    HN_TRY(get_type(l, &v->type));
    HN_TRY(get_u32(l, "a memory space", &space));
    HN_TRY(get_u64(l, "an offset", &v->place.offset));
    HN_TRY(get_u64(l, "a size", &bytes));
    HN_TRY(get_u32(l, "a storage number", &v->storage));
    v->place.space = (hn_space)space;
    v->bytes = bytes;
    size_t limit = 0, end;
    switch (v->place.space) {
    case HN_SPACE_NONE: return storage_number(l, p, v->storage);
    case HN_SPACE_ARENA: limit = p->arena_bytes; break;
    case HN_SPACE_CONST:
        limit = v->type.dtype == HN_STRING ? 0 : p->constants_bytes;
        break;                                      /* strings would be pointers */
    case HN_SPACE_STRINGS: limit = SIZE_MAX; break; /* compared with the strings once they are read */
    case HN_SPACE_INPUT:
        if (v->place.offset < p->nin) return storage_number(l, p, v->storage);
        break;
    case HN_SPACE_DYNAMIC:
        if (v->place.offset < p->ndynamic) return storage_number(l, p, v->storage);
        break;
    case HN_SPACE_OUTPUT:
        limit =
            p->slices > 1 && v->place.offset < p->nout ? SIZE_MAX : 0; /* compared with the output once that is known */
        break;
    default: break;
    }
    bool ok = limit || (bytes == 0 && (space == HN_SPACE_ARENA || space == HN_SPACE_CONST));
    ok = ok && (space != HN_SPACE_STRINGS || v->type.dtype == HN_STRING) && v->type.kind == HN_KIND_TENSOR;
    ok = ok && hn_size_add(v->place.offset, bytes, &end) && (end <= limit || bytes == 0) && hn_type_known(&v->type);
    size_t need;
    ok = ok && hn_dims_count(v->type.rank, v->type.dims, &need) && hn_dtype_bytes(v->type.dtype, need, &need) &&
         need == bytes;
    if (!ok)
        return hn_fail(l->env, HN_INPUT, "plan file: value \"%s\" lies outside its memory", v->name ? v->name : "?");
    return storage_number(l, p, v->storage);
}

static hn_status get_numbers(loader *l, const hn_plan *p, const char *what, size_t n, uint32_t **out)
{
    void *data;
    HN_TRY(get_array(l, what, n * sizeof **out, &data));
    *out = data;
    for (size_t i = 0; i < n; i++)
        if ((*out)[i] >= p->nvalues)
            return hn_fail(l->env, HN_INPUT, "plan file: %s name value %u of %zu", what, (*out)[i], p->nvalues);
    return HN_OK;
}

static hn_status get_plan_strings(loader *l, hn_plan *p)
{
    HN_TRY(get_count(l, "string tensors", 4, &p->nstrings));
    p->strings = hn_arena_array(l->env, l->arena, p->nstrings + 1, sizeof *p->strings);
    size_t *count = hn_arena_array(l->env, l->arena, p->nstrings + 1, sizeof *count);
    if (!p->strings || !count) return HN_NOMEM;
    for (size_t i = 0; i < p->nstrings; i++) {
        hn_str *s;
        HN_TRY(get_count(l, "strings", 4, &count[i]));
        HN_TRY(get_strings(l, count[i], &s));
        p->strings[i] = s;
    }
    for (size_t i = 0; i < p->nvalues; i++) {
        const hn_plan_value *v = &p->values[i];
        if (v->place.space != HN_SPACE_STRINGS) continue;
        if (v->place.offset >= p->nstrings || count[v->place.offset] != v->bytes / sizeof(hn_str))
            return hn_fail(l->env, HN_INPUT, "plan file: the strings of \"%s\" are not there", v->name ? v->name : "?");
    }
    return HN_OK;
}

/* The outputs of a plan of slices: each has memory for its rows, which other values share only as they are. */
static hn_status check_slices(loader *l, hn_plan *p)
{
    for (size_t i = 0; i < p->nvalues; i++) {
        const hn_plan_value *v = &p->values[i];
        if (v->place.space != HN_SPACE_OUTPUT) continue;
        const hn_plan_value *of = &p->values[p->out[v->place.offset]];
        if (of->place.space != HN_SPACE_OUTPUT || of->place.offset != v->place.offset || of->bytes != v->bytes)
            return hn_fail(l->env, HN_INPUT, "plan file: value \"%s\" is not as long as the output that holds it",
                           v->name ? v->name : "?");
    }
    for (size_t i = 0; i < p->nout && p->slices > 1; i++) {
        hn_space space = p->values[p->out[i]].place.space;
        if (space != HN_SPACE_OUTPUT && space != HN_SPACE_INPUT)
            return hn_fail(l->env, HN_INPUT, "plan file: output %zu has no memory for its slices", i);
    }
    return hn_plan_types(l->env, p);
}

static hn_status get_plan(loader *l, hn_plan *p)
{
    uint64_t at, bytes, sizes[4], ndynamic, slices;
    HN_TRY(get_str(l, "a digest", &p->source_sha256));
    for (size_t i = 0; i < 4; i++) HN_TRY(get_u64(l, "a plan size", &sizes[i]));
    HN_TRY(get_u64(l, "a count", &ndynamic));
    HN_TRY(get_u64(l, "a count of slices", &slices));
    HN_TRY(get_u64(l, "an offset", &at));
    HN_TRY(get_u64(l, "a size", &bytes));
    p->arena_bytes = sizes[0];
    p->arena_lower_bound_bytes = sizes[1];
    p->scratch_bytes = sizes[2];
    p->isa = sizes[3];
    p->ndynamic = ndynamic;
    p->slices = slices;
    if (slices < 1 || slices > UINT32_MAX || (slices > 1 && (ndynamic || l->depth)))
        return hn_fail(l->env, HN_INPUT, "plan file: %" PRIu64 " slices cannot be", slices);
    if (at > l->constants_bytes || bytes > l->constants_bytes - at || sizes[0] > SIZE_MAX / 4 ||
        sizes[2] > SIZE_MAX / 4)
        return hn_fail(l->env, HN_INPUT, "plan file: constants end beyond the file");
    p->constants = l->constants + at;
    p->constants_bytes = bytes;
    HN_TRY(get_count(l, "values", 32, &p->nvalues));
    HN_TRY(get_count(l, "inputs", 4, &p->nin));
    HN_TRY(get_count(l, "outputs", 4, &p->nout));
    HN_TRY(get_count(l, "constants", sizeof(hn_blob), &p->nblobs));
    size_t nsteps;
    HN_TRY(get_count(l, "steps", 32, &nsteps));
    if (ndynamic > p->nvalues) return hn_fail(l->env, HN_INPUT, "plan file: more dynamic values than values");
    p->values = hn_arena_array(l->env, l->arena, p->nvalues + 1, sizeof *p->values);
    p->steps = hn_arena_array(l->env, l->arena, nsteps + 1, sizeof *p->steps);
    if (!p->values || !p->steps) return HN_NOMEM;
    for (size_t i = 0; i < p->nvalues; i++) HN_TRY(get_value(l, p, &p->values[i]));
    HN_TRY(get_plan_strings(l, p));
    HN_TRY(get_numbers(l, p, "plan inputs", p->nin, &p->in));
    HN_TRY(get_numbers(l, p, "plan outputs", p->nout, &p->out));
    HN_TRY(check_slices(l, p));
    void *data;
    HN_TRY(get_array(l, "constants", p->nblobs * sizeof *p->blobs, &data));
    p->blobs = data;
    for (size_t i = 0; i < p->nblobs; i++)
        if (p->blobs[i].offset > p->constants_bytes || p->blobs[i].bytes > p->constants_bytes - p->blobs[i].offset)
            return hn_fail(l->env, HN_INPUT, "plan file: packed constant %zu ends beyond the constants", i);
    for (size_t i = 0; i < nsteps; i++) {
        p->nsteps = i + 1;
        HN_TRY(hn_context(l->env, get_step(l, p, &p->steps[i]), "step %zu", i));
    }
    return HN_OK;
}

static bool is_plan(const uint8_t *file, size_t bytes)
{
    return bytes >= 8 && memcmp(file, HN_PLAN_MAGIC, 8) == 0;
}

static hn_status load(hn_env *env, hn_plan *p, const uint8_t *file, size_t bytes, const hn_op_table *ops)
{
    hn_cursor c = hn_cursor_make(file, bytes);
    const uint8_t *magic;
    uint32_t version, build;
    uint64_t size, table_bytes, constants_at, checksum;
    if (!is_plan(file, bytes))
        return hn_fail(env, HN_INPUT, "not a plan file: it does not start with \"%s\"", HN_PLAN_MAGIC);
    HN_TRY(hn_cursor_bytes(env, &c, "magic", 8, &magic));
    HN_TRY(hn_cursor_u32(env, &c, "version", &version));
    HN_TRY(hn_cursor_u32(env, &c, "build", &build));
    HN_TRY(hn_cursor_u64(env, &c, "file size", &size));
    HN_TRY(hn_cursor_u64(env, &c, "table size", &table_bytes));
    HN_TRY(hn_cursor_u64(env, &c, "constants", &constants_at));
    HN_TRY(hn_cursor_u64(env, &c, "checksum", &checksum));
    if (version != HN_PLAN_VERSION || build != hn_build_id) {
        if (version != HN_PLAN_VERSION)
            hn_fail(env, HN_UNSUPPORTED, "plan file of version %" PRIu32 "; this build reads version %d", version,
                    HN_PLAN_VERSION);
        else
            hn_fail(env, HN_UNSUPPORTED, "plan file of another build of hone, with other kernels");
        hn_hint(env, "make it again from the model with `hone export M --to plan`");
        return HN_UNSUPPORTED;
    }
    if (size != bytes)
        return hn_fail(env, HN_INPUT, "plan file is cut: %zu bytes of %llu", bytes, (unsigned long long)size);
    if (constants_at > size || constants_at % HN_PLAN_PAGE || table_bytes > constants_at ||
        HN_PLAN_HEADER + table_bytes > constants_at)
        return hn_fail(env, HN_INPUT, "plan file: impossible section offsets");
    if (hn_checksum(file + HN_PLAN_HEADER, table_bytes) != checksum)
        return hn_fail(env, HN_INPUT, "plan file is damaged: the checksum of its tables differs");
    loader l = {.env = env,
                .arena = &p->arena,
                .ops = ops,
                .constants = file + constants_at,
                .constants_bytes = size - constants_at};
    HN_TRY(hn_cursor_sub(env, &c, "tables", table_bytes, &l.c));
    HN_TRY(get_plan(&l, p));
    uint64_t usable = env->isa & HN_ISA_CHOSEN ? env->isa : hn_machine_isa() & (env->isa ? env->isa : ~UINT64_C(0));
    if (p->isa & ~usable) {
        hn_fail(env, HN_UNSUPPORTED, "plan file was made for %s, which this machine (or --isa) does not offer",
                hn_isa_name(p->isa));
        hn_hint(env, "make it again here with `hone export M --to plan`");
        return HN_UNSUPPORTED;
    }
    return hn_plan_check(env, p);
}

hn_status hn_plan_load(hn_env *env, const char *path, const hn_op_table *ops, hn_plan **out)
{
    *out = NULL;
    hn_map map;
    HN_TRY(hn_map_open(env, path, &map));
    if (!is_plan(map.data, map.size)) {
        hn_map_close(&map);
        return HN_OK;
    }
    hn_plan *p = hn_zalloc(env, sizeof *p);
    if (!p) {
        hn_map_close(&map);
        return HN_NOMEM;
    }
    p->map = map;
    hn_status st = load(env, p, map.data, map.size, ops);
    if (st != HN_OK) {
        hn_plan_free(env, p);
        return hn_context(env, st, "in %s", path);
    }
    *out = p;
    return HN_OK;
}

hn_status hn_plan_load_bytes(hn_env *env, const uint8_t *data, size_t bytes, const hn_op_table *ops, hn_plan **out)
{
    *out = NULL;
    hn_plan *p = hn_zalloc(env, sizeof *p);
    if (!p) return HN_NOMEM;
    hn_status st = load(env, p, data, bytes, ops);
    if (st != HN_OK) {
        hn_plan_free(env, p);
        return st;
    }
    *out = p;
    return HN_OK;
}
