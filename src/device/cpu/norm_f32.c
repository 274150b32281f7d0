/* norm_f32: LayerNormalization and RMSNormalization of float32 rows. */
#include <string.h>

#include "base/size.h"
#include "device/device.h"
#include "kernels/norm_f32.h"

enum { OPERAND_X, OPERAND_SCALE, OPERAND_BIAS, OPERAND_Y, OPERAND_MEAN, OPERAND_INVERSE };
enum { BLOCK = 1 << 13 };

typedef struct params {
    uint64_t rows, n, per_task;
    float epsilon;
    uint32_t rms;
} params;

static const char *const OPS[] = {"LayerNormalization", "RMSNormalization", NULL};

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    const hn_type *t = &node->in[0]->type;
    int axis;
    if (!hn_inputs_are(node, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    for (size_t i = 0; i < node->nout; i++)
        if (node->out[i] != NULL && node->out[i]->type.dtype != HN_F32)
            return hn_lower_refuse(c, "not every output is f32");
    if (!hn_axis(hn_attr_int(node, "axis", -1), t->rank, &axis))
        return hn_lower_refuse(c, "the axis is outside the tensor");
    size_t n = hn_dims_elems(t->rank, t->dims, axis, t->rank);
    for (size_t i = 1; i < 3 && i < node->nin; i++)
        if (node->in[i] != NULL && hn_type_elems(&node->in[i]->type) != n)
            return hn_lower_refuse(c, "scale or bias is broadcast");
    if (n == 0) return hn_lower_refuse(c, "empty rows");
    if (hn_lower_kernel(c, "norm_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no norm_f32 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->rms = strcmp(node->op->name, "RMSNormalization") == 0;
    p->n = n;
    p->rows = hn_dims_elems(t->rank, t->dims, 0, axis);
    p->per_task = hn_max_size(BLOCK / n, 1);
    p->epsilon = (float)hn_attr_float(node, "epsilon", 1e-5);
    for (size_t i = 0; i < 3; i++)
        if (hn_lower_input(c, i) < 0) return HN_NOMEM;
    for (size_t i = 0; i < 3; i++)
        if (hn_lower_output(c, i) < 0) return HN_NOMEM;
    c->inplace = OPERAND_X;
    return HN_OK;
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    hn_norm_f32_fn *fn = (hn_norm_f32_fn *)r->kernels[0]->fn;
    float *mean = r->ptr[OPERAND_MEAN], *inverse = r->ptr[OPERAND_INVERSE];
    size_t end = hn_min_size((index + 1) * p->per_task, p->rows);
    for (size_t i = index * p->per_task; i < end; i++) {
        hn_norm_f32 g = {
            .n = p->n, .x = (const float *)r->ptr[OPERAND_X] + i * p->n, .epsilon = p->epsilon, .rms = p->rms != 0};
        g.scale = r->ptr[OPERAND_SCALE];
        g.bias = r->ptr[OPERAND_BIAS];
        g.y = (float *)r->ptr[OPERAND_Y] + i * p->n;
        g.mean = mean == NULL ? NULL : mean + i;
        g.inverse = inverse == NULL ? NULL : inverse + i;
        fn(&g);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->rows, p->per_task), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_norm_f32 = {
    .name = "norm_f32",
    .doc = "float32 layer and root-mean-square normalisation of rows",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
