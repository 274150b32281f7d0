/* Scan: runs its body over slices of the scan inputs, carrying states of constant shape and stacking scan outputs. */
#include "ops/lib_control.h"

/* Entry i of a list of axes or directions; 0 when the list is absent. */
static int64_t entry(const hn_node *n, const char *name, size_t i)
{
    const int64_t *v;
    size_t count = hn_attr_ints(n, name, &v);
    return i < count ? v[i] : 0;
}

/* Type of a slice of t along axis, and the length of that axis. */
static hn_status slice(const hn_infer *c, const hn_type *t, int64_t at, hn_type *out, int64_t *len)
{
    int axis;
    *out = (hn_type){.kind = HN_KIND_TENSOR, .dtype = t->dtype, .rank = -1};
    *len = -1;
    if (t->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, at, t->rank, &axis));
    *len = t->dims[axis];
    out->rank = t->rank - 1;
    for (int i = 0, j = 0; i < t->rank; i++) {
        if (i != axis) out->dims[j++] = t->dims[i];
    }
    return HN_OK;
}

static hn_status outputs(hn_infer *c, const hn_graph *body, size_t states, int64_t steps)
{
    for (size_t i = 0; i < c->nout; i++) {
        const hn_type *t = &body->out[i]->type;
        int axis;
        if (i < states) {
            if (!hn_type_join(t, c->in[i], &c->out[i])) c->out[i] = *c->in[i];
            continue;
        }
        c->out[i] = (hn_type){.kind = HN_KIND_TENSOR, .dtype = t->dtype, .rank = -1};
        if (t->rank < 0) continue;
        if (t->rank == HN_MAX_RANK) return hn_op_unsupported(c->env, c->node, "scan output of rank %d", t->rank + 1);
        c->out[i].rank = t->rank + 1;
        HN_TRY(hn_op_axis(c->env, c->node, entry(c->node, "scan_output_axes", i - states), t->rank + 1, &axis));
        for (int d = 0, j = 0; d <= t->rank; d++) c->out[i].dims[d] = d == axis ? steps : t->dims[j++];
    }
    return HN_OK;
}

/* The states keep their type from step to step; scan inputs come as slices. */
static hn_status infer_body(const hn_infer *c, hn_graph *body, size_t states, size_t given, int64_t *steps)
{
    hn_arena arena = {0};
    hn_type *parts = hn_arena_array(c->env, &arena, given, sizeof *parts);
    const hn_type **types = hn_arena_array(c->env, &arena, given, sizeof *types);
    hn_status st = parts && types ? HN_OK : HN_NOMEM;
    for (size_t i = 0; st == HN_OK && i < given; i++) {
        int64_t len;
        types[i] = i < states ? c->in[i] : &parts[i];
        if (i < states) continue;
        st = slice(c, c->in[i], entry(c->node, "scan_input_axes", i - states), &parts[i], &len);
        if (st == HN_OK) st = hn_nn_same_dim(c->env, c->node, "lengths of scan inputs", *steps, len, steps);
    }
    if (st == HN_OK) st = hn_control_infer(c, body, given, types);
    hn_arena_fini(c->env, &arena);
    return st;
}

static hn_status infer(hn_infer *c)
{
    int64_t nscan = hn_attr_int(c->node, "num_scan_inputs", 0), steps = -1;
    size_t given = c->nin - c->node->ncaptures;
    hn_graph *body;
    if (nscan < 1 || (uint64_t)nscan > given) {
        return hn_op_fail(c->env, c->node, "num_scan_inputs is %lld of %zu inputs", (long long)nscan, given);
    }
    size_t states = given - (size_t)nscan;
    if (c->nout < states) return hn_op_fail(c->env, c->node, "fewer outputs than states");
    for (size_t i = 0; i < given; i++) {
        if (!c->in[i]) return hn_op_fail(c->env, c->node, "input %zu is absent", i);
    }
    HN_TRY(hn_control_region(c, 0, given, c->nout, &body));
    HN_TRY(infer_body(c, body, states, given, &steps));
    return outputs(c, body, states, steps);
}

static const hn_port in[] = {{"initial_state_and_scan_inputs", HN_T_ANY, 0, true}};
static const hn_port out[] = {{"final_state_and_scan_outputs", HN_T_ANY, 0, true}};
static const hn_attr_row attrs[] = {
    {"num_scan_inputs", HN_ATTR_INT, true, NULL, "the last inputs, which are sliced"},
    {"scan_input_axes", HN_ATTR_INTS, false, NULL, "axis of each scan input; default 0"},
    {"scan_input_directions", HN_ATTR_INTS, false, NULL, "1: from the end; default 0"},
    {"scan_output_axes", HN_ATTR_INTS, false, NULL, "axis along which each scan output is stacked; default 0"},
    {"scan_output_directions", HN_ATTR_INTS, false, NULL, "1: stacked from the end; default 0"},
    {0}};

const hn_op hn_op_scan = {
    .name = "Scan",
    .domain = "",
    .since = 25,
    .doc = "for t: (states, outs[t]) = body(states, ins[t]). Gives the last states, then each output stacked. "
           "Body (s, x) -> (s + x, s + x), s = 0, ins = [1,2,3]: state 6, outs [1,3,6].",
    .flags = HN_OP_CONTROL | HN_OP_VARIADIC | HN_OP_VARIADIC_OUT,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    HN_GRAD_NO("gradients through control flow are not built; inline or unroll it first"),
    .quant = "",
};
