/* MaxRoiPool: the largest element of each cell of a grid laid over regions of interest. The rounding of edges follows
 * Fast R-CNN (Girshick 2015), where the operator comes from. */
#include "ops/lib_roi.h"

enum { X, ROIS };

static hn_status infer(hn_infer *c)
{
    int64_t h, w;
    bool known, have;
    HN_TRY(hn_roi_pooled(c->env, c->node, &h, &w));
    HN_TRY(hn_nn_rank(c, X, 4, 4, &known));
    HN_TRY(hn_nn_rank(c, ROIS, 2, 2, &have));
    if (have) HN_TRY(hn_nn_same_dim(c->env, c->node, "the last dim of rois and 5", c->in[ROIS]->dims[1], 5, NULL));
    int64_t dims[] = {have ? c->in[ROIS]->dims[0] : -1, known ? c->in[X]->dims[1] : -1, h, w};
    c->out[0] = hn_type_tensor(c->in[X]->dtype, 4, dims);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *roi, max;
    int64_t at;
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, ROIS, &roi));
    for (size_t k = 0; k < hn_tensor_elems(a->out[0]); k++) {
        HN_TRY(hn_roi_pool(a, a->in[X], x, roi, (int64_t)k, &max, &at));
        hn_set_f64(a->out[0], k, max);
    }
    return HN_OK;
}

/* Regions are rounded to points: their derivative is zero. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    if (!g->dy[0]) return HN_OK;
    int64_t shape[2];
    HN_TRY(hn_roi_pooled(g->rw->graph->env, n, &shape[0], &shape[1]));
    const hn_rw_attr attrs[] = {
        HN_A_INTS("pooled_shape", shape, 2), HN_A_FLOAT("spatial_scale", hn_attr_float(n, "spatial_scale", 1)), {0}};
    hn_value *in[] = {g->dy[0], n->in[X], n->in[ROIS]};
    g->dx[X] = hn_rw_op(g->rw, "hone.MaxRoiPoolGrad", 3, in, attrs);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){1, 2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 4), HN_VALS(1, 2, 3, 4, 8, 7, 6, 5));
    hn_case_in(c, HN_F32, HN_DIMS(1, 5), HN_VALS(0, 0, 0, 3, 1));
    hn_case_const(c);
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(8, 6));
    hn_case(c, "scale, a region partly outside");
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){2, 2});
    hn_case_float(c, "spatial_scale", 0.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(2, 5), HN_VALS(1, 2, 2, 6, 4, 0, 8, 6, 12, 12));
    hn_case_const(c);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case(c, "no region");
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){2, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 5), 0, 1);
    hn_case(c, "a sample that is not there");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 5), HN_VALS(1, 0, 0, 1, 1));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}, {"rois", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_ROI_POOL_ATTRS, {0}};

const hn_op hn_op_max_roi_pool = {
    .name = "MaxRoiPool",
    .domain = "",
    .since = 22,
    .doc =
        "Y[r, c, i, j] = the largest X[n, c] in cell (i, j) of region r = (n, x1, y1, x2, y2), edges rounded, both "
        "ends inside; 0 for a cell without points. X = [[1,2,3,4],[8,7,6,5]], region (0,0,0,3,1), 1 x 2 cells: [8, 6].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_roi_pool_cost,
    .cases = cases,
    .quant = "",
};
