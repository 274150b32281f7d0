/* SequenceMap: runs its body on each entry of a sequence, and collects what it gives. Further inputs are sequences of
 * the same length, which go along entry by entry, or tensors, which stay. */
#include "ops/lib_control.h"

static bool is_sequence(const hn_type *t)
{
    return t->kind == HN_KIND_SEQUENCE || t->kind == HN_KIND_SEQUENCE_MAP;
}

static hn_status infer(hn_infer *c)
{
    size_t given = c->nin - c->node->ncaptures;
    hn_graph *body;
    hn_arena arena = {0};
    for (size_t i = 0; i < given; i++)
        if (!c->in[i]) return hn_op_fail(c->env, c->node, "input %zu is absent", i);
    HN_TRY(hn_control_region(c, 0, given, c->nout, &body));
    hn_type *parts = hn_arena_array(c->env, &arena, given + 1, sizeof *parts);
    const hn_type **types = hn_arena_array(c->env, &arena, given + 1, sizeof *types);
    hn_status st = parts && types ? HN_OK : HN_NOMEM;
    for (size_t i = 0; i < given && st == HN_OK; i++) {
        parts[i] = is_sequence(c->in[i]) ? hn_type_item(c->in[i]) : *c->in[i];
        types[i] = &parts[i];
    }
    if (st == HN_OK) st = hn_control_infer(c, body, given, types);
    hn_arena_fini(c->env, &arena);
    HN_TRY(st);
    for (size_t i = 0; i < c->nout; i++) {
        c->out[i] = body->out[i]->type;
        if (c->out[i].kind != HN_KIND_TENSOR)
            return hn_op_unsupported(c->env, c->node, "its body gives a sequence, an optional or a map");
        c->out[i].kind = HN_KIND_SEQUENCE;
    }
    return HN_OK;
}

static const hn_port in[] = {{"input_sequence", HN_T_ALL | HN_T_SEQ, 0, false},
                             {"additional_inputs", HN_T_ALL | HN_T_TENSOR | HN_T_SEQ, 0, true}};
static const hn_port out[] = {{"out_sequence", HN_T_ALL | HN_T_SEQ, 0, true}};

const hn_op hn_op_sequence_map = {
    .name = "SequenceMap",
    .domain = "",
    .since = 17,
    .doc =
        "for each i: outs[i] = body(sequence[i], others[i] where they are sequences, others where they are tensors). "
        "Body (a, b) -> a + b: SequenceMap(([1], [2]), [10]) = ([11], [12]).",
    .flags = HN_OP_CONTROL | HN_OP_VARIADIC | HN_OP_VARIADIC_OUT,
    HN_PORTS(in, 1, out),
    .infer = infer,
    HN_GRAD_NO("gradients through control flow are not built; inline or unroll it first"),
    .quant = "",
};
