/* hone.MaxRoiPoolGrad: sends the gradient of each cell to its largest element. */
#include "ops/lib_roi.h"

enum { DY, X, ROIS };

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[X];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X], *dy = a->in[DY];
    double *g, *x, *roi, *dx, max;
    int64_t at, h, w;
    HN_TRY(hn_roi_pooled(a->env, a->node, &h, &w));
    if (dy->dims[0] != a->in[ROIS]->dims[0] || dy->dims[1] != t->dims[1] || dy->dims[2] != h || dy->dims[3] != w ||
        a->in[ROIS]->dims[1] != 5)
        return hn_op_fail(a->env, a->node, "the gradient does not fit the regions");
    HN_TRY(hn_nn_load(a, DY, &g));
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, ROIS, &roi));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(t), &dx));
    for (size_t k = 0; k < hn_tensor_elems(dy); k++) {
        HN_TRY(hn_roi_pool(a, t, x, roi, (int64_t)k, &max, &at));
        if (at >= 0) dx[at] += g[k];
    }
    hn_nn_store(a->out[0], dx);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){1, 2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 4), HN_VALS(1, 2, 3, 4, 8, 7, 6, 5));
    hn_case_in(c, HN_F32, HN_DIMS(1, 5), HN_VALS(0, 0, 0, 3, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2, 4), HN_VALS(0, 0, 0, 0, 10, 0, 20, 0));
    hn_case(c, "no such sample");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 1, 1), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 5), HN_VALS(1, 0, 0, 1, 1));
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"dY", HN_T_FLOAT, 'T', false}, {"X", HN_T_FLOAT, 'T', false}, {"rois", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_ROI_POOL_ATTRS, {0}};

const hn_op hn_op_hone_max_roi_pool_grad = {
    .name = "MaxRoiPoolGrad",
    .domain = "hone",
    .since = 1,
    .doc = "dX[i] = sum of dY over the cells whose first largest element is X[i]. X = [[1,2,3,4],[8,7,6,5]], region "
           "(0,0,0,3,1), 1 x 2 cells, dY = [10, 20]: dX = [[0,0,0,0],[10,0,20,0]].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("second derivatives of max pooling are zero almost everywhere in X; nothing asks for those in dY"),
    .cost = hn_roi_pool_cost,
    .cases = cases,
    .quant = "",
};
