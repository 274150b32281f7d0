/* Gradient: derivatives of one value with respect to others. It holds what it differentiates as a region; the pass
 * `gradient` puts ordinary nodes in its place once shapes are known. */
#include "ops/lib_control.h"

static hn_status infer(hn_infer *c)
{
    size_t given = c->nin - c->node->ncaptures;
    if (c->node->nregions != 1 || !c->node->regions[0] || c->node->regions[0]->nin != c->nin ||
        c->node->regions[0]->nout != 1)
        return hn_op_fail(c->env, c->node, "what it differentiates does not fit its inputs");
    if (c->nout > given) return hn_op_fail(c->env, c->node, "%zu outputs for %zu inputs", c->nout, given);
    HN_TRY(hn_control_infer(c, c->node->regions[0], given, c->in));
    for (size_t i = 0; i < c->nout; i++)
        if (c->in[i]) c->out[i] = *c->in[i];
    return HN_OK;
}

static const hn_port in[] = {{"inputs", HN_T_ALL | HN_T_TENSOR, 0, true}};
static const hn_port out[] = {{"outputs", HN_T_FLOAT, 0, true}};

const hn_op hn_op_training_gradient = {
    .name = "Gradient",
    .domain = "ai.onnx.preview.training",
    .since = 1,
    .doc = "outputs[i] = derivative of the sum of y with respect to xs[i], where y is computed from xs and zs, at the "
           "values that the inputs give for xs and zs. y = a * b: Gradient(2, 3) = 3, 2.",
    .flags = HN_OP_CONTROL | HN_OP_VARIADIC | HN_OP_VARIADIC_OUT | HN_OP_INTERNAL,
    HN_PORTS(in, 1, out),
    .infer = infer,
    HN_GRAD_NO("the pass gradient takes its place first"),
    .quant = "",
};
