/* STFT: the discrete Fourier transform of overlapping frames of a signal. */
#include "ops/lib_signal.h"

enum { SIGNAL, STEP, WINDOW, LENGTH };

typedef struct shape {
    int64_t step, frames; /* -1: unknown */
    hn_dft_axis axis;     /* of one frame */
} shape;

/* step, length: NULL where not known; sized tells whether there is a frame_length at all. */
static hn_status read(hn_env *env, const hn_node *node, const int64_t *dims, const hn_tensor *step, bool windowed,
                      int64_t window, bool sized, const hn_tensor *length, shape *s)
{
    int64_t n = -1, parts = dims[2], samples = dims[1];
    bool onesided = hn_attr_int(node, "onesided", 1) != 0;
    s->step = s->frames = -1;
    if (parts >= 0 && parts != 1 && parts != 2)
        return hn_op_fail(env, node, "the last dim is %lld: 1 (real) or 2 (complex) needed", (long long)parts);
    if (onesided && parts == 2) return hn_op_fail(env, node, "onesided needs a real signal");
    if (length) HN_TRY(hn_signal_int(env, node, length, "frame_length", 1, &n));
    if (windowed && window >= 0 && n >= 0 && window != n)
        return hn_op_fail(env, node, "the window has %lld elements, frame_length is %lld", (long long)window,
                          (long long)n);
    if (n < 0 && windowed) n = window;
    if (n < 0 && !windowed && !sized) n = samples;
    if (n < 0) n = -1;
    if (n == 0) return hn_op_fail(env, node, "frames of 0 samples");
    if (step) HN_TRY(hn_signal_int(env, node, step, "frame_step", 1, &s->step));
    if (n >= 0 && samples >= 0 && n > samples)
        return hn_op_fail(env, node, "frames of %lld samples, but the signal has %lld", (long long)n,
                          (long long)samples);
    if (n >= 0 && samples >= 0 && s->step > 0) s->frames = (samples - n) / s->step + 1;
    s->axis = (hn_dft_axis){.in = n,
                            .n = n,
                            .out = n < 0      ? -1
                                   : onesided ? n / 2 + 1
                                              : n,
                            .in_parts = (int)parts,
                            .parts = 2,
                            .onesided = onesided};
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[SIGNAL], *w = hn_nn_type(c, WINDOW), *length = hn_nn_type(c, LENGTH);
    bool known, flat;
    shape s;
    c->out[0].dtype = x->dtype;
    HN_TRY(hn_nn_rank(c, SIGNAL, 3, 3, &known));
    if (w) HN_TRY(hn_nn_rank(c, WINDOW, 1, 1, &flat));
    hn_type_unknown_dims(&c->out[0], 4);
    c->out[0].dims[3] = 2;
    if (!known) return HN_OK;
    int64_t window = w && w->rank == 1 ? w->dims[0] : -1;
    HN_TRY(read(c->env, c->node, x->dims, c->data[STEP], w, window, length, length ? c->data[LENGTH] : NULL, &s));
    c->out[0].dims[0] = x->dims[0];
    c->out[0].dims[1] = s.frames;
    c->out[0].dims[2] = s.axis.out;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[SIGNAL], *w = hn_nn_in(a, WINDOW), *length = hn_nn_in(a, LENGTH);
    double *x, *y, *window, *frame, *buf;
    hn_dft d;
    shape s;
    HN_TRY(read(a->env, a->node, t->dims, a->in[STEP], w, w ? w->dims[0] : -1, length, length, &s));
    size_t n = (size_t)s.axis.n, parts = (size_t)s.axis.in_parts, rows = (size_t)s.axis.out;
    HN_TRY(hn_nn_load(a, SIGNAL, &x));
    HN_TRY(hn_nn_load(a, WINDOW, &window));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    HN_TRY(hn_nn_new(a, n * parts, &frame));
    HN_TRY(hn_nn_new(a, 4 * n, &buf));
    HN_TRY(hn_dft_init(a, n, false, &d));
    for (size_t k = 0; k < (size_t)(t->dims[0] * s.frames); k++) {
        size_t b = k / (size_t)s.frames, f = k % (size_t)s.frames;
        const double *from = x + (b * (size_t)t->dims[1] + f * (size_t)s.step) * parts;
        for (size_t i = 0; i < n * parts; i++) frame[i] = from[i] * (window ? window[i / parts] : 1);
        hn_dft_signal(&s.axis, &d, frame, parts, y + k * rows * 2, 2, buf);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

/* Frames by Gather along time, times the window, times the matrix of the transform. */
static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    const hn_type *x = &node->in[SIGNAL]->type;
    hn_env *env = rw->graph->env;
    hn_value *w = hn_node_in(node, WINDOW), *sized = hn_node_in(node, LENGTH);
    const hn_tensor *step = hn_node_const(node, STEP), *length = hn_node_const(node, LENGTH);
    shape s;
    if (!step || (sized && !length))
        return hn_op_unsupported(env, node, "no decomposition when frame_step or frame_length is computed");
    HN_TRY(read(env, node, x->dims, step, w, w ? w->type.dims[0] : -1, sized, length, &s));
    int64_t dims[] = {s.frames, s.axis.n}, column[] = {s.axis.n, 1};
    hn_tensor *t;
    hn_value *index = hn_rw_const_new(rw, HN_I64, 2, dims, &t);
    for (int64_t k = 0; index && k < s.frames * s.axis.n; k++)
        hn_set_i64(t, (size_t)k, k / s.axis.n * s.step + k % s.axis.n);
    hn_value *in[] = {node->in[SIGNAL], index};
    hn_value *v = hn_rw_op(rw, "Gather", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", 1), {0}});
    if (w) v = hn_g_mul(rw, v, hn_rw_reshape(rw, w, 2, column));
    HN_TRY(hn_rw_status(rw));
    return hn_dft_nodes(rw, node, &s.axis, v, 2, &out[0]);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *y = &n->out[0]->type;
    *cost = (hn_cost){.flops = 5 * hn_nn_elems(n->out[0]) * log2((double)y->dims[2] + 1), .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 1), HN_VALS(1, 2, 3, 5));
    hn_case_scalar(c, HN_I64, 2);
    hn_case_absent(c);
    hn_case_scalar(c, HN_I64, 2);
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 2, 2), HN_VALS(3, 0, -1, 0, 8, 0, -2, 0));
    hn_case(c, "window");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 11, 1), -1, 1);
    hn_case_scalar(c, HN_I32, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(5), 0, 1);
    hn_case(c, "complex, both sides, window and length");
    hn_case_int(c, "onesided", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 9, 2), -1, 1);
    hn_case_scalar(c, HN_I64, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(6), 0, 1);
    hn_case_scalar(c, HN_I64, 6);
    hn_case(c, "one frame of all samples");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 6, 1), -1, 1);
    hn_case_scalar(c, HN_I64, 2);
    hn_case(c, "window and length differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 9, 1), -1, 1);
    hn_case_scalar(c, HN_I64, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(6), 0, 1);
    hn_case_scalar(c, HN_I64, 5);
    hn_case(c, "frames longer than the signal");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 1), -1, 1);
    hn_case_scalar(c, HN_I64, 2);
    hn_case_absent(c);
    hn_case_scalar(c, HN_I64, 5);
    hn_case(c, "step 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 1), -1, 1);
    hn_case_scalar(c, HN_I64, 0);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"signal", HN_T_FLOAT, 'T', false},
                             {"frame_step", HN_T_I32I64, 0, false},
                             {"window", HN_T_FLOAT, 'T', true},
                             {"frame_length", HN_T_I32I64, 0, true}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"onesided", HN_ATTR_INT, false, "1", "1: only the first n / 2 + 1 values of each frame; the signal must be real"},
    {0}};

const hn_op hn_op_stft = {
    .name = "STFT",
    .domain = "",
    .since = 17,
    .doc = "y[b, f] = DFT(window * signal[b, f step : f step + n]) for (samples - n) / step + 1 frames, n = "
           "frame_length. Signal [1, 2, 3, 5], step 2, n = 2: frames [3, -1] and [8, -2], each real.",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
