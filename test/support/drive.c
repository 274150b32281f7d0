/* drive: see drive.h. Memory given to a driver is filled with a pattern first, so that reading undefined bytes shows.
 */
#include "support/drive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "ops/ops.h"
#include "support/guard.h"

enum { FENCE = 256 };

static void ok(drive *d, hn_status st)
{
    char text[1500];
    if (st == HN_OK) return;
    hn_error_format(&d->env.error, text, sizeof text);
    fail_msg("status %d: %s", (int)st, text);
}

void drive_begin(drive *d, uint64_t seed)
{
    *d = (drive){0};
    hn_env_init(&d->env);
    hn_rng_init(&d->rng, seed, 7);
    d->g = hn_graph_new(&d->env, &d->arena, &hn_ops, "drive");
    assert_non_null(d->g);
    ok(d, hn_pool_new(&d->env, 2, &d->pool));
}

void drive_end(drive *d)
{
    hn_pool_free(&d->env, d->pool);
    hn_arena_fini(&d->env, &d->arena);
}

void drive_tensor(drive *d, bool constant, const hn_tensor *t)
{
    char name[16];
    hn_type type = hn_type_tensor(t->dtype, t->rank, t->dims);
    snprintf(name, sizeof name, "in%zu", d->nin);
    d->in[d->nin] = constant ? hn_graph_const(d->g, name, t) : hn_graph_input(d->g, name, &type);
    assert_non_null(d->in[d->nin]);
    d->data[d->nin++] = t;
}

hn_tensor *drive_rand(drive *d, bool constant, int rank, const int64_t *dims, double lo, double hi)
{
    hn_tensor *t = hn_arena_alloc(&d->env, &d->arena, sizeof *t);
    assert_non_null(t);
    ok(d, hn_tensor_init(&d->env, &d->arena, t, HN_F32, rank, dims));
    for (size_t i = 0; i < hn_tensor_elems(t); i++) hn_set_f64(t, i, lo + (hi - lo) * hn_rng_unit(&d->rng));
    drive_tensor(d, constant, t);
    return t;
}

void drive_absent(drive *d)
{
    d->in[d->nin] = NULL;
    d->data[d->nin++] = NULL;
}

hn_node *drive_node(drive *d, const char *op, size_t nout)
{
    char domain[64] = "";
    const char *dot = strrchr(op, '.');
    if (dot != NULL) snprintf(domain, sizeof domain, "%.*s", (int)(dot - op), op);
    const hn_op *row = NULL;
    for (size_t i = 0; i < hn_ops.count; i++)
        if (strcmp(hn_ops.rows[i]->domain, domain) == 0 &&
            strcmp(hn_ops.rows[i]->name, dot == NULL ? op : dot + 1) == 0)
            row = hn_ops.rows[i];
    if (row == NULL) fail_msg("no row %s", op);
    d->node = hn_node_new(d->g, NULL, row, "n", d->nin, d->in, nout);
    assert_non_null(d->node);
    return d->node;
}

typedef struct fenced {
    unsigned char *base, *p;
    size_t bytes;
} fenced;

static fenced fenced_new(size_t bytes, unsigned char fill)
{
    fenced f = {.bytes = bytes};
    f.base = aligned_alloc(64, (bytes + 2 * FENCE + 63) / 64 * 64);
    assert_non_null(f.base);
    memset(f.base, 0xa5, FENCE);
    f.p = f.base + FENCE;
    memset(f.p, fill, bytes);
    memset(f.p + bytes, 0xa5, FENCE);
    return f;
}

static void fenced_check(const fenced *f, const char *what)
{
    for (size_t i = 0; i < FENCE; i++)
        if (f->base[i] != 0xa5 || f->p[f->bytes + i] != 0xa5) fail_msg("%s: written outside", what);
}

typedef struct outputs {
    fenced mem[DRIVE_PORTS];
    size_t n;
} outputs;

static outputs run_once(drive *d, const hn_driver *driver, const hn_lower *c, hn_pool *pool, unsigned char fill)
{
    outputs out = {.n = d->node->nout};
    void **ptr = calloc(c->noperands + 1, sizeof *ptr);
    fenced *ins = calloc(c->noperands + 1, sizeof *ins), scratch = fenced_new(c->scratch_bytes, fill);
    assert_true(ptr != NULL && ins != NULL);
    for (size_t i = 0; i < d->node->nout; i++)
        out.mem[i] = fenced_new(d->node->out[i] == NULL ? 0 : hn_type_bytes(&d->node->out[i]->type), fill);
    for (size_t k = 0; k < c->noperands; k++) {
        const hn_operand *o = &c->operands[k];
        if (o->kind == HN_OPERAND_CONST) {
            ptr[k] = o->data;
            continue;
        }
        if (o->value == NULL) continue;
        for (size_t i = 0; i < d->node->nout; i++)
            if (d->node->out[i] == o->value) ptr[k] = out.mem[i].p;
        for (size_t i = 0; i < d->nin && ptr[k] == NULL; i++) {
            if (d->in[i] != o->value) continue;
            ins[k] = fenced_new(d->data[i]->bytes, 0);
            if (d->data[i]->bytes > 0) memcpy(ins[k].p, d->data[i]->data, d->data[i]->bytes);
            ptr[k] = ins[k].p;
        }
        assert_non_null(ptr[k]);
    }
    hn_run r = {
        .env = &d->env, .ptr = ptr, .params = c->params, .kernels = c->kernels, .scratch = scratch.p, .pool = pool};
    ok(d, driver->run(&r));
    fenced_check(&scratch, driver->name);
    for (size_t i = 0; i < out.n; i++) fenced_check(&out.mem[i], driver->name);
    for (size_t k = 0; k < c->noperands; k++) {
        if (ins[k].base == NULL) continue;
        for (size_t i = 0; i < d->nin; i++)
            if (d->in[i] == c->operands[k].value && d->data[i]->bytes > 0)
                assert_memory_equal(ins[k].p, d->data[i]->data, d->data[i]->bytes);
        free(ins[k].base);
    }
    free(ins);
    free(ptr);
    free(scratch.base);
    return out;
}

static void outputs_free(outputs *o)
{
    for (size_t i = 0; i < o->n; i++) free(o->mem[i].base);
}

static void compare(drive *d, const char *driver, const char *isa, const outputs *got, hn_tensor *const *want,
                    double rtol, double atol)
{
    for (size_t i = 0; i < got->n; i++) {
        if (want[i] == NULL) continue;
        hn_tensor view = *want[i];
        view.data = got->mem[i].p;
        for (size_t e = 0; e < hn_tensor_elems(&view); e++) {
            double a = hn_get_f64(&view, e), b = hn_get_f64(want[i], e);
            if (!close_to(a, b, rtol, atol))
                fail_msg("%s.%s by %s on %s: output %zu element %zu is %.9g, want %.9g", d->node->op->domain,
                         d->node->op->name, driver, isa, i, e, a, b);
        }
    }
}

static void try_driver(drive *d, const hn_driver *driver, uint64_t isa, hn_tensor *const *want, const char *must,
                       double rtol, double atol)
{
    hn_machine m;
    hn_machine_read(&m);
    hn_lower c = {.env = &d->env, .arena = &d->arena, .node = d->node, .machine = &m, .isa = isa, .inplace = -1};
    ok(d, driver->lower(&c));
    if (c.refused) {
        assert_true(c.reason[0] != '\0');
        if (must != NULL && isa == m.isa && strcmp(must, driver->name) == 0)
            fail_msg("%s refused: %s", driver->name, c.reason);
        return;
    }
    d->taken++;
    for (size_t i = 0; i < c.nkernels; i++) assert_int_equal(c.kernels[i]->isa & ~isa, 0);
    outputs one = run_once(d, driver, &c, NULL, 0xff), two = run_once(d, driver, &c, d->pool, 0x5a);
    compare(d, driver->name, hn_isa_name(isa), &one, want, rtol, atol);
    for (size_t i = 0; i < one.n; i++)
        if (one.mem[i].bytes > 0 && memcmp(one.mem[i].p, two.mem[i].p, one.mem[i].bytes) != 0)
            fail_msg("%s: two threads give other bytes than one", driver->name);
    outputs_free(&one);
    outputs_free(&two);
}

void drive_check(drive *d, const char *must, double rtol, double atol)
{
    static const uint64_t LEVELS[] = {0, HN_ISA_AVX2, HN_ISA_AVX2 | HN_ISA_AVX512, ~UINT64_C(0)};
    d->unsuitable = true;
    if (hn_node_infer(d->node) != HN_OK) {
        if (must != NULL) ok(d, d->env.error.status);
        return;
    }
    hn_tensor *want[DRIVE_PORTS] = {0};
    for (size_t i = 0; i < d->node->nout; i++) {
        if (d->node->out[i] == NULL) continue;
        if (!hn_type_known(&d->node->out[i]->type)) return;
        want[i] = hn_arena_alloc(&d->env, &d->arena, sizeof **want);
        assert_non_null(want[i]);
        const hn_type *t = &d->node->out[i]->type;
        ok(d, hn_tensor_init(&d->env, &d->arena, want[i], t->dtype, t->rank, t->dims));
    }
    hn_arena scratch = {0};
    hn_refargs a = {.env = &d->env,
                    .node = d->node,
                    .nin = d->nin,
                    .nout = d->node->nout,
                    .in = d->data,
                    .out = want,
                    .scratch = &scratch};
    hn_status st = d->node->op->ref == NULL ? HN_UNSUPPORTED : d->node->op->ref(&a);
    hn_arena_fini(&d->env, &scratch);
    if (st != HN_OK) {
        if (must != NULL) ok(d, st);
        return;
    }
    d->unsuitable = false;
    hn_machine m;
    hn_machine_read(&m);
    uint64_t last = ~UINT64_C(0);
    bool found = must == NULL;
    char full[96];
    snprintf(full, sizeof full, "%s%s%s", d->node->op->domain, d->node->op->domain[0] ? "." : "", d->node->op->name);
    for (size_t l = 0; l < HN_COUNT(LEVELS); l++) {
        uint64_t isa = LEVELS[l] & m.isa;
        if (isa == last) continue;
        last = isa;
        for (size_t i = 0; i < hn_driver_count; i++) {
            const hn_driver *driver = hn_driver_rows[i];
            for (const char *const *name = driver->ops; *name != NULL; name++) {
                if (strcmp(*name, full) != 0) continue;
                found = found || strcmp(must, driver->name) == 0;
                try_driver(d, driver, isa, want, must, rtol, atol);
            }
        }
    }
    if (!found) fail_msg("no driver %s for %s", must, full);
}
