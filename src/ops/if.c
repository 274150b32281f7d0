/* If: runs one of two regions; an output has the type that covers both branches. */
#include "ops/lib_control.h"

static hn_status infer(hn_infer *c)
{
    hn_graph *branch[2];
    int wrong = -1;
    for (int r = 0; r < 2; r++) {
        HN_TRY(hn_control_region(c, (size_t)r, 0, c->nout, &branch[r]));
        hn_status st = hn_control_infer(c, branch[r], 0, NULL);
        /* One branch may not fit the shapes at hand: the condition keeps it from being taken. Its run would say what is
         * wrong. */
        if (wrong >= 0 || (st != HN_INPUT && st != HN_UNSUPPORTED)) HN_TRY(st);
        if (st == HN_OK) continue;
        hn_error_clear(c->env);
        wrong = r;
    }
    for (size_t i = 0; i < c->nout; i++) {
        if (wrong >= 0) {
            c->out[i] = branch[1 - wrong]->out[i]->type;
            continue;
        }
        const hn_type *a = &branch[0]->out[i]->type, *b = &branch[1]->out[i]->type;
        if (a->kind != b->kind && (a->kind >= HN_KIND_OPTIONAL || b->kind >= HN_KIND_OPTIONAL)) {
            c->out[i] = a->kind >= HN_KIND_OPTIONAL ? *a : *b;
        } else if (a->dtype == HN_NONE || b->dtype == HN_NONE) {
            c->out[i] = (hn_type){.kind = a->kind, .dtype = a->dtype == HN_NONE ? b->dtype : a->dtype, .rank = -1};
        } else if (!hn_type_join(a, b, &c->out[i])) {
            return hn_op_fail(c->env, c->node, "the branches give output %zu different types", i);
        }
    }
    return HN_OK;
}

static const hn_port in[] = {{"cond", HN_T_BOOL, 0, false}, {"captures", HN_T_ANY, 0, true}};
static const hn_port out[] = {{"outputs", HN_T_ANY, 0, true}};

const hn_op hn_op_if = {
    .name = "If",
    .domain = "",
    .since = 25,
    .doc = "outputs = cond ? then_branch() : else_branch(). Region 0 is then_branch, region 1 else_branch. "
           "cond = true, branches that give 1 and 2: the output is 1.",
    .flags = HN_OP_CONTROL | HN_OP_VARIADIC | HN_OP_VARIADIC_OUT,
    HN_PORTS(in, 1, out),
    .infer = infer,
    HN_GRAD_NO("gradients through control flow are not built; inline or unroll it first"),
    .quant = "",
};
