/* MelWeightMatrix: triangles that gather the bins of a spectrum into bands of equal width on the mel scale. */
#include "ops/lib_signal.h"

enum { BINS, LENGTH, RATE, LOW, HIGH };

static hn_status infer(hn_infer *c)
{
    int64_t n;
    HN_TRY(hn_signal_dtype(c));
    hn_type_unknown_dims(&c->out[0], 2);
    if (c->data[LENGTH]) {
        HN_TRY(hn_signal_int(c->env, c->node, c->data[LENGTH], "dft_length", 1, &n));
        c->out[0].dims[0] = n / 2 + 1;
    }
    if (c->data[BINS]) HN_TRY(hn_signal_int(c->env, c->node, c->data[BINS], "num_mel_bins", 0, &c->out[0].dims[1]));
    return HN_OK;
}

static double mel(double hertz)
{
    return 2595 * log1p(hertz / 700) / log(10);
}

/* Bin of the spectrum at which triangle k begins; it peaks at that of k + 1 and ends at that of k + 2. */
static hn_status edges(const hn_refargs *a, int64_t bands, int64_t rows, double **out)
{
    int64_t length, rate;
    double low = hn_nn_scalar(a, LOW, 0), high = hn_nn_scalar(a, HIGH, 0);
    HN_TRY(hn_signal_int(a->env, a->node, a->in[LENGTH], "dft_length", 1, &length));
    HN_TRY(hn_signal_int(a->env, a->node, a->in[RATE], "sample_rate", 1, &rate));
    if (!(low >= 0) || !(high >= low)) return hn_op_fail(a->env, a->node, "the edges are %g and %g hertz", low, high);
    double from = mel(low), step = (mel(high) - from) / (double)(bands + 2);
    HN_TRY(hn_nn_new(a, (size_t)bands + 2, out));
    for (int64_t k = 0; k < bands + 2; k++) {
        double hertz = 700 * expm1(((double)k * step + from) / 2595 * log(10));
        double bin = floor((double)(length + 1) * hertz / (double)rate);
        if (!(bin >= 0) || bin > (double)rows - 1) {
            return hn_op_fail(a->env, a->node, "band edge %lld lies at bin %g of a spectrum with %lld", (long long)k,
                              bin, (long long)rows);
        }
        (*out)[k] = bin;
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    int64_t rows = y->dims[0], bands = y->dims[1];
    double *edge;
    HN_TRY(edges(a, bands, rows, &edge));
    for (int64_t k = 0; k < bands; k++) {
        double left = edge[k], mid = edge[k + 1], right = edge[k + 2];
        if (left == mid) hn_set_f64(y, (size_t)((int64_t)mid * bands + k), 1);
        for (double j = left; left < mid && j <= mid; j++)
            hn_set_f64(y, (size_t)((int64_t)j * bands + k), (j - left) / (mid - left));
        for (double j = mid; j < right; j++)
            hn_set_f64(y, (size_t)((int64_t)j * bands + k), (right - j) / (right - mid));
    }
    return HN_OK;
}

static void settings(hn_cases *c, const char *name, const int64_t *v, double low, double high)
{
    hn_case(c, name);
    for (int i = 0; i < 3; i++) hn_case_scalar(c, HN_I64, (double)v[i]);
    hn_case_scalar(c, HN_F32, low);
    hn_case_scalar(c, HN_F32, high);
}

static hn_status cases(hn_cases *c)
{
    settings(c, "example", (const int64_t[]){2, 8, 8000}, 0, 4000);
    hn_case_want(c, HN_F32, HN_DIMS(5, 2), HN_VALS(1, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    settings(c, "double", (const int64_t[]){8, 16, 8192}, 0, 4096);
    hn_case_int(c, "output_datatype", HN_F64);
    settings(c, "no band", (const int64_t[]){0, 16, 8192}, 0, 4096);
    settings(c, "an edge above half the rate", (const int64_t[]){2, 16, 8000}, 0, 16000);
    hn_case_flag(c, HN_CASE_FAILS);
    settings(c, "rate 0", (const int64_t[]){2, 16, 0}, 0, 4000);
    hn_case_flag(c, HN_CASE_FAILS);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"num_mel_bins", HN_T_I32I64, 'I', false},
                             {"dft_length", HN_T_I32I64, 'I', false},
                             {"sample_rate", HN_T_I32I64, 'I', false},
                             {"lower_edge_hertz", HN_T_FLOAT, 'F', false},
                             {"upper_edge_hertz", HN_T_FLOAT, 'F', false}};
static const hn_port out[] = {{"output", HN_T_NUM, 0, false}};
static const hn_attr_row attrs[] = {HN_SIGNAL_DTYPE, {0}};

const hn_op hn_op_mel_weight_matrix = {
    .name = "MelWeightMatrix",
    .domain = "",
    .since = 17,
    .doc = "y[j, k] rises from 0 at bin e[k] to 1 at e[k + 1] and falls to 0 at e[k + 2], with e the bins of the "
           "num_mel_bins + 2 first steps from the lower to the upper edge in mel = 2595 log10(1 + hertz / 700). "
           "2 bands, length 8, rate 8000, 0 to 4000 hertz: e = [0, 0, 1, 1], band 0 is bin 0 and band 1 bin 1.",
    HN_PORTS(in, 5, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
