/* Dropout: in training zeroes elements at random and scales the rest; else the identity. */
#include "ops/lib_nn.h"
#include "ops/lib_random.h"

enum { DATA, RATIO, TRAINING };

static hn_status infer(hn_infer *c)
{
    hn_nn_like(c, 0, DATA);
    hn_nn_like(c, 1, DATA);
    if (c->nout > 1) c->out[1].dtype = HN_BOOL;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[DATA], *mask = hn_nn_out(a, 1);
    double ratio = hn_nn_scalar(a, TRAINING, 0) != 0 ? hn_nn_scalar(a, RATIO, 0.5) : 0;
    size_t n = hn_tensor_elems(x);
    hn_draw d;
    if (!(ratio >= 0) || ratio >= 1) return hn_op_fail(a->env, a->node, "ratio is %g, it must be in [0, 1)", ratio);
    hn_draw_init(&d, a);
    for (size_t i = 0; i < n; i++) {
        bool keep = ratio == 0 || hn_draw_unit(&d) >= ratio;
        if (a->out[0]) {
            if (ratio == 0)
                hn_elem_copy(a->out[0], i, x, i);
            else
                hn_set_f64(a->out[0], i, keep ? hn_get_f64(x, i) / (1 - ratio) : 0);
        }
        if (mask) hn_set_i64(mask, i, keep);
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_value *on = hn_node_in(n, TRAINING), *ratio = hn_node_in(n, RATIO), *dy = g->dy[0];
    const hn_tensor *flag = hn_node_const(n, TRAINING);
    hn_rw *rw = g->rw;
    if (!dy) return HN_OK;
    if (!on || (flag && hn_get_i64(flag, 0) == 0)) {
        g->dx[DATA] = dy;
        return HN_OK;
    }
    if (!hn_node_out(n, 1)) {
        return hn_op_unsupported(rw->graph->env, n, "no gradient in training mode without the mask output");
    }
    hn_value *kept = hn_g_where(rw, n->out[1], dy), *rest = NULL;
    if (ratio) {
        hn_rw_attr to[] = {HN_A_INT("to", dy->type.dtype), {0}};
        if (ratio->type.dtype != dy->type.dtype) ratio = hn_rw_op(rw, "Cast", 1, &ratio, to);
        rest = hn_g_sub(rw, hn_g_scalar(rw, dy, 1), ratio);
    } else {
        rest = hn_g_scalar(rw, dy, 0.5);
    }
    hn_value *scaled = hn_g_div(rw, kept, rest);
    g->dx[DATA] = flag ? scaled : hn_rw_3(rw, "Where", on, scaled, dy);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_want(c, HN_BOOL, HN_DIMS(3), HN_VALS(1, 1, 1));
    hn_case(c, "training, nothing dropped");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0));
    hn_case_const(c);
    hn_case_in(c, HN_BOOL, HN_NO_DIMS, HN_VALS(1));
    hn_case_const(c);
    hn_case(c, "training, seeded");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_int(c, "seed", 0);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 3, 4));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.6));
    hn_case_const(c);
    hn_case_in(c, HN_BOOL, HN_NO_DIMS, HN_VALS(1));
    hn_case_const(c);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(0, 5, 7.5, 0));
    hn_case_want(c, HN_BOOL, HN_DIMS(4), HN_VALS(0, 1, 1, 0));
    hn_case(c, "everything dropped");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(1));
    hn_case_const(c);
    hn_case_in(c, HN_BOOL, HN_NO_DIMS, HN_VALS(1));
    hn_case_const(c);
    return hn_cases_status(c);
}

#define TYPES (HN_T_FLOAT | HN_BIT(HN_F8E4M3FN) | HN_BIT(HN_F8E4M3FNUZ) | HN_BIT(HN_F8E5M2) | HN_BIT(HN_F8E5M2FNUZ))
static const hn_port in[] = {
    {"data", TYPES, 'T', false}, {"ratio", TYPES, 0, true}, {"training_mode", HN_T_BOOL, 0, true}};
static const hn_port out[] = {{"output", TYPES, 'T', false}, {"mask", HN_T_BOOL, 0, true}};
static const hn_attr_row attrs[] = {{"seed", HN_ATTR_INT, false, NULL, "of MT19937; default: the run's seed"}, {0}};

const hn_op hn_op_dropout = {
    .name = "Dropout",
    .domain = "",
    .since = 22,
    .doc = "training_mode: output = mask ? data / (1 - ratio) : 0, with mask true with probability 1 - ratio (default "
           "0.5); "
           "else output = data, mask all true. [1,2,3] without training_mode: [1,2,3].",
    .flags = HN_OP_RANDOM,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
