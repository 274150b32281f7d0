/* one_node: a node lowered to its driver outside any plan, with its operands in memory, ready to be run again and
 * again. A failure ends the benchmark. */
#ifndef HN_BENCH_ONE_NODE_H
#define HN_BENCH_ONE_NODE_H

#include <stdio.h>
#include <stdlib.h>

#include "device/device.h"

enum { ONE_NODE_OPERANDS = 16 };

typedef struct one_node {
    hn_lower lower;          /* holds the kernels that the run points to */
    const hn_driver *driver; /* NULL: only the reference takes it; lower.reason says why */
    hn_run run;
    void *ptr[ONE_NODE_OPERANDS];
} one_node;

static inline void one_node_must(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "benchmark: %s failed\n", what);
    exit(1);
}

/* A value with small numbers in it; its bytes are at scratch. */
static inline hn_value *one_node_value(hn_graph *g, hn_dtype dtype, bool constant, int rank, const int64_t *dims)
{
    hn_tensor *t = hn_arena_alloc(g->env, g->arena, sizeof *t);
    one_node_must(t != NULL && hn_tensor_init(g->env, g->arena, t, dtype, rank, dims) == HN_OK, "allocation");
    bool real = hn_dtype_is_float(dtype);
    for (size_t i = 0; i < hn_tensor_elems(t); i++)
        hn_set_f64(t, i, real ? (double)(i * 7 % 17) / 17.0 - 0.5 : (double)(i * 7 % 13) - (dtype == HN_I8) * 6);
    hn_value *v = hn_graph_const(g, NULL, t);
    one_node_must(v != NULL, "constant");
    v->scratch = t->data;
    if (!constant) v->data = NULL;
    return v;
}

static inline void one_node_open(one_node *o, hn_node *n, uint64_t isa)
{
    hn_env *env = n->graph->env;
    hn_arena *arena = n->graph->arena;
    static hn_machine m;
    hn_machine_read(&m);
    hn_lower *c = &o->lower;
    *c = (hn_lower){.env = env, .arena = arena, .node = n, .machine = &m, .isa = isa};
    one_node_must(hn_node_infer(n) == HN_OK && hn_device_lower(c, &o->driver, NULL, NULL) == HN_OK, "lowering");
    if (o->driver == NULL) return;
    void *out = hn_arena_alloc_aligned(env, arena, hn_type_bytes(&n->out[0]->type), 64);
    o->run = (hn_run){.env = env, .ptr = o->ptr, .params = c->params, .kernels = c->kernels};
    o->run.scratch = hn_arena_alloc_aligned(env, arena, c->scratch_bytes, 64);
    one_node_must(out != NULL && o->run.scratch != NULL && c->noperands <= ONE_NODE_OPERANDS, "allocation");
    for (size_t i = 0; i < c->noperands; i++) {
        const hn_operand *x = &c->operands[i];
        o->ptr[i] = x->kind == HN_OPERAND_CONST      ? x->data
                    : x->written && x->value != NULL ? out
                    : x->value != NULL               ? x->value->scratch
                                                     : NULL;
    }
}

static inline void one_node_run(const one_node *o)
{
    one_node_must(o->driver->run(&o->run) == HN_OK, "run");
}

static inline const char *one_node_kernel(const one_node *o)
{
    return o->lower.nkernels > 0 ? o->lower.kernels[0]->name : o->driver->name;
}

#endif
