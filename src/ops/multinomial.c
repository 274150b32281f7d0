/* Multinomial: draws classes from rows of log-probabilities that need not sum to 1. */
#include "ops/lib_random.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    int64_t count = hn_attr_int(c->node, "sample_size", 1);
    if (count < 0) return hn_op_fail(c->env, c->node, "sample_size is %lld", (long long)count);
    if (x->rank >= 0 && x->rank != 2) return hn_op_fail(c->env, c->node, "the input has %d axes, 2 needed", x->rank);
    y->rank = 2;
    y->dims[0] = x->rank == 2 ? x->dims[0] : -1;
    y->dims[1] = count;
    return hn_infer_random_dtype(c, HN_I32);
}

/* The first class whose sum of probabilities exceeds u times the whole. */
static size_t pick(const double *upto, size_t classes, double u)
{
    size_t low = 0, high = classes - 1;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (upto[mid] > u * upto[classes - 1])
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    size_t rows = (size_t)x->dims[0], classes = (size_t)x->dims[1], count = (size_t)y->dims[1];
    double *upto = hn_arena_array(a->env, a->scratch, classes + 1, sizeof *upto);
    hn_draw d;
    if (!upto) return a->env->error.status;
    if (classes == 0 && rows * count > 0) return hn_op_fail(a->env, a->node, "no classes to draw from");
    hn_draw_init(&d, a);
    for (size_t r = 0; r < rows; r++) {
        double max = -HUGE_VAL, sum = 0;
        for (size_t k = 0; k < classes; k++) max = fmax(max, hn_get_f64(x, r * classes + k));
        for (size_t k = 0; k < classes; k++) upto[k] = sum += exp(hn_get_f64(x, r * classes + k) - max);
        if (count > 0 && !(sum > 0)) return hn_op_fail(a->env, a->node, "row %zu gives no class a probability", r);
        for (size_t k = 0; k < count; k++) hn_set_i64(y, r * count + k, (int64_t)pick(upto, classes, hn_draw_unit(&d)));
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_float(c, "seed", 0);
    hn_case_int(c, "sample_size", 4);
    /* Uniform numbers of seed 0: 0.5488, 0.7152, 0.6028, 0.5449, 0.4237, 0.6459, 0.4376, 0.8918. */
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(0, 0, 0, 5, 5, -200));
    hn_case_want(c, HN_I32, HN_DIMS(2, 4), HN_VALS(1, 2, 1, 1, 0, 1, 0, 1));
    hn_case(c, "as i64, without a seed, one certain class");
    hn_case_int(c, "dtype", HN_I64);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(-HUGE_VAL, 3, -HUGE_VAL, 1, -HUGE_VAL, -HUGE_VAL));
    hn_case_want(c, HN_I64, HN_DIMS(2, 1), HN_VALS(1, 0));
    hn_case(c, "no rows");
    hn_case_in(c, HN_F32, HN_DIMS(0, 3), NULL);
    hn_case(c, "no class has a probability");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(-HUGE_VAL, -HUGE_VAL));
    hn_case(c, "type of the result");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "dtype", HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(0, 0));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_FLOAT, 0, false}};
static const hn_port out[] = {{"output", HN_T_I32I64, 0, false}};
static const hn_attr_row attrs[] = {
    {"dtype", HN_ATTR_INT, false, "6", "element type: i32 or i64"},
    {"sample_size", HN_ATTR_INT, false, "1", "draws per row"},
    {"seed", HN_ATTR_FLOAT, false, NULL, "of MT19937; default: the run's seed"},
    {0},
};
const hn_op hn_op_multinomial = {
    .name = "Multinomial",
    .domain = "",
    .since = 22,
    .doc = "y[r, k] = a class drawn with probability softmax(x[r]): the first whose cumulative probability exceeds a "
           "uniform number. x = [[0, 0, 0], [5, 5, -200]], sample_size 4, seed 0: [[1, 2, 1, 1], [0, 1, 0, 1]].",
    .flags = HN_OP_RANDOM,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
