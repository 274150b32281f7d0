/* figure: numbers as people read them, and the rows of the before/after table, shared by the text and the page. */
#include "report/report_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void scaled(double v, double step, const char *const *unit, int last, char *dst)
{
    int u = 0;
    for (; fabs(v) >= step && u < last; u++) v /= step;
    snprintf(dst, HN_FIG, u == 0 && v == floor(v) ? "%.0f%s%s" : "%.3g%s%s", v, unit[u][0] ? " " : "", unit[u]);
    if (fabs(v) >= 100 && fabs(v) < 1000) snprintf(dst, HN_FIG, "%.0f%s%s", v, unit[u][0] ? " " : "", unit[u]);
}

char *hn_fig(hn_fig_kind kind, double v, char *dst)
{
    static const char *const bytes[] = {"B", "kB", "MB", "GB", "TB"};
    static const char *const counts[] = {"", "k", "M", "G", "T"};
    if (!isfinite(v)) {
        memcpy(dst, "-", 2);
        return dst;
    }
    switch (kind) {
    case HN_FIG_SHARE: snprintf(dst, HN_FIG, "%.2f %%", 100 * v); break;
    case HN_FIG_POINTS: snprintf(dst, HN_FIG, "%.2f", v == 0 ? 0 : v); break;
    case HN_FIG_BYTES: scaled(v, 1000, bytes, 4, dst); break;
    case HN_FIG_MS:
        if (fabs(v) < 1 && v != 0)
            snprintf(dst, HN_FIG, fabs(v) < 0.1 ? "%.1f us" : "%.0f us", v * 1000);
        else
            snprintf(dst, HN_FIG, v < 100 ? "%.2f ms" : "%.0f ms", v);
        break;
    case HN_FIG_US: snprintf(dst, HN_FIG, v < 10 ? "%.2f" : v < 1000 ? "%.1f" : "%.0f", v); break;
    case HN_FIG_COUNT: scaled(v, 1000, counts, 4, dst); break;
    case HN_FIG_INT: snprintf(dst, HN_FIG, "%.0f", v); break;
    case HN_FIG_RATE: snprintf(dst, HN_FIG, v < 100 ? "%.1f /s" : "%.0f /s", v); break;
    case HN_FIG_DB: snprintf(dst, HN_FIG, "%.1f", v); break;
    case HN_FIG_PLAIN: snprintf(dst, HN_FIG, "%.4g", v); break;
    }
    return dst;
}

char *hn_fig_at(const hn_rec *rec, const char *path, hn_fig_kind kind, char *dst)
{
    return hn_fig(kind, hn_rec_num(rec, path, NAN), dst);
}

const hn_figure_row hn_figure_rows[] = {
    {"accuracy", "value", HN_FIG_SHARE, 0, NULL},
    {"answered right", "correct", HN_FIG_INT, 0, NULL},
    {"model size", "size_bytes", HN_FIG_BYTES, -1, NULL},
    {"model size against FP16", "size_bytes", HN_FIG_BYTES, -1, "size_fp16_bytes"},
    {"latency, median", "latency_ms.p50", HN_FIG_MS, -1, NULL},
    {"latency, 90 %", "latency_ms.p90", HN_FIG_MS, -1, NULL},
    {"latency, 99 %", "latency_ms.p99", HN_FIG_MS, -1, NULL},
    {"latency, least", "latency_ms.min", HN_FIG_MS, -1, NULL},
    {"throughput", "throughput_per_s", HN_FIG_RATE, 1, NULL},
    {"weights and activations", "memory_bytes", HN_FIG_BYTES, -1, NULL},
    {"activation arena", "arena_bytes", HN_FIG_BYTES, -1, NULL},
    {"arena, lower bound", "arena_lower_bound_bytes", HN_FIG_BYTES, -1, NULL},
    {"parameters", "params", HN_FIG_COUNT, 0, NULL},
    {"multiply-accumulates", "macs", HN_FIG_COUNT, 0, NULL},
    {"parameters removed", "params_removed", HN_FIG_COUNT, 0, NULL},
    {"parameters set to zero", "params_zeroed", HN_FIG_COUNT, 0, NULL},
    {"compiled plan", "plan_bytes", HN_FIG_BYTES, 0, NULL},
    {NULL, NULL, HN_FIG_PLAIN, 0, NULL},
};

double hn_figure_ratio(const hn_rec *rec, const hn_figure_row *row)
{
    double before = hn_rec_num(hn_rec_get(rec, "before"), row->before_path ? row->before_path : row->path, NAN);
    double after = hn_rec_num(hn_rec_get(rec, "after"), row->path, NAN);
    if (!row->better || !(before > 0) || !(after > 0)) return NAN;
    return row->better < 0 ? before / after : after / before;
}

const hn_rec *hn_rec_first(const hn_rec *rec, const char *path)
{
    const hn_rec *r = hn_rec_get(rec, path);
    return r && r->kind == HN_REC_LIST ? r->u.c.first : NULL;
}

size_t hn_rec_size(const hn_rec *rec, const char *path)
{
    const hn_rec *r = hn_rec_get(rec, path);
    return r && r->kind == HN_REC_LIST ? r->u.c.count : 0;
}

bool hn_rec_truth(const hn_rec *rec, const char *path, bool otherwise)
{
    const hn_rec *r = hn_rec_get(rec, path);
    return r && r->kind == HN_REC_BOOL ? r->u.b : otherwise;
}
