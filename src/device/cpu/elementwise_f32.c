/* elementwise_f32: hone.Elementwise in pieces that stay in L1. Every step of the program runs over one piece through
 * the kernel of its operator, so the bytes are those of the steps one by one; what lies between two steps is in a small
 * buffer of the task. Where rows are long, operands that are broadcast stand still or move along with a row; else they
 * are written out, constants when the step is made, rows that come again once a task, and others piece by piece. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_bcast.h"
#include "device/cpu/lib_elem.h"
#include "kernels/binary_f32.h"
#include "kernels/unary_f32.h"
#include "ops/lib_elementwise.h"

/* Floats of the buffer; most and least in a piece; elements of a task; shortest rows that are walked as such; bytes of
 * a constant written out. */
enum { BUFFER = 4096, PIECE_MOST = 1024, BLOCK = 1 << 13, LEAST_RUN = 256, CONST_BYTES = 1 << 16 };
enum { KERNEL_UNARY, KERNEL_BINARY };

/* Where operands lie: an input; a part of the buffer; an output. */
enum { AT_SLOT = HN_ELEM_INPUTS, AT_OUTPUT = AT_SLOT + HN_ELEM_INPUTS + HN_ELEM_STEPS, NOWHERE = -1 };
enum { PLACES = AT_OUTPUT + HN_ELEM_OUTPUTS };

typedef struct step {
    hn_elem_fn fn;
    int8_t arg[HN_ELEM_ARGS], to;
} step;

typedef struct params {
    uint32_t count, inputs, outputs, slots; /* steps; inputs and outputs of the node; parts of the buffer */
    uint32_t piece, block;                  /* elements; of a task where rows are short */
    uint32_t flat, once;                    /* rows are short; what is written out is the same for every piece */
    uint64_t n;
    hn_bcast walk;
    step step[HN_ELEM_STEPS];
    uint8_t bytes[HN_ELEM_INPUTS], moves[HN_ELEM_INPUTS]; /* of an element; flat: 1 when it is not one number */
    int8_t slot[HN_ELEM_INPUTS];                          /* where an input is written out, or NOWHERE */
} params;

/* ---- lowering ---- */
/* What stands in the first `have` bytes again and again, up to `all` bytes. */
static void repeat(char *dst, size_t have, size_t all)
{
    for (size_t some; have < all; have += some) {
        some = hn_min_size(all - have, have);
        memcpy(dst + have, dst, some);
    }
}

/* n elements from number `from` on of operand k, broadcast. A row that comes again is doubled. */
static void expand(const hn_bcast *b, size_t k, size_t bytes, const char *src, size_t from, size_t n, char *dst)
{
    uint64_t pos[HN_MAX_RANK] = {0}, at = 0, row = from / b->inner, in = from % b->inner;
    for (uint32_t d = b->rank; d-- > 0; row /= b->dims[d]) {
        pos[d] = row % b->dims[d];
        at += pos[d] * b->step[k][d];
    }
    while (n > 0) {
        size_t run = hn_min_size(b->inner - in, n);
        const char *p = src + (at + in * b->inner_step[k]) * bytes;
        size_t fresh = (b->inner_step[k] == 1 ? run : 1) * bytes;
        memcpy(dst, p, fresh);
        repeat(dst, fresh, run * bytes);
        bool whole = in == 0 && run == b->inner;
        dst += run * bytes;
        n -= run;
        in = 0;
        if (b->rank == 0) continue;
        uint32_t last = b->rank - 1;
        uint64_t again = b->dims[last] - 1 - pos[last];
        if (whole && b->step[k][last] == 0 && again > 0 && n >= b->inner) {
            again = hn_min_size(again, n / b->inner);
            repeat(dst - run * bytes, run * bytes, (1 + again) * run * bytes);
            pos[last] += again;
            dst += again * run * bytes;
            n -= again * run;
        }
        for (uint32_t d = b->rank; d-- > 0;) {
            at += b->step[k][d];
            if (++pos[d] < b->dims[d]) break;
            at -= b->step[k][d] * b->dims[d];
            pos[d] = 0;
        }
    }
}

static bool kept(const hn_node *n, const hn_elem *e, size_t i, size_t *output)
{
    for (size_t k = 0; k < e->nkeep; k++) {
        *output = k;
        if (e->keep[k] == (int)i) return n->out[k] != NULL;
    }
    return false;
}

static size_t last_reader(const hn_elem *e, size_t from, int value)
{
    size_t last = 0;
    for (size_t i = from; i < e->count; i++)
        for (size_t k = 0; k < e->step[i].nin; k++)
            if (e->step[i].arg[k] == value) last = i;
    return last;
}

/* Parts of the buffer for results, from number `used` on; returns how many there are then. A result may take over the
 * part of a float operand that is read for the last time. */
static size_t place_results(const hn_node *n, const hn_elem *e, params *p, size_t used)
{
    int8_t owner[HN_ELEM_INPUTS + HN_ELEM_STEPS]; /* step that holds a part */
    memset(owner, NOWHERE, sizeof owner);
    size_t first = used;
    for (size_t i = 0; i < e->count; i++) {
        size_t at = first, output;
        if (kept(n, e, i, &output)) {
            p->step[i].to = (int8_t)(AT_OUTPUT + output);
            continue;
        }
        for (; at < used; at++) {
            size_t o = (size_t)owner[at], last = last_reader(e, o + 1, (int)(n->nin + o));
            bool apart = hn_elem_gives_bool(e->step[o].op) || hn_elem_gives_bool(e->step[i].op);
            if (last < i || (last == i && !apart)) break;
        }
        owner[at] = (int8_t)i;
        used = hn_max_size(used, at + 1);
        p->step[i].to = (int8_t)(AT_SLOT + at);
    }
    return used;
}

/* The kernels of the steps; false with the refusal recorded. */
static bool choose_functions(hn_lower *c, const hn_elem *e, params *p)
{
    const hn_node *n = c->node;
    for (size_t i = 0; i < e->count; i++) {
        const hn_elem_step *s = &e->step[i];
        hn_value *in[HN_ELEM_ARGS] = {NULL};
        for (size_t k = 0; k < s->nin; k++)
            if (s->arg[k] >= 0) in[k] = (size_t)s->arg[k] < n->nin ? n->in[s->arg[k]] : n->out[0];
        const char *why = hn_elem_fn_of(s->op, s->a, s->b, s->nin, in, &p->step[i].fn);
        if (why != NULL) {
            (void)hn_lower_refuse(c, "%s: %s", s->op->name, why);
            return false;
        }
    }
    if (hn_lower_kernel(c, "unary_f32", -1, 0) != NULL && hn_lower_kernel(c, "binary_f32", -1, 0) != NULL) return true;
    (void)hn_lower_refuse(c, "no unary_f32 or binary_f32 kernel");
    return false;
}

/* Adds input i as it stands, or, where it is a small constant that is broadcast, written out for one index of the first
 * dim, or for all where it differs there. *type: of what was added. */
static int add_input(hn_lower *c, const params *p, size_t i, const hn_type *y, hn_type *type)
{
    const hn_value *v = c->node->in[i];
    const hn_type *own = &v->type;
    hn_type wide = *y;
    void *data;
    *type = *own;
    if (y->rank > 0 && (own->rank < y->rank || own->dims[0] == 1)) wide.dims[0] = 1;
    wide.dtype = own->dtype;
    size_t n = hn_type_elems(&wide), elems = hn_type_elems(own);
    if (v->data == NULL || elems == 1 || elems >= n || n * p->bytes[i] > CONST_BYTES) return hn_lower_input(c, i);
    hn_bcast b;
    hn_bcast_init(&b, 1, (const hn_type *const[]){own}, &wide);
    int number = hn_lower_const(c, n * p->bytes[i], &data);
    if (number >= 0) expand(&b, 0, p->bytes[i], v->data->data, 0, n, data);
    *type = wide;
    return number;
}

/* An input whose bytes the first output may take over: as large, of the same type, and not read after it is written. */
static void choose_inplace(hn_lower *c, const hn_elem *e, const params *p)
{
    const hn_node *n = c->node;
    for (size_t i = 0; i < n->nin && c->inplace < 0; i++)
        if (n->in[i]->data == NULL && p->bytes[i] == sizeof(float) && hn_type_elems(&n->in[i]->type) == p->n &&
            last_reader(e, 0, (int)i) <= (size_t)e->keep[0])
            c->inplace = (int)i;
}

/* Whether every operand is dense, one number or one row that comes again. */
static bool row_again(const params *p)
{
    bool again = p->walk.rank == 1;
    for (uint32_t i = 0; i < p->inputs && again; i++) {
        uint64_t step = p->walk.step[i][0], move = p->walk.inner_step[i];
        again = step == 0 || (step == p->walk.inner && move == 1);
    }
    return again;
}

/* Pieces of whole rows where one row after the other meets the same operands, so that these are written out once. */
static void choose_piece(params *p)
{
    size_t piece = hn_min_size(BUFFER / hn_max_size(p->slots, 1) / 64 * 64, PIECE_MOST), inner = p->walk.inner;
    p->once = p->flat && row_again(p) && piece >= inner;
    if (p->once) piece = piece / inner * inner;
    p->piece = (uint32_t)piece;
    p->block = (uint32_t)(BLOCK / piece * piece);
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    hn_elem e;
    HN_TRY(hn_elem_read(c->env, n, &e));
    hn_type own[HN_ELEM_INPUTS];
    const hn_type *types[HN_ELEM_INPUTS], *y = NULL;
    for (size_t k = 0; k < n->nout; k++) y = n->out[k] != NULL ? &n->out[k]->type : y;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    for (size_t k = 0; k < n->nout; k++)
        if (n->out[k] != NULL && n->out[k]->type.dtype != HN_F32) return hn_lower_refuse(c, "a result is not f32");
    if (y == NULL || n->out[0] == NULL) return hn_lower_refuse(c, "the first result is not wanted");
    p->n = hn_type_elems(y);
    p->count = (uint32_t)e.count;
    p->inputs = (uint32_t)n->nin;
    p->outputs = (uint32_t)n->nout;
    if (!choose_functions(c, &e, p)) return HN_OK;
    for (size_t i = 0; i < n->nin; i++) {
        p->bytes[i] = n->in[i]->type.dtype == HN_BOOL ? 1 : sizeof(float);
        types[i] = &own[i];
        if (add_input(c, p, i, y, &own[i]) < 0) return HN_NOMEM;
    }
    for (size_t k = 0; k < n->nout; k++)
        if (hn_lower_output(c, k) < 0) return HN_NOMEM;
    hn_bcast_init(&p->walk, n->nin, types, y);
    p->flat = p->walk.rank > 0 && (p->walk.inner < LEAST_RUN || (row_again(p) && p->walk.inner <= PIECE_MOST / 2));
    size_t slots = 0;
    for (size_t i = 0; i < n->nin; i++) {
        size_t elems = hn_type_elems(types[i]);
        bool as_is = !p->flat || elems == 1 || elems == p->n;
        p->moves[i] = elems != 1 || p->n == 1;
        p->slot[i] = (int8_t)(as_is ? NOWHERE : (int)slots++);
    }
    slots = place_results(n, &e, p, slots);
    p->slots = (uint32_t)slots;
    choose_piece(p);
    for (size_t i = 0; i < e.count; i++)
        for (size_t k = 0; k < HN_ELEM_ARGS; k++) {
            int arg = e.step[i].arg[k];
            p->step[i].arg[k] = arg < (int)n->nin ? (int8_t)(arg > 0 ? arg : 0) : p->step[(size_t)arg - n->nin].to;
        }
    choose_inplace(c, &e, p);
    return HN_OK;
}

/* ---- running ---- */
typedef struct operand {
    const char *p;
    uint64_t step; /* 0 or 1 */
} operand;

static const float *floats(const operand *o)
{
    return (const float *)(const void *)o->p;
}

static void *written(const operand *o)
{
    return (void *)(uintptr_t)o->p;
}

/* A kernel of one operand knows no strides: a number that stands for all is written out first. */
static void unary(const hn_run *r, const step *s, size_t n, const operand *x, float *y)
{
    const float *from = floats(x);
    if (x->step == 0) {
        for (size_t i = 0; i < n; i++) y[i] = *from;
        from = y;
    }
    ((hn_unary_f32_fn *)r->kernels[KERNEL_UNARY]->fn)(s->fn.kind, n, from, y, s->fn.a, s->fn.b);
}

/* The program over n elements of what o[] says. */
static void piece(const hn_run *r, size_t n, const operand *o)
{
    const params *p = r->params;
    for (const step *s = p->step, *end = s + p->count; s < end; s++) {
        const operand *a = &o[s->arg[0]], *b = &o[s->arg[1]], *c = &o[s->arg[2]];
        void *y = written(&o[s->to]);
        switch (s->fn.family) {
        case HN_ELEM_UNARY: unary(r, s, n, a, y); break;
        case HN_ELEM_BINARY:
            ((hn_binary_f32_fn *)r->kernels[KERNEL_BINARY]->fn)(s->fn.kind, n, floats(a), a->step, floats(b), b->step,
                                                                y);
            break;
        case HN_ELEM_COMPARE: hn_elem_compare_f32(s->fn.kind, n, floats(a), a->step, floats(b), b->step, y); break;
        default:
            hn_elem_pick_4(n, (const uint64_t[]){a->step, b->step, c->step}, (const uint8_t *)a->p,
                           (const uint32_t *)(const void *)b->p, (const uint32_t *)(const void *)c->p, y);
        }
    }
}

static void place_buffer(const params *p, float *buffer, operand *o)
{
    for (uint32_t i = 0; i < p->slots; i++)
        o[AT_SLOT + i] = (operand){(const char *)(buffer + (size_t)i * p->piece), 1};
}

static void place_outputs(const hn_run *r, size_t y, operand *o)
{
    const params *p = r->params;
    for (uint32_t k = 0; k < p->outputs; k++)
        o[AT_OUTPUT + k] = (operand){(const char *)((const float *)r->ptr[p->inputs + k] + y), 1};
}

/* A run of a row, a piece at a time. */
static void rows(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *move, size_t y)
{
    const params *p = r->params;
    _Alignas(64) float buffer[BUFFER];
    operand o[PLACES];
    place_buffer(p, buffer, o);
    for (size_t from = 0, some; from < n; from += some) {
        some = hn_min_size(p->piece, n - from);
        for (uint32_t i = 0; i < p->inputs; i++)
            o[i] = (operand){(const char *)r->ptr[i] + (at[i] + from * move[i]) * p->bytes[i], move[i]};
        place_outputs(r, y + from, o);
        piece(r, some, o);
    }
}

static void flat_task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    _Alignas(64) float buffer[BUFFER];
    operand o[PLACES];
    size_t first = index * p->block, end = hn_min_size(first + p->block, p->n);
    place_buffer(p, buffer, o);
    for (size_t from = first, some; from < end; from += some) {
        some = hn_min_size(p->piece, end - from);
        for (uint32_t i = 0; i < p->inputs; i++) {
            o[i] = (operand){(const char *)r->ptr[i] + from * p->moves[i] * p->bytes[i], p->moves[i]};
            if (p->slot[i] == NOWHERE) continue;
            o[i] = o[AT_SLOT + p->slot[i]];
            if (from == first || !p->once) expand(&p->walk, i, p->bytes[i], r->ptr[i], from, some, written(&o[i]));
        }
        place_outputs(r, from, o);
        piece(r, some, o);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    if (p->flat)
        hn_pool_run(r->pool, hn_div_up(p->n, p->block), flat_task, (void *)r);
    else
        hn_bcast_run(r, &p->walk, rows);
    return HN_OK;
}

static const char *const OPS[] = {"hone.Elementwise", NULL};
const hn_driver hn_cpu_elementwise_f32 = {
    .name = "elementwise_f32",
    .doc = "float32 programs of elementwise operators, piece by piece in the cache",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
