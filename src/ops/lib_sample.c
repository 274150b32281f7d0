/* lib_sample: see the header. */
#include "ops/lib_sample.h"

hn_status hn_sample_read(hn_env *env, const hn_node *node, hn_sample_how *how)
{
    static const char *const pads[] = {"zeros", "border", "reflection"};
    how->corners = hn_attr_int(node, "align_corners", 0) != 0;
    how->taps = hn_attr_is(node, "mode", "nearest") ? 1 : hn_attr_is(node, "mode", "linear") ? 2 : 4;
    if (how->taps == 4 && !hn_attr_is(node, "mode", "cubic"))
        return hn_op_fail(env, node, "mode must be nearest, linear or cubic");
    for (int i = 0; i < 3; i++) {
        how->pad = i == 0 ? HN_SAMPLE_ZEROS : i == 1 ? HN_SAMPLE_BORDER : HN_SAMPLE_REFLECTION;
        if (hn_attr_is(node, "padding_mode", pads[i])) return HN_OK;
    }
    return hn_op_fail(env, node, "padding_mode must be zeros, border or reflection");
}

/* Mirrors x into [lo, hi]; *slope: the derivative. */
static double reflect(double x, double lo, double hi, double *slope)
{
    double range = hi - lo, over = x < lo ? lo - x : x - hi;
    *slope = 1;
    if (x >= lo && x <= hi) return x;
    *slope = 0;
    if (range <= 0) return lo;
    double turns = floor(over / range), rest = over - turns * range;
    bool even = fmod(turns, 2) == 0;
    *slope = even ? -1 : 1;
    if (x < lo) return even ? lo + rest : hi - rest;
    return even ? hi - rest : lo + rest;
}

/* The point that index p of an axis of n stands for; -1: zero. */
static int64_t resolve(const hn_sample_how *how, double p, int64_t n, double lo, double hi)
{
    double slope;
    if (p >= 0 && p < (double)n) return (int64_t)p;
    if (how->pad == HN_SAMPLE_ZEROS) return -1;
    if (how->pad == HN_SAMPLE_REFLECTION) p = trunc(reflect(p, lo, hi, &slope));
    return p < 0 ? 0 : p >= (double)n ? n - 1 : (int64_t)p;
}

static void cubic(double r, hn_sample_axis *t)
{
    const double a = -0.75;
    double far[2] = {r + 1, 2 - r}, near[2] = {r, 1 - r};
    for (int k = 0; k < 2; k++) {
        double f = far[k], e = near[k], sign = k ? -1 : 1;
        t->w[3 * k] = ((a * f - 5 * a) * f + 8 * a) * f - 4 * a;
        t->dw[3 * k] = sign * ((3 * a * f - 10 * a) * f + 8 * a);
        t->w[1 + k] = ((a + 2) * e - (a + 3)) * e * e + 1;
        t->dw[1 + k] = sign * (3 * (a + 2) * e - 2 * (a + 3)) * e;
    }
}

void hn_sample_at(const hn_sample_how *how, double v, int64_t n, hn_sample_axis *t)
{
    double lo = how->corners ? 0 : -0.5, hi = how->corners ? (double)n - 1 : (double)n - 0.5, turn = 1;
    double x = how->corners ? (v + 1) / 2 * (double)(n - 1) : ((v + 1) * (double)n - 1) / 2;
    double slope = (double)(how->corners ? n - 1 : n) / 2;
    if (!(fabs(x) < 1e15)) x = x > 0 ? 1e15 : -1e15;
    if (how->taps == 1) x = rint(x);
    if (how->pad == HN_SAMPLE_BORDER && (x < lo || x > hi)) {
        x = x < 0 ? 0 : (double)(n - 1);
        slope = 0;
    }
    if (how->pad == HN_SAMPLE_REFLECTION) x = reflect(x, lo, hi, &turn);
    slope *= turn;
    double base = floor(x), r = x - base;
    if (how->taps == 1) {
        base = rint(x);
        t->w[0] = 1;
        t->dw[0] = 0;
    } else if (how->taps == 2) {
        t->w[0] = 1 - r;
        t->w[1] = r;
        t->dw[0] = -1;
        t->dw[1] = 1;
    } else {
        base -= 1;
        cubic(r, t);
    }
    for (int k = 0; k < how->taps; k++) {
        t->index[k] = resolve(how, base + k, n, lo, hi);
        t->dw[k] *= slope;
    }
}

size_t hn_sample_count(const hn_sample_how *how, int n)
{
    size_t count = 1;
    for (int d = 0; d < n; d++) count *= (size_t)how->taps;
    return count;
}

double hn_sample_weight(const hn_sample_how *how, const hn_sample_axis *axes, const int64_t *dims, int n, size_t k,
                        int by, int64_t *at)
{
    int64_t stride = 1;
    double weight = 1;
    *at = 0;
    for (int d = n - 1; d >= 0; d--) {
        size_t t = k % (size_t)how->taps;
        k /= (size_t)how->taps;
        if (axes[d].index[t] < 0) return 0;
        weight *= d == by ? axes[d].dw[t] : axes[d].w[t];
        *at += axes[d].index[t] * stride;
        stride *= dims[d];
    }
    return weight;
}
