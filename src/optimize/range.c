/* range: from a histogram to a range of 256 levels. */
#include "optimize/observe.h"

#include <math.h>
#include <string.h>

const char *const hn_method_name[HN_METHODS] = {"minmax", "percentile", "mse", "entropy"};

static double bin_centre(const hn_hist *h, double b)
{
    return (double)h->lo + ((double)h->hi - (double)h->lo) * (b + 0.5) / HN_HIST_BINS;
}

hn_status hn_hist_merge(hn_env *env, hn_arena *arena, const hn_hist *const *from, size_t n, hn_hist *out)
{
    *out = (hn_hist){.lo = INFINITY, .hi = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        out->lo = fminf(out->lo, from[i]->lo);
        out->hi = fmaxf(out->hi, from[i]->hi);
        out->count += from[i]->count;
        out->sum += from[i]->sum;
        out->sum2 += from[i]->sum2;
    }
    out->bins = hn_arena_array(env, arena, HN_HIST_BINS, sizeof *out->bins);
    if (!out->bins) return HN_NOMEM;
    double width = (double)out->hi - (double)out->lo;
    for (size_t i = 0; i < n; i++)
        for (int b = 0; b < HN_HIST_BINS; b++) {
            int at = width > 0 ? (int)((bin_centre(from[i], b) - (double)out->lo) / width * HN_HIST_BINS) : 0;
            at = at < 0 ? 0 : at >= HN_HIST_BINS ? HN_HIST_BINS - 1 : at;
            out->bins[at] += from[i]->bins[b];
        }
    return HN_OK;
}

void hn_range_to_u8(float lo, float hi, float *scale, int32_t *zero)
{
    lo = fminf(lo, 0);
    hi = fmaxf(hi, 0);
    float width = hi - lo;
    if (!(width > 0) || !isfinite(width)) {
        *scale = 1;
        *zero = 0;
        return;
    }
    *scale = width / 255;
    if (!(*scale > 1e-30f)) *scale = 1e-30f;
    long z = lrintf(-lo / *scale);
    *zero = z < 0 ? 0 : z > 255 ? 255 : (int32_t)z;
}

/* Cut the share `tail` of the mass from each end. */
static void cut_tails(const hn_hist *h, double tail, float *lo, float *hi)
{
    double total = 0, acc = 0;
    for (int b = 0; b < HN_HIST_BINS; b++) total += h->bins[b];
    int a = 0, z = HN_HIST_BINS - 1;
    for (; a < z && acc + h->bins[a] <= total * tail; a++) acc += h->bins[a];
    for (acc = 0; z > a && acc + h->bins[z] <= total * tail; z--) acc += h->bins[z];
    double width = (double)h->hi - (double)h->lo;
    *lo = (float)((double)h->lo + width * a / HN_HIST_BINS);
    *hi = (float)((double)h->lo + width * (z + 1) / HN_HIST_BINS);
}

/* Mean of |x - q(x)|^2.4 for a range. */
static double range_error(const hn_hist *h, float lo, float hi)
{
    float scale;
    int32_t zero;
    hn_range_to_u8(lo, hi, &scale, &zero);
    double err = 0;
    for (int b = 0; b < HN_HIST_BINS; b++) {
        if (h->bins[b] == 0) continue;
        double x = bin_centre(h, b), q = rint(x / (double)scale) + zero;
        q = q < 0 ? 0 : q > 255 ? 255 : q;
        double d = fabs(x - (q - zero) * (double)scale);
        if (q > 0 && q < 255) d = (double)scale / 4; /* inside: the mean rounding error, whatever the bin's centre */
        err += h->bins[b] * pow(d, 2.4);
    }
    return err;
}

static void search_mse(const hn_hist *h, float *lo, float *hi)
{
    double best = INFINITY;
    float best_lo = h->lo, best_hi = h->hi;
    bool negative = h->lo < 0;
    for (int i = 0; i <= 80; i++) {
        float a = 1 - 0.01f * (float)i;
        for (int j = 0; j <= (negative ? 16 : 0); j++) {
            float b = negative ? 1 - 0.05f * (float)j : 1;
            double e = range_error(h, h->lo * b, h->hi * a);
            if (e < best) {
                best = e;
                best_lo = h->lo * b;
                best_hi = h->hi * a;
            }
        }
    }
    *lo = best_lo;
    *hi = best_hi;
}

/* KL divergence between the clipped distribution of |x| over `keep` bins and its image in `levels` levels. */
static double divergence(const double *mag, int bins, int keep, int levels)
{
    double tail = 0, total = 0, kl = 0;
    for (int b = keep; b < bins; b++) tail += mag[b];
    for (int b = 0; b < bins; b++) total += mag[b];
    if (total <= 0) return 0;
    for (int k = 0; k < levels; k++) {
        int from = (int)((int64_t)k * keep / levels), to = (int)((int64_t)(k + 1) * keep / levels);
        double q = 0;
        int nonzero = 0;
        for (int b = from; b < to; b++) {
            q += mag[b];
            nonzero += mag[b] > 0 || b == keep - 1;
        }
        if (!nonzero) continue;
        for (int b = from; b < to; b++) {
            double p = mag[b] + (b == keep - 1 ? tail : 0);
            if (p <= 0) continue;
            double share = q / nonzero;
            kl += p * log(p / (share > 0 ? share : 1e-9 * total));
        }
    }
    return kl / total;
}

static void search_entropy(const hn_hist *h, float *lo, float *hi)
{
    double mag[HN_HIST_BINS] = {0};
    double top = fmax(fabs((double)h->lo), fabs((double)h->hi));
    if (!(top > 0)) return;
    for (int b = 0; b < HN_HIST_BINS; b++) {
        int at = (int)(fabs(bin_centre(h, b)) / top * HN_HIST_BINS);
        mag[at >= HN_HIST_BINS ? HN_HIST_BINS - 1 : at] += h->bins[b];
    }
    int levels = h->lo < 0 ? 128 : 256;
    int best = HN_HIST_BINS;
    double least = INFINITY;
    for (int keep = levels; keep <= HN_HIST_BINS; keep += 16) {
        double kl = divergence(mag, HN_HIST_BINS, keep, levels);
        if (kl < least) {
            least = kl;
            best = keep;
        }
    }
    double limit = top * best / HN_HIST_BINS;
    *lo = (float)fmax((double)h->lo, -limit);
    *hi = (float)fmin((double)h->hi, limit);
}

void hn_hist_range(const hn_hist *h, hn_method method, float *lo, float *hi)
{
    *lo = h->lo;
    *hi = h->hi;
    if (!(h->hi > h->lo) || h->count <= 0) {
        *lo = fminf(h->lo, 0);
        *hi = fmaxf(h->hi, 0);
        if (!isfinite(*lo) || !isfinite(*hi)) *lo = *hi = 0;
        return;
    }
    switch (method) {
    case HN_METHOD_MINMAX: break;
    case HN_METHOD_PERCENTILE: cut_tails(h, 5e-5, lo, hi); break;
    case HN_METHOD_MSE: search_mse(h, lo, hi); break;
    case HN_METHOD_ENTROPY: search_entropy(h, lo, hi); break;
    }
    *lo = fminf(*lo, 0);
    *hi = fmaxf(*hi, 0);
}
