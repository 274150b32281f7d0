/* Loop: runs its body while a condition holds, at most M times, carrying values and stacking scan outputs. */
#include "ops/lib_control.h"

enum { FIXED = 2 }; /* M and cond; the body sees the iteration number and cond */

/* What the body may rely on: the iteration number, the condition, and the dtypes of carried values (their shapes may
 * change). */
static hn_status infer_body(const hn_infer *c, hn_graph *body, size_t carried)
{
    hn_type step = hn_type_tensor(HN_I64, 0, NULL), cond = hn_type_tensor(HN_BOOL, 0, NULL);
    hn_arena arena = {0};
    hn_type *loose = hn_arena_array(c->env, &arena, carried + 1, sizeof *loose);
    const hn_type **types = hn_arena_array(c->env, &arena, FIXED + carried, sizeof *types);
    hn_status st = HN_NOMEM;
    if (loose && types) {
        types[0] = body->in[0]->type.rank < 0 ? &step : NULL;
        types[1] = body->in[1]->type.rank < 0 ? &cond : NULL;
        for (size_t i = 0; i < carried; i++) {
            loose[i] = *c->in[FIXED + i];
            loose[i].rank = -1;
            types[FIXED + i] = &loose[i];
        }
        st = hn_control_infer(c, body, FIXED + carried, types);
    }
    hn_arena_fini(c->env, &arena);
    return st;
}

/* Zero iterations give the initial value, so the type covers it and what the body gives; where one of them is an
 * optional and the other what it may hold, the body's kind counts. */
static hn_status carried_type(const hn_infer *c, size_t i, const hn_type *body, hn_type *out)
{
    const hn_type *first = c->in[FIXED + i];
    if (body->dtype != HN_NONE && first->dtype != HN_NONE && body->dtype != first->dtype) {
        return hn_op_fail(c->env, c->node, "carried value %zu changes its type", i);
    }
    if (body->dtype != HN_NONE && body->kind != first->kind) {
        *out = *body;
        out->rank = -1;
    } else if (body->dtype == HN_NONE || !hn_type_join(body, first, out)) {
        *out = (hn_type){.kind = first->kind, .dtype = first->dtype, .rank = -1, .key = first->key};
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    size_t given = c->nin - c->node->ncaptures;
    hn_graph *body;
    if (given < FIXED || c->nout < given - FIXED)
        return hn_op_fail(c->env, c->node, "fewer outputs than carried values");
    size_t carried = given - FIXED;
    for (size_t i = 0; i < carried; i++) {
        if (!c->in[FIXED + i]) return hn_op_fail(c->env, c->node, "carried value %zu is absent", i);
    }
    HN_TRY(hn_control_region(c, 0, given, 1 + c->nout, &body));
    HN_TRY(infer_body(c, body, carried));
    for (size_t i = 0; i < c->nout; i++) {
        const hn_type *t = &body->out[1 + i]->type;
        if (i < carried) {
            HN_TRY(carried_type(c, i, t, &c->out[i]));
            continue;
        }
        c->out[i] = (hn_type){.kind = HN_KIND_TENSOR, .dtype = t->dtype, .rank = -1};
        if (t->rank < 0) continue;
        if (t->rank == HN_MAX_RANK) return hn_op_unsupported(c->env, c->node, "scan output of rank %d", t->rank + 1);
        c->out[i].rank = t->rank + 1;
        c->out[i].dims[0] = -1;
        memcpy(c->out[i].dims + 1, t->dims, (size_t)t->rank * sizeof t->dims[0]);
    }
    return HN_OK;
}

static const hn_port in[] = {{"M", HN_T_I64, 0, true}, {"cond", HN_T_BOOL, 0, true}, {"v_initial", HN_T_ANY, 0, true}};
static const hn_port out[] = {{"v_final_and_scan_outputs", HN_T_ANY, 0, true}};

const hn_op hn_op_loop = {
    .name = "Loop",
    .domain = "",
    .since = 25,
    .doc = "for i = 0; i < M and cond; i++: (cond, v, scans) = body(i, cond, v). Gives the last v, then each scan "
           "output stacked "
           "along a new axis 0. M = 3, v = 1, body v + v: v = 8.",
    .flags = HN_OP_CONTROL | HN_OP_VARIADIC | HN_OP_VARIADIC_OUT,
    HN_PORTS(in, 2, out),
    .infer = infer,
    HN_GRAD_NO("gradients through control flow are not built; inline or unroll it first"),
    .quant = "",
};
