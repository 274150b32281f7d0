/* lib_window: see the header. Source of the size formulas: ONNX Conv-22, MaxPool-22, AveragePool-22. */
#include "ops/lib_window.h"

enum { PARAM_MAX = 1 << 30 };
#define DIM_MAX (INT64_C(1) << 40)

static hn_status read_list(hn_env *env, const hn_node *node, const char *name, int n, int64_t min, int64_t otherwise,
                           int64_t *dst)
{
    const int64_t *v;
    size_t count = hn_attr_ints(node, name, &v);
    if (count == 0) {
        for (int i = 0; i < n; i++) dst[i] = otherwise;
        return HN_OK;
    }
    if (count != (size_t)n) {
        return hn_fail(env, HN_INPUT, "%s: %s has %zu entries, %d needed", hn_node_label(node), name, count, n);
    }
    for (int i = 0; i < n; i++) {
        if (v[i] < min || v[i] > PARAM_MAX) {
            return hn_fail(env, HN_INPUT, "%s: %s[%d] is %lld, allowed are %lld to %d", hn_node_label(node), name, i,
                           (long long)v[i], (long long)min, PARAM_MAX);
        }
        dst[i] = v[i];
    }
    return HN_OK;
}

hn_status hn_window_attrs(hn_env *env, const hn_node *node, int n, const int64_t *kernel, hn_window *w)
{
    int64_t pads[2 * HN_MAX_RANK];
    *w = (hn_window){.n = n};
    if (n < 1 || n > HN_MAX_RANK - 2) {
        return hn_fail(env, HN_INPUT, "%s: %d spatial dims, 1 to %d needed", hn_node_label(node), n, HN_MAX_RANK - 2);
    }
    HN_TRY(read_list(env, node, "kernel_shape", n, 1, -1, w->k));
    HN_TRY(read_list(env, node, "strides", n, 1, 1, w->s));
    HN_TRY(read_list(env, node, "dilations", n, 1, 1, w->d));
    HN_TRY(read_list(env, node, "pads", 2 * n, 0, 0, pads));
    for (int i = 0; i < n; i++) {
        w->lo[i] = pads[i];
        w->hi[i] = pads[n + i];
        if (kernel) HN_TRY(hn_nn_same_dim(env, node, "kernel_shape and the weights", w->k[i], kernel[i], &w->k[i]));
        if (w->k[i] == 0 || w->k[i] > PARAM_MAX) {
            return hn_fail(env, HN_INPUT, "%s: window of size %lld", hn_node_label(node), (long long)w->k[i]);
        }
    }
    return HN_OK;
}

/* Size of the window with its dilation. */
static int64_t extent(const hn_window *w, int i)
{
    return (w->k[i] - 1) * w->d[i] + 1;
}

static hn_status read_auto(hn_env *env, const hn_node *node, hn_window *w, bool *same)
{
    *same = hn_attr_is(node, "auto_pad", "SAME_UPPER") || hn_attr_is(node, "auto_pad", "SAME_LOWER");
    if (hn_attr_is(node, "auto_pad", "VALID") || *same) {
        for (int i = 0; i < w->n; i++) w->lo[i] = w->hi[i] = 0;
    } else if (!hn_attr_is(node, "auto_pad", "NOTSET") && hn_node_attr(node, "auto_pad") &&
               !hn_attr_is(node, "auto_pad", "")) {
        hn_status st = hn_fail(env, HN_INPUT, "%s: unknown auto_pad", hn_node_label(node));
        hn_hint(env, "Allowed: NOTSET, VALID, SAME_UPPER, SAME_LOWER.");
        return st;
    }
    return HN_OK;
}

static hn_status size_one(hn_env *env, const hn_node *node, hn_window *w, int i, bool same, bool ceil_mode)
{
    int64_t in = w->in[i];
    int64_t ext = w->k[i] < 0 ? -1 : extent(w, i);
    if (same) {
        if (in < 0 || ext < 0) {
            w->out[i] = w->s[i] == 1 ? in : -1;
            return HN_OK;
        }
        w->out[i] = in / w->s[i] + (in % w->s[i] != 0);
        int64_t total = in == 0 ? 0 : (w->out[i] - 1) * w->s[i] + ext - in;
        if (total < 0) total = 0;
        bool lower = hn_attr_is(node, "auto_pad", "SAME_LOWER");
        w->lo[i] = lower ? total - total / 2 : total / 2;
        w->hi[i] = total - w->lo[i];
        return HN_OK;
    }
    if (in < 0 || ext < 0) {
        w->out[i] = ext > 0 && w->s[i] == 1 && w->lo[i] + w->hi[i] == ext - 1 ? in : -1;
        return HN_OK;
    }
    int64_t room = in + w->lo[i] + w->hi[i] - ext;
    /* Windows that keep the size keep no pixels too. */
    if (room < 0 && !(in == 0 && room == -1 && w->s[i] == 1)) {
        hn_status st =
            hn_fail(env, HN_INPUT, "%s: window of %lld is larger than the padded input of %lld along spatial dim %d",
                    hn_node_label(node), (long long)ext, (long long)in + (long long)w->lo[i] + (long long)w->hi[i], i);
        hn_hint(env, "Use a larger input or smaller kernel, or add padding.");
        return st;
    }
    w->out[i] = room < 0 ? 0 : room / w->s[i] + 1;
    /* A window of ceil mode that would start in the padding behind the input does not count. */
    if (ceil_mode && room % w->s[i] != 0 && w->out[i] * w->s[i] < in + w->lo[i]) w->out[i]++;
    return HN_OK;
}

/* The formula for VALID has no ceil mode: its output covers whole windows only. */
bool hn_window_ceil(const hn_node *node)
{
    return hn_attr_int(node, "ceil_mode", 0) != 0 && !hn_attr_is(node, "auto_pad", "VALID");
}

hn_status hn_window_read(hn_env *env, const hn_node *node, int n, const int64_t *in, const int64_t *kernel,
                         hn_window *w)
{
    bool same;
    HN_TRY(hn_window_attrs(env, node, n, kernel, w));
    HN_TRY(read_auto(env, node, w, &same));
    bool ceil_mode = hn_window_ceil(node);
    for (int i = 0; i < n; i++) {
        w->in[i] = in[i];
        if (in[i] > DIM_MAX) {
            return hn_fail(env, HN_LIMIT, "%s: spatial dim of %lld elements", hn_node_label(node), (long long)in[i]);
        }
        HN_TRY(size_one(env, node, w, i, same, ceil_mode));
    }
    return HN_OK;
}

bool hn_window_row(const hn_window *w, size_t tap, size_t row, size_t *in_row)
{
    size_t stride = 1, at = 0;
    for (int i = w->n - 2; i >= 0; i--) {
        int64_t k = (int64_t)(tap % (size_t)w->k[i]), o = (int64_t)(row % (size_t)w->out[i]);
        tap /= (size_t)w->k[i];
        row /= (size_t)w->out[i];
        int64_t x = o * w->s[i] - w->lo[i] + k * w->d[i];
        if (x < 0 || x >= w->in[i]) return false;
        at += (size_t)x * stride;
        stride *= (size_t)w->in[i];
    }
    *in_row = at;
    return true;
}

void hn_window_span(const hn_window *w, int64_t k, int64_t *from, int64_t *to, int64_t *shift)
{
    int i = w->n - 1;
    int64_t b = k * w->d[i] - w->lo[i], s = w->s[i];
    int64_t lo = b >= 0 ? 0 : (-b + s - 1) / s;
    int64_t hi = w->in[i] - b <= 0 ? 0 : (w->in[i] - b + s - 1) / s;
    if (hi > w->out[i]) hi = w->out[i];
    *from = lo < hi ? lo : hi;
    *to = hi;
    *shift = b;
}

size_t hn_window_elems(const int64_t *dims, int n)
{
    size_t p = 1;
    for (int i = 0; i < n; i++) p *= (size_t)dims[i];
    return p;
}

size_t hn_window_taps(const hn_window *w)
{
    return hn_window_elems(w->k, w->n);
}

void hn_window_rw(const hn_window *w, int64_t *pads, hn_rw_attr *a)
{
    size_t n = (size_t)w->n;
    for (size_t i = 0; i < n; i++) {
        pads[i] = w->lo[i];
        pads[n + i] = w->hi[i];
    }
    a[0] = (hn_rw_attr)HN_A_INTS("kernel_shape", w->k, n);
    a[1] = (hn_rw_attr)HN_A_INTS("strides", w->s, n);
    a[2] = (hn_rw_attr)HN_A_INTS("dilations", w->d, n);
    a[3] = (hn_rw_attr)HN_A_INTS("pads", pads, 2 * n);
}
