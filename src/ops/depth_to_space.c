/* DepthToSpace: channels become blocks of pixels. */
#include "ops/lib_nn.h"

static hn_status infer(hn_infer *c)
{
    int64_t b = hn_attr_int(c->node, "blocksize", 0);
    hn_type *y = &c->out[0];
    bool known;
    if (b < 1 || b > 1 << 20) return hn_op_fail(c->env, c->node, "blocksize is %lld", (long long)b);
    if (!hn_attr_is(c->node, "mode", "DCR") && !hn_attr_is(c->node, "mode", "CRD")) {
        return hn_op_fail(c->env, c->node, "mode must be DCR or CRD");
    }
    HN_TRY(hn_nn_rank(c, 0, 4, 4, &known));
    *y = *c->in[0];
    if (!known) return HN_OK;
    if (y->dims[1] >= 0 && y->dims[1] % (b * b) != 0) {
        return hn_op_fail(c->env, c->node, "%lld channels do not divide by %lld", (long long)y->dims[1],
                          (long long)b * (long long)b);
    }
    y->dims[1] = y->dims[1] < 0 ? -1 : y->dims[1] / (b * b);
    y->dims[2] = hn_dim_mul(y->dims[2], b);
    y->dims[3] = hn_dim_mul(y->dims[3], b);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *deep = a->in[0], *wide = a->out[0];
    size_t b = (size_t)hn_attr_int(a->node, "blocksize", 1), c = (size_t)wide->dims[1];
    size_t h = (size_t)deep->dims[2], w = (size_t)deep->dims[3], n = hn_tensor_elems(deep);
    bool dcr = hn_attr_is(a->node, "mode", "DCR");
    for (size_t k = 0; k < n; k++) {
        size_t x = k % w, y = k / w % h, d = k / (w * h) % (c * b * b), batch = k / (w * h * c * b * b);
        size_t block = dcr ? d / c : d % (b * b), channel = dcr ? d % c : d / (b * b);
        size_t at = ((batch * c + channel) * h * b + y * b + block / b) * w * b + x * b + block % b;
        hn_elem_copy(wide, at, deep, k);
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    const hn_type *deep = &node->in[0]->type, *wide = &node->out[0]->type;
    bool dcr = hn_attr_is(node, "mode", "DCR");
    int64_t b = hn_attr_int(node, "blocksize", 1), n = wide->dims[0], c = wide->dims[1], h = deep->dims[2],
            w = deep->dims[3];
    int64_t split_dcr[] = {n, b, b, c, h, w}, split_crd[] = {n, c, b, b, h, w};
    static const int64_t perm_dcr[] = {0, 3, 4, 1, 5, 2}, perm_crd[] = {0, 1, 4, 2, 5, 3};
    hn_value *v = hn_rw_reshape(rw, node->in[0], 6, dcr ? split_dcr : split_crd);
    out[0] = hn_rw_reshape(rw, hn_rw_transpose(rw, v, dcr ? perm_dcr : perm_crd, 6), 4, wide->dims);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "blocksize", 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 1, 1), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(1, 2, 3, 4));
    for (int crd = 0; crd < 2; crd++) {
        hn_case(c, crd ? "CRD" : "DCR");
        hn_case_int(c, "blocksize", 2);
        hn_case_string(c, "mode", crd ? "CRD" : "DCR");
        hn_case_rand(c, HN_F32, HN_DIMS(2, 8, 2, 3), -2, 2);
    }
    hn_case(c, "sizes do not divide");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "blocksize", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 3, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_MOVE, 'T', false}};
static const hn_port out[] = {{"output", HN_T_MOVE, 'T', false}};
static const hn_attr_row attrs[] = {
    {"blocksize", HN_ATTR_INT, true, NULL, "side of the blocks"},
    {"mode", HN_ATTR_STRING, false, "DCR", "DCR: block index before channel; CRD: after"},
    {0}};

const hn_op hn_op_depth_to_space = {
    .name = "DepthToSpace",
    .domain = "",
    .since = 28,
    .doc = "Y[n, c, h b + i, w b + j] = X[n, (i b + j) C + c, h, w] (DCR) or X[n, c b b + i b + j, h, w] (CRD). "
           "blocksize 2, one pixel of 4 channels [1,2,3,4]: one channel [[1,2],[3,4]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "same",
};
