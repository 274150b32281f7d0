/* stats: see the header. */
#include "optimize/stats.h"

#include <math.h>
#include <stdlib.h>

static const double z95 = 1.959963984540054;

hn_interval hn_stat_proportion(size_t k, size_t n)
{
    if (n == 0) return (hn_interval){0, 0, 1};
    double z = z95, p = (double)k / (double)n, nn = (double)n, z2 = z * z;
    double centre = (p + z2 / (2 * nn)) / (1 + z2 / nn);
    double half = z * sqrt(p * (1 - p) / nn + z2 / (4 * nn * nn)) / (1 + z2 / nn);
    double lo = centre - half, hi = centre + half;
    return (hn_interval){p, k == 0 || lo < 0 ? 0 : lo, k == n || hi > 1 ? 1 : hi};
}

hn_interval hn_stat_mean(const double *v, size_t n)
{
    double sum = 0, sum2 = 0;
    if (n == 0) return (hn_interval){NAN, NAN, NAN};
    for (size_t i = 0; i < n; i++) sum += v[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) sum2 += (v[i] - mean) * (v[i] - mean);
    double half = n > 1 ? z95 * sqrt(sum2 / (double)(n - 1) / (double)n) : INFINITY;
    return (hn_interval){mean, mean - half, mean + half};
}

hn_drop hn_stat_drop_restore(size_t n, size_t b, size_t c, double value, double se)
{
    hn_drop d = {.n = n, .b = b, .c = c, .value = value, .se = se};
    d.lo = n ? d.value - z95 * d.se : -100;
    d.hi = n ? d.value + z95 * d.se : 100;
    d.upper = n ? d.value + 1.6448536269514722 * d.se : 100;
    return d;
}

/* From the sum of the differences of pairs and the sum of their squares. */
static hn_drop drop_of(size_t n, size_t b, size_t c, double sum, double squares)
{
    double nn = n ? (double)n : 1, var = squares - sum * sum / nn;
    return hn_stat_drop_restore(n, b, c, 100 * sum / nn, 100 * sqrt(var > 0 ? var : 0) / nn);
}

hn_drop hn_stat_drop(size_t n, size_t b, size_t c)
{
    return drop_of(n, b, c, (double)b - (double)c, (double)(b + c));
}

hn_drop hn_stat_drop_scores(const double *base, const double *other, size_t n)
{
    double sum = 0, squares = 0;
    size_t b = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        double d = base[i] - other[i];
        b += d > 0;
        c += d < 0;
        sum += d;
        squares += d * d;
    }
    return drop_of(n, b, c, sum, squares);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void hn_stat_sort(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare);
}

double hn_stat_quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n) return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

double hn_stat_median(double *v, size_t n)
{
    if (n == 0) return 0;
    hn_stat_sort(v, n);
    return hn_stat_quantile(v, n, 0.5);
}
