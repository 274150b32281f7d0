/* stats: see the header. */
#include "optimize/stats.h"

#include <math.h>
#include <stdlib.h>

hn_interval hn_stat_proportion(size_t k, size_t n)
{
    if (n == 0) return (hn_interval){0, 0, 1};
    const double z = 1.959963984540054;
    double p = (double)k / (double)n, nn = (double)n, z2 = z * z;
    double centre = (p + z2 / (2 * nn)) / (1 + z2 / nn);
    double half = z * sqrt(p * (1 - p) / nn + z2 / (4 * nn * nn)) / (1 + z2 / nn);
    double lo = centre - half, hi = centre + half;
    return (hn_interval){p, k == 0 || lo < 0 ? 0 : lo, k == n || hi > 1 ? 1 : hi};
}

hn_drop hn_stat_drop(size_t n, size_t b, size_t c)
{
    hn_drop d = {.n = n, .b = b, .c = c};
    if (n == 0) {
        d.lo = -100;
        d.hi = d.upper = 100;
        return d;
    }
    double nn = (double)n, diff = (double)b - (double)c, sum = (double)(b + c);
    double var = sum - diff * diff / nn;
    d.value = 100 * diff / nn;
    d.se = 100 * sqrt(var > 0 ? var : 0) / nn;
    d.lo = d.value - 1.959963984540054 * d.se;
    d.hi = d.value + 1.959963984540054 * d.se;
    d.upper = d.value + 1.6448536269514722 * d.se;
    return d;
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
