/* MaxRoiPool: the largest element of each cell of a grid laid over regions of interest. The rounding of edges follows
 * Fast R-CNN (Girshick 2015), where the operator comes from. */
#include "ops/lib_nn.h"

enum { X, ROIS };

static hn_status pooled(hn_env *env, const hn_node *node, int64_t *h, int64_t *w)
{
    const int64_t *v;
    if (hn_attr_ints(node, "pooled_shape", &v) != 2 || v[0] < 1 || v[1] < 1 || v[0] > 1 << 20 || v[1] > 1 << 20)
        return hn_op_fail(env, node, "pooled_shape must be two sizes");
    *h = v[0];
    *w = v[1];
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int64_t h, w;
    bool known, have;
    HN_TRY(pooled(c->env, c->node, &h, &w));
    HN_TRY(hn_nn_rank(c, X, 4, 4, &known));
    HN_TRY(hn_nn_rank(c, ROIS, 2, 2, &have));
    if (have) HN_TRY(hn_nn_same_dim(c->env, c->node, "the last dim of rois and 5", c->in[ROIS]->dims[1], 5, NULL));
    int64_t dims[] = {have ? c->in[ROIS]->dims[0] : -1, known ? c->in[X]->dims[1] : -1, h, w};
    c->out[0] = hn_type_tensor(c->in[X]->dtype, 4, dims);
    return HN_OK;
}

/* Cells [*from, *to) of n points for bin i of `bins` over the region [low, high]. */
static void cell(double low, double high, double scale, int64_t i, int64_t bins, int64_t n, int64_t *from, int64_t *to)
{
    double start = round(low * scale), size = fmax(round(high * scale) - start + 1, 1) / (double)bins;
    double a = floor((double)i * size) + start, b = ceil((double)(i + 1) * size) + start;
    *from = (int64_t)fmin(fmax(a, 0), (double)n);
    *to = (int64_t)fmin(fmax(b, 0), (double)n);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X];
    double *x, *roi, scale = hn_attr_float(a->node, "spatial_scale", 1);
    int64_t ph, pw, channels = t->dims[1], h = t->dims[2], w = t->dims[3];
    HN_TRY(pooled(a->env, a->node, &ph, &pw));
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, ROIS, &roi));
    for (int64_t k = 0; k < (int64_t)hn_tensor_elems(a->out[0]); k++) {
        int64_t j = k % pw, i = k / pw % ph, c = k / pw / ph % channels, x0, x1, y0, y1;
        const double *r = roi + k / pw / ph / channels * 5;
        if (!(r[0] >= 0) || r[0] >= (double)t->dims[0])
            return hn_op_fail(a->env, a->node, "a region of sample %g of %lld", r[0], (long long)t->dims[0]);
        if (!(fabs(r[1]) + fabs(r[2]) + fabs(r[3]) + fabs(r[4]) < 1e9))
            return hn_op_fail(a->env, a->node, "a region at (%g, %g, %g, %g)", r[1], r[2], r[3], r[4]);
        cell(r[1], r[3], scale, j, pw, w, &x0, &x1);
        cell(r[2], r[4], scale, i, ph, h, &y0, &y1);
        bool any = y0 < y1 && x0 < x1;
        double max = any ? -HUGE_VAL : 0;
        for (int64_t y = y0; any && y < y1; y++) {
            for (int64_t p = x0; p < x1; p++) {
                double v = x[(((int64_t)r[0] * channels + c) * h + y) * w + p];
                if (v > max || isnan(v)) max = v;
            }
        }
        hn_set_f64(a->out[0], (size_t)k, max);
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *x = &n->in[X]->type;
    *cost = (hn_cost){.flops = (double)n->in[ROIS]->type.dims[0] * (double)hn_dims_product(x, 1, 4),
                      .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){1, 2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 4), HN_VALS(1, 2, 3, 4, 8, 7, 6, 5));
    hn_case_in(c, HN_F32, HN_DIMS(1, 5), HN_VALS(0, 0, 0, 3, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(8, 6));
    hn_case(c, "scale, a region partly outside");
    hn_case_ints(c, "pooled_shape", 2, (const int64_t[]){2, 2});
    hn_case_float(c, "spatial_scale", 0.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(2, 5), HN_VALS(1, 2, 2, 6, 4, 0, 8, 6, 12, 12));
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
static const hn_attr_row attrs[] = {
    {"pooled_shape", HN_ATTR_INTS, true, NULL, "rows and columns of the grid"},
    {"spatial_scale", HN_ATTR_FLOAT, false, "1.0", "from the coordinates of regions to those of X"},
    {0}};

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
    HN_GRAD_NO("the cells depend on regions that are data: superseded by RoiAlign, which has a gradient"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
