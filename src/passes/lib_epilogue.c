/* lib_epilogue: see the header. */
#include "passes/lib_epilogue.h"

#include <math.h>
#include <string.h>

#include "base/size.h"

const char *hn_act_of(const hn_node *n, double *alpha, double *beta)
{
    static const struct {
        const char *op, *act;
    } plain[] = {{"Relu", "Relu"}, {"Sigmoid", "Sigmoid"}, {"Tanh", "Tanh"}, {"HardSwish", "HardSwish"}};
    *alpha = *beta = 0;
    if (n->nin == 0 || n->op->domain[0] != 0 || !hn_is_real(n->in[0])) return NULL;
    for (size_t i = 0; i < HN_COUNT(plain); ++i)
        if (hn_node_is(n, plain[i].op)) return plain[i].act;
    if (hn_node_is(n, "Clip")) {
        *alpha = -INFINITY;
        *beta = INFINITY;
        bool ok = (hn_node_in(n, 1) == NULL || hn_const_scalar(n->in[1], alpha)) &&
                  (hn_node_in(n, 2) == NULL || hn_const_scalar(n->in[2], beta));
        return ok ? "Clip" : NULL;
    }
    if (hn_node_is(n, "LeakyRelu") || hn_node_is(n, "Elu")) {
        *alpha = hn_attr_float(n, "alpha", 0.01);
        return n->op->name;
    }
    if (hn_node_is(n, "HardSigmoid")) {
        *alpha = hn_attr_float(n, "alpha", 0.2);
        *beta = hn_attr_float(n, "beta", 0.5);
        return "HardSigmoid";
    }
    if (hn_node_is(n, "Swish")) return hn_attr_float(n, "alpha", 1) == 1 ? "Silu" : NULL;
    if (hn_node_is(n, "Gelu")) return hn_attr_is(n, "approximate", "tanh") ? "GeluTanh" : "Gelu";
    if (hn_node_is(n, "PRelu") && hn_node_const(n, 1) != NULL && hn_tensor_elems(n->in[1]->data) > 0) {
        *alpha = hn_get_f64(n->in[1]->data, 0);
        return hn_const_all(n->in[1], *alpha) && hn_dims_same(&n->in[0]->type, &n->out[0]->type) ? "LeakyRelu" : NULL;
    }
    return NULL;
}

hn_epilogue hn_epilogue_of(hn_node *start)
{
    hn_epilogue e = {.out = start->out[0], .last = start, .act = ""};
    for (hn_node *n; (n = hn_only_user(e.out)) != NULL;) {
        double alpha, beta;
        const char *act = e.act[0] == 0 && n->in[0] == e.out && n->nout == 1 ? hn_act_of(n, &alpha, &beta) : NULL;
        if (act != NULL) {
            e.act = act;
            e.alpha = alpha;
            e.beta = beta;
        } else if (e.residual == NULL && hn_node_is(n, "Add")) {
            int side = hn_operand(n, e.out);
            hn_value *other = side >= 0 ? n->in[1 - side] : NULL;
            if (other == NULL || !hn_type_known(&other->type) || !hn_type_same(&other->type, &e.out->type)) break;
            e.residual = other;
            e.act_first = e.act[0] != 0;
        } else {
            break;
        }
        e.last = n;
        e.out = n->out[0];
        if (e.act_first) break;
    }
    return e;
}

static void list_of(const hn_node *n, const char *name, size_t want, int64_t otherwise, int64_t *dst)
{
    const int64_t *v;
    size_t count = hn_attr_ints(n, name, &v);
    for (size_t i = 0; i < want; ++i) dst[i] = count == want ? v[i] : otherwise;
}

bool hn_window_of(const hn_node *n, const int64_t *kernel, size_t spatial, hn_window_attrs *w)
{
    w->n = spatial;
    for (size_t i = 0; i < spatial; ++i) w->kernel[i] = kernel[i];
    list_of(n, "strides", spatial, 1, w->strides);
    list_of(n, "dilations", spatial, 1, w->dilations);
    list_of(n, "pads", 2 * spatial, 0, w->pads);
    bool upper = hn_attr_is(n, "auto_pad", "SAME_UPPER"), lower = hn_attr_is(n, "auto_pad", "SAME_LOWER");
    const hn_type *x = &n->in[0]->type;
    if (!upper && !lower) return true;
    if (x->rank != (int)spatial + 2) return false;
    for (size_t i = 0; i < spatial; ++i) {
        int64_t in = x->dims[i + 2], s = w->strides[i];
        if (in < 0 || s < 1) return false;
        int64_t out = (in + s - 1) / s, pad = (out - 1) * s + (kernel[i] - 1) * w->dilations[i] + 1 - in;
        if (pad < 0) pad = 0;
        w->pads[i] = upper ? pad / 2 : pad - pad / 2;
        w->pads[spatial + i] = pad - w->pads[i];
    }
    return true;
}

hn_value *hn_conv_like(hn_rw *rw, const hn_node *like, hn_value *const in[4], int64_t group, const int64_t *pads,
                       bool act)
{
    static const char *const lists[] = {"kernel_shape", "strides", "dilations", "pads"};
    hn_rw_attr attrs[10] = {{0}};
    char name[16];
    size_t at = 0, count;
    for (size_t i = 0; i < HN_COUNT(lists); i++) {
        const int64_t *v;
        if (pads != NULL && strcmp(lists[i], "pads") == 0) continue;
        if ((count = hn_attr_ints(like, lists[i], &v)) > 0) attrs[at++] = (hn_rw_attr)HN_A_INTS(lists[i], v, count);
    }
    if (pads != NULL) attrs[at++] = (hn_rw_attr)HN_A_INTS("pads", pads, 4);
    int64_t layout = hn_attr_int(like, "layout", 0);
    if (group != 1) attrs[at++] = (hn_rw_attr)HN_A_INT("group", group);
    if (layout != 0) attrs[at++] = (hn_rw_attr)HN_A_INT("layout", layout);
    hn_str text = hn_attr_string(like, "act", "");
    if (act && text.size > 0 && text.size < sizeof name) {
        memcpy(name, text.data, text.size);
        name[text.size] = '\0';
        attrs[at++] = (hn_rw_attr)HN_A_STR("act", name);
        attrs[at++] = (hn_rw_attr)HN_A_FLOAT("act_alpha", hn_attr_float(like, "act_alpha", 0));
        attrs[at++] = (hn_rw_attr)HN_A_FLOAT("act_beta", hn_attr_float(like, "act_beta", 0));
    }
    rw->name = like->name;
    return hn_rw_op(rw, "hone.Conv", in[3] != NULL ? 4 : in[2] != NULL ? 3 : 2, in, attrs);
}

hn_value *hn_conv_widen(hn_rw *rw, hn_value *v)
{
    const hn_type *t = &v->type;
    int64_t dims[4] = {t->dims[0], t->dims[1], 1, t->dims[2]};
    if (v->data == NULL) return hn_rw_reshape(rw, v, 4, dims);
    hn_tensor *view = hn_arena_alloc(rw->graph->env, rw->graph->arena, sizeof(*view));
    if (view == NULL) {
        (void)hn_rw_fail(rw, rw->graph->env->error.status);
        return NULL;
    }
    *view = *v->data;
    view->rank = 4;
    for (int i = 0; i < 4; ++i) view->dims[i] = dims[i];
    return hn_graph_const(rw->graph, NULL, view);
}

void hn_window_widen(hn_window_attrs *w)
{
    w->kernel[1] = w->kernel[0];
    w->strides[1] = w->strides[0];
    w->dilations[1] = w->dilations[0];
    w->pads[3] = w->pads[1];
    w->pads[1] = w->pads[0];
    w->kernel[0] = w->strides[0] = w->dilations[0] = 1;
    w->pads[0] = w->pads[2] = 0;
    w->n = 2;
}
