/* lib_cases: the sink that case generators write to, and the generators that many rows share. Everything is in the
 * arena given with it; random inputs depend on the op's name and their position only. */
#include "base/rng.h"
#include "ops/lib.h"

static void fail(hn_cases *c, hn_status st)
{
    if (c->status == HN_OK) c->status = st;
}

static void *take(hn_cases *c, size_t count, size_t bytes)
{
    void *p = c->status == HN_OK ? hn_arena_array(c->env, c->arena, count, bytes) : NULL;
    if (!p) fail(c, HN_NOMEM);
    return p;
}

hn_status hn_cases_status(const hn_cases *c)
{
    return c->status;
}

void hn_case(hn_cases *c, const char *name)
{
    hn_case_row *r = take(c, 1, sizeof *r);
    if (!r) return;
    r->name = name;
    if (c->last)
        c->last->next = r;
    else
        c->first = r;
    c->last = r;
    c->count++;
}

void hn_case_flag(hn_cases *c, uint32_t flags)
{
    if (c->last) c->last->flags |= flags;
}

void hn_case_nout(hn_cases *c, size_t nout)
{
    if (c->last) c->last->nout = nout;
}

static hn_attr *attr(hn_cases *c, const char *name, hn_attr_kind kind, size_t count)
{
    hn_attr *a = take(c, 1, sizeof *a);
    if (!a || !c->last) return NULL;
    *a = (hn_attr){.name = name, .kind = kind, .count = count, .next = c->last->attrs};
    c->last->attrs = a;
    return a;
}

void hn_case_int(hn_cases *c, const char *name, int64_t v)
{
    hn_attr *a = attr(c, name, HN_ATTR_INT, 1);
    if (a) a->u.i = v;
}

void hn_case_float(hn_cases *c, const char *name, double v)
{
    hn_attr *a = attr(c, name, HN_ATTR_FLOAT, 1);
    if (a) a->u.f = v;
}

void hn_case_string(hn_cases *c, const char *name, const char *v)
{
    hn_attr *a = attr(c, name, HN_ATTR_STRING, 1);
    if (a) a->u.s = (hn_str){.data = v, .size = strlen(v)};
}

void hn_case_ints(hn_cases *c, const char *name, size_t n, const int64_t *v)
{
    hn_attr *a = attr(c, name, HN_ATTR_INTS, n);
    int64_t *copy = take(c, n, sizeof *copy);
    if (!a || !copy) return;
    for (size_t i = 0; i < n; i++) copy[i] = v[i];
    a->u.ints = copy;
}

void hn_case_floats(hn_cases *c, const char *name, size_t n, const double *v)
{
    hn_attr *a = attr(c, name, HN_ATTR_FLOATS, n);
    double *copy = take(c, n, sizeof *copy);
    if (!a || !copy) return;
    for (size_t i = 0; i < n; i++) copy[i] = v[i];
    a->u.floats = copy;
}

void hn_case_strings(hn_cases *c, const char *name, size_t n, const hn_str *v)
{
    hn_attr *a = attr(c, name, HN_ATTR_STRINGS, n);
    hn_str *copy = take(c, n, sizeof *copy);
    if (!a || !copy) return;
    for (size_t i = 0; i < n; i++) copy[i] = v[i];
    a->u.strings = copy;
}

static hn_tensor *tensor(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims)
{
    hn_tensor *t = take(c, 1, sizeof *t);
    if (!t) return NULL;
    hn_status st = hn_tensor_init(c->env, c->arena, t, dtype, rank, dims);
    if (st == HN_OK) return t;
    fail(c, st);
    return NULL;
}

static hn_tensor *from_values(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, const double *v)
{
    hn_tensor *t = tensor(c, dtype, rank, dims);
    size_t n = t ? hn_tensor_elems(t) : 0;
    for (size_t i = 0; i < n; i++) hn_set_f64(t, i, v[i]);
    return t;
}

static hn_tensor *from_ints(hn_cases *c, int rank, const int64_t *dims, const int64_t *v)
{
    hn_tensor *t = tensor(c, HN_I64, rank, dims);
    size_t n = t ? hn_tensor_elems(t) : 0;
    for (size_t i = 0; i < n; i++) hn_set_i64(t, i, v[i]);
    return t;
}

static hn_tensor *from_strings(hn_cases *c, int rank, const int64_t *dims, const char *const *v)
{
    hn_tensor *t = tensor(c, HN_STRING, rank, dims);
    size_t n = t ? hn_tensor_elems(t) : 0;
    for (size_t i = 0; i < n; i++) ((hn_str *)t->data)[i] = (hn_str){.data = v[i], .size = strlen(v[i])};
    return t;
}

void hn_case_tensor(hn_cases *c, const char *name, hn_dtype dtype, int rank, const int64_t *dims, const double *v)
{
    hn_attr *a = attr(c, name, HN_ATTR_TENSOR, 1);
    if (a) a->u.tensor = from_values(c, dtype, rank, dims, v);
}

void hn_case_type(hn_cases *c, const char *name, const hn_type *t)
{
    hn_attr *a = attr(c, name, HN_ATTR_TYPE, 1);
    hn_type *copy = take(c, 1, sizeof *copy);
    if (!a || !copy) return;
    *copy = *t;
    a->u.type = copy;
}

/* Whether t went into the list that is being filled. */
static bool entry(hn_cases *c, const hn_tensor *t)
{
    if (c->nopen == 0) return false;
    hn_tensor *list = c->open[c->nopen - 1].list;
    assert(list->dims[0] < HN_CASE_PORTS);
    *hn_tensor_item(list, (size_t)list->dims[0]++) = *t;
    list->bytes += sizeof *t;
    return true;
}

static void open_list(hn_cases *c, hn_kind kind, hn_dtype dtype, bool want)
{
    hn_type type = hn_type_list(kind, dtype, -1, NULL);
    hn_tensor *t = take(c, 1, sizeof *t);
    if (!t) return;
    assert(c->nopen < HN_MAX_NESTING);
    hn_status st = hn_tensor_list(c->env, c->arena, t, hn_type_list_dtype(&type), HN_CASE_PORTS);
    if (st != HN_OK) fail(c, st);
    t->dims[0] = 0;
    t->bytes = 0;
    c->open[c->nopen].list = t;
    c->open[c->nopen].kind = kind;
    c->open[c->nopen].dtype = dtype;
    c->open[c->nopen++].want = want;
}

void hn_case_list(hn_cases *c, hn_kind kind, hn_dtype dtype)
{
    open_list(c, kind, dtype, false);
}

void hn_case_want_list(hn_cases *c, hn_kind kind, hn_dtype dtype)
{
    open_list(c, kind, dtype, true);
}

static void input(hn_cases *c, hn_tensor *t)
{
    if (c->status != HN_OK || !c->last || entry(c, t)) return;
    assert(c->last->nin < HN_CASE_PORTS);
    c->last->in[c->last->nin++] = t;
}

static void want(hn_cases *c, hn_tensor *t)
{
    if (c->status != HN_OK || !c->last || entry(c, t)) return;
    assert(c->last->nwant < HN_CASE_PORTS);
    c->last->want[c->last->nwant++] = t;
}

void hn_case_end(hn_cases *c)
{
    if (c->status != HN_OK || c->nopen == 0) return;
    size_t at = --c->nopen;
    hn_tensor *t = c->open[at].list;
    if (c->open[at].want) {
        want(c, t);
        return;
    }
    hn_type type = hn_type_of(t);
    type.kind = c->open[at].kind;
    type.dtype = c->open[at].dtype;
    if (c->nopen == 0 && c->last) c->last->declared[c->last->nin] = type;
    input(c, t);
}

static uint64_t seed_of(hn_cases *c)
{
    uint64_t h = ++c->seed;
    for (const char *s = c->op->name; *s; s++) h = hn_mix64(h ^ (unsigned char)*s);
    return h;
}

void hn_case_rand(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, double lo, double hi)
{
    hn_rng rng;
    hn_rng_init(&rng, seed_of(c), 0);
    hn_tensor *t = tensor(c, dtype, rank, dims);
    size_t n = t ? hn_tensor_elems(t) : 0;
    for (size_t i = 0; i < n; i++) {
        double v = lo + (hi - lo) * hn_rng_unit(&rng);
        hn_set_f64(t, i, hn_ref_integer(dtype) ? floor(v) : v);
    }
    input(c, t);
}

void hn_case_in(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, const double *v)
{
    input(c, from_values(c, dtype, rank, dims, v));
}

void hn_case_in_i64(hn_cases *c, int rank, const int64_t *dims, const int64_t *v)
{
    input(c, from_ints(c, rank, dims, v));
}

void hn_case_in_str(hn_cases *c, int rank, const int64_t *dims, const char *const *v)
{
    input(c, from_strings(c, rank, dims, v));
}

void hn_case_absent(hn_cases *c)
{
    input(c, NULL);
}

void hn_case_const(hn_cases *c)
{
    if (c->status == HN_OK && c->last && c->last->nin) c->last->constant[c->last->nin - 1] = true;
}

void hn_case_axes(hn_cases *c, size_t n, const int64_t *v)
{
    int64_t dims[] = {(int64_t)n};
    hn_case_in_i64(c, 1, dims, v);
    hn_case_const(c);
}

void hn_case_scalar(hn_cases *c, hn_dtype dtype, double v)
{
    hn_case_in(c, dtype, 0, NULL, &v);
    hn_case_const(c);
}

void hn_case_want(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, const double *v)
{
    want(c, from_values(c, dtype, rank, dims, v));
}

void hn_case_want_i64(hn_cases *c, int rank, const int64_t *dims, const int64_t *v)
{
    want(c, from_ints(c, rank, dims, v));
}

void hn_case_want_str(hn_cases *c, int rank, const int64_t *dims, const char *const *v)
{
    want(c, from_strings(c, rank, dims, v));
}

/* The dtype in which a row's cases are written: f32 where input i allows it, else the widest integer, else bool. */
static hn_dtype plain(const hn_op *op, int i)
{
    uint32_t types = op->in[i].types;
    if (types & HN_BIT(HN_F32)) return HN_F32;
    if (types & HN_BIT(HN_I64)) return HN_I64;
    return types & HN_BIT(HN_I32) ? HN_I32 : HN_BOOL;
}

static hn_dtype result(const hn_op *op)
{
    return op->out[0].types == HN_T_BOOL ? HN_BOOL : plain(op, 0);
}

hn_status hn_cases_unary(hn_cases *c, double lo, double hi, size_t n, const double *x, const double *y)
{
    int64_t dims[] = {(int64_t)n};
    hn_dtype t = plain(c->op, 0);
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_NO_GRAD);
    hn_case_in(c, t, 1, dims, x);
    hn_case_want(c, result(c->op), 1, dims, y);
    hn_case(c, "rank 3");
    hn_case_rand(c, t, HN_DIMS(2, 1, 5), lo, hi);
    hn_case(c, "scalar");
    hn_case_rand(c, t, HN_NO_DIMS, lo, hi);
    hn_case(c, "empty");
    hn_case_rand(c, t, HN_DIMS(3, 0), lo, hi);
    return hn_cases_status(c);
}

hn_status hn_cases_binary(hn_cases *c, double lo, double hi, size_t n, const double *a, const double *b,
                          const double *y)
{
    int64_t dims[] = {(int64_t)n};
    hn_dtype t = plain(c->op, 0), u = plain(c->op, c->op->nin > 1 ? 1 : 0);
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_NO_GRAD);
    hn_case_in(c, t, 1, dims, a);
    hn_case_in(c, u, 1, dims, b);
    hn_case_want(c, result(c->op), 1, dims, y);
    hn_case(c, "equal shapes");
    hn_case_rand(c, t, HN_DIMS(2, 3), lo, hi);
    hn_case_rand(c, u, HN_DIMS(2, 3), lo, hi);
    hn_case(c, "broadcast both ways");
    hn_case_rand(c, t, HN_DIMS(2, 1, 4), lo, hi);
    hn_case_rand(c, u, HN_DIMS(3, 1), lo, hi);
    hn_case(c, "scalar left");
    hn_case_rand(c, t, HN_NO_DIMS, lo, hi);
    hn_case_rand(c, u, HN_DIMS(1, 3), lo, hi);
    hn_case(c, "empty");
    hn_case_rand(c, t, HN_DIMS(2, 0), lo, hi);
    hn_case_rand(c, u, HN_DIMS(1, 1), lo, hi);
    return hn_cases_status(c);
}

hn_status hn_cases_reduce(hn_cases *c, double lo, double hi, const double y[2])
{
    hn_dtype t = plain(c->op, 0);
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_int(c, "keepdims", 0);
    hn_case_in(c, t, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case_want(c, t, HN_DIMS(2), y);
    hn_case(c, "all axes");
    hn_case_rand(c, t, HN_DIMS(2, 3, 2), lo, hi);
    hn_case(c, "two axes, one negative, kept");
    hn_case_rand(c, t, HN_DIMS(2, 3, 4), lo, hi);
    hn_case_axes(c, 2, (int64_t[]){0, -1});
    hn_case(c, "two axes dropped");
    hn_case_int(c, "keepdims", 0);
    hn_case_rand(c, t, HN_DIMS(2, 3, 4), lo, hi);
    hn_case_axes(c, 2, (int64_t[]){2, 0});
    hn_case(c, "no axes, no-op");
    hn_case_int(c, "noop_with_empty_axes", 1);
    hn_case_rand(c, t, HN_DIMS(2, 3), lo, hi);
    hn_case_absent(c);
    hn_case(c, "axis of size 1");
    hn_case_rand(c, t, HN_DIMS(3, 1), lo, hi);
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case(c, "empty result");
    hn_case_rand(c, t, HN_DIMS(0, 3), lo, hi);
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case(c, "axis outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, t, HN_DIMS(2, 3), lo, hi);
    hn_case_axes(c, 1, (int64_t[]){2});
    return hn_cases_status(c);
}
