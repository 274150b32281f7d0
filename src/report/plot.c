/* plot: accuracy drop on its axis, trials as cost against drop, the roofline, histograms. Inline SVG; every mark has a
 * title, so that a pointer or a reader of the page's text finds its name and numbers. */
#include "report/report_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct axis {
    double lo, hi;   /* in values (or their log10) */
    double from, to; /* in pixels */
    bool log;
} axis;

static double at(const axis *a, double v)
{
    if (a->log) v = log10(v);
    return a->from + (v - a->lo) / (a->hi - a->lo) * (a->to - a->from);
}

/* 1, 2 or 5 times a power of ten, so that about `n` steps cover the span. */
static double step_of(double span, int n)
{
    double raw = span / n, p = pow(10, floor(log10(raw))), f = raw / p;
    return p * (f < 1.5 ? 1 : f < 3.5 ? 2 : f < 7.5 ? 5 : 10);
}

static void grow(double *lo, double *hi, double v)
{
    if (!isfinite(v)) return;
    *lo = fmin(*lo, v);
    *hi = fmax(*hi, v);
}

void hn_plot_drop(hn_page *p, const hn_rec *rec)
{
    double v = hn_rec_num(rec, "drop.value", NAN), lo = hn_rec_num(rec, "drop.interval.0", v),
           hi = hn_rec_num(rec, "drop.interval.1", v);
    double budget = hn_rec_num(rec, "max_drop", NAN);
    if (!isfinite(v) || !isfinite(budget)) return;
    axis x = {.lo = fmin(0, lo), .hi = fmax(budget, hi), .from = 20, .to = 540};
    double pad = 0.08 * (x.hi - x.lo);
    if (!(pad > 0)) pad = 0.5;
    x.lo -= pad;
    x.hi += pad;
    hn_page_f(p,
              "<figure style=\"max-width:620px;margin-top:16px\"><svg viewBox=\"0 0 560 62\" role=\"img\" "
              "aria-label=\"Accuracy drop %.2f points, "
              "interval %.2f to %.2f, budget %.2f\">\n",
              v, lo, hi, budget);
    double step = step_of(x.hi - x.lo, 6);
    for (double t = ceil(x.lo / step) * step; t <= x.hi; t += step)
        hn_page_f(
            p, "<path class=\"grid\" d=\"M%.1f 12V38\"/><text x=\"%.1f\" y=\"56\" text-anchor=\"middle\">%.4g</text>\n",
            at(&x, t), at(&x, t), fabs(t) < step * 1e-6 ? 0 : t);
    hn_page_f(p,
              "<path class=\"axis\" d=\"M20 38H540\"/><path class=\"budget\" d=\"M%.1f 8V42\"/><text class=\"badt\" "
              "x=\"%.1f\" y=\"10\" "
              "text-anchor=\"end\">budget</text>\n",
              at(&x, budget), at(&x, budget) - 5);
    hn_page_f(p,
              "<path class=\"iv\" d=\"M%.1f 26H%.1f\"><title>95 %% interval %.2f to %.2f points</title></path>"
              "<circle class=\"dot\" cx=\"%.1f\" cy=\"26\" r=\"6\"><title>drop %.2f points</title></circle>\n",
              at(&x, lo), at(&x, hi), lo, hi, at(&x, v), v);
    hn_page_raw(
        p,
        "</svg><figcaption>Accuracy drop in points, with its 95 % interval; left is better.</figcaption></figure>\n");
}

static void axis_x(hn_page *p, const axis *x, double y0, double y1, hn_fig_kind kind, const char *label)
{
    char text[HN_FIG];
    if (x->log) {
        for (int e = (int)ceil(x->lo - 1e-9); e <= x->hi + 1e-9; e++) {
            double px = x->from + (e - x->lo) / (x->hi - x->lo) * (x->to - x->from);
            hn_page_f(p,
                      "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                      "text-anchor=\"middle\">%.4g</text>\n",
                      px, y0, y1, px, y1 + 17, pow(10, e));
        }
    } else {
        double step = step_of(x->hi - x->lo, 6);
        for (double t = ceil(x->lo / step) * step; t <= x->hi; t += step)
            hn_page_f(p,
                      "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                      "text-anchor=\"middle\">%s</text>\n",
                      at(x, t), y0, y1, at(x, t), y1 + 17, hn_fig(kind, t, text));
    }
    hn_page_f(p,
              "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/><text class=\"ink\" x=\"%.1f\" y=\"%.1f\" "
              "text-anchor=\"end\">%s</text>\n",
              x->from, y1, x->to, x->to, y1 + 36, label);
}

static void axis_y(hn_page *p, const axis *y, double x0, double x1, const char *label)
{
    if (y->log) {
        for (int e = (int)ceil(y->lo - 1e-9); e <= y->hi + 1e-9; e++) {
            double py = y->from + (e - y->lo) / (y->hi - y->lo) * (y->to - y->from);
            hn_page_f(p,
                      "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                      "text-anchor=\"end\">%.4g</text>\n",
                      x0, py, x1, x0 - 7, py + 4, pow(10, e));
        }
    } else {
        double step = step_of(y->hi - y->lo, 5);
        for (double t = ceil(y->lo / step) * step; t <= y->hi; t += step)
            hn_page_f(p,
                      "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                      "text-anchor=\"end\">%.4g</text>\n",
                      x0, at(y, t), x1, x0 - 7, at(y, t) + 4, fabs(t) < step * 1e-6 ? 0 : t);
    }
    hn_page_f(p, "<text class=\"ink\" x=\"%.1f\" y=\"14\">%s</text>\n", x0 - 44, label);
}

/* The lower left edge of all trials: cheaper ones all lose more. Drawn by repeated search, n is the number of trials
 * (hundreds). */
static void draw_front(hn_page *p, const hn_rec *rec, const char *cost, const axis *x, const axis *y)
{
    double last_x = -INFINITY, last_y = INFINITY;
    bool open = false;
    for (;;) {
        double best_x = INFINITY, best_y = INFINITY;
        for (const hn_rec *t = hn_rec_first(rec, "trials"); t; t = t->next) {
            double cx = hn_rec_num(t, cost, NAN), cy = hn_rec_num(t, "drop", NAN);
            if (!isfinite(cx) || !isfinite(cy) || cx <= last_x || cy >= last_y) continue;
            if (cx < best_x || (cx == best_x && cy < best_y)) {
                best_x = cx;
                best_y = cy;
            }
        }
        if (!isfinite(best_x)) break;
        if (open)
            hn_page_f(p, "H%.1fV%.1f", at(x, best_x), at(y, best_y));
        else
            hn_page_f(p, "<path class=\"front\" d=\"M%.1f %.1f", at(x, best_x), at(y, best_y));
        open = true;
        last_x = best_x;
        last_y = best_y;
    }
    if (open) hn_page_raw(p, "\"/>\n");
}

static void draw_trial(hn_page *p, const hn_rec *t, const char *cost, hn_fig_kind kind, const axis *x, const axis *y,
                       double budget)
{
    double cx = hn_rec_num(t, cost, NAN), cy = hn_rec_num(t, "drop", NAN);
    bool chosen = hn_rec_truth(t, "chosen", false);
    char a[HN_FIG], b[HN_FIG];
    if (!isfinite(cx) || !isfinite(cy)) return;
    hn_page_f(p, "<circle class=\"%s%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>", chosen ? "chosen" : "pt",
              cy > budget ? (chosen ? " no" : " over") : "", at(x, cx), at(y, cy), chosen ? "9" : "5");
    hn_page_text_at(p, t, "name");
    hn_page_f(p, ": %s, drop %s points%s</title></circle>\n", hn_fig(kind, cx, a), hn_fig(HN_FIG_POINTS, cy, b),
              chosen ? ", chosen" : "");
}

/* Where the route started and where it ended; the end was measured on the test part. */
static void draw_end(hn_page *p, const hn_rec *rec, bool size, bool after, const axis *x, const axis *y, double budget)
{
    const hn_rec *side = hn_rec_get(rec, after ? "after" : "before");
    double cost = hn_rec_num(side, size ? "size_bytes" : "latency_ms.p50", NAN);
    double drop = after ? hn_rec_num(rec, "drop.value", NAN) : 0;
    char a[HN_FIG], b[HN_FIG];
    if (!isfinite(cost) || !isfinite(drop)) return;
    hn_page_f(
        p,
        "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"9\"><title>%s: %s, drop %s points</title></circle><text "
        "class=\"ink\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
        !after           ? "start"
        : drop <= budget ? "chosen"
                         : "chosen no",
        at(x, cost), at(y, drop), after ? "result, on the test part" : "the source model",
        hn_fig(size ? HN_FIG_BYTES : HN_FIG_MS, cost, a), hn_fig(HN_FIG_POINTS, drop, b), at(x, cost), at(y, drop) - 14,
        after ? "result" : "source");
}

void hn_plot_pareto(hn_page *p, const hn_rec *rec)
{
    bool size = strcmp(hn_rec_text(rec, "goal", ""), "size") == 0;
    const char *cost = size ? "size_bytes" : "latency_ms";
    double budget = hn_rec_num(rec, "max_drop", 1), x0 = INFINITY, x1 = -INFINITY, y0 = 0, y1 = budget;
    for (const hn_rec *t = hn_rec_first(rec, "trials"); t; t = t->next) {
        double v = hn_rec_num(t, cost, NAN), d = hn_rec_num(t, "drop", NAN);
        if (!isfinite(v) || !isfinite(d)) continue;
        grow(&x0, &x1, v);
        grow(&y0, &y1, d);
    }
    for (int k = 0; k < 2; k++) {
        const hn_rec *side = hn_rec_get(rec, k ? "after" : "before");
        grow(&x0, &x1, hn_rec_num(side, size ? "size_bytes" : "latency_ms.p50", NAN));
    }
    grow(&y0, &y1, hn_rec_num(rec, "drop.value", NAN));
    if (!isfinite(x0)) return;
    double px = 0.06 * (x1 - x0), py = 0.1 * (y1 - y0);
    if (!(px > 0)) px = 0.1 * fabs(x1) + 1e-9;
    axis x = {.lo = fmax(0, x0 - px), .hi = x1 + px, .from = 60, .to = 880},
         y = {.lo = y0 - py, .hi = y1 + py, .from = 330, .to = 26};
    hn_page_f(p,
              "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Plot of trials\"><svg "
              "class=\"plot\" viewBox=\"0 0 900 376\" "
              "role=\"img\" aria-label=\"Trials: %s against accuracy drop\">\n",
              size ? "size" : "latency");
    axis_x(p, &x, 26, 330, size ? HN_FIG_BYTES : HN_FIG_MS, size ? "model size" : "median latency");
    axis_y(p, &y, 60, 880, "accuracy drop, points");
    hn_page_f(p,
              "<path class=\"budget\" d=\"M60 %.1fH880\"/><text class=\"badt\" x=\"876\" y=\"%.1f\" "
              "text-anchor=\"end\">budget %.4g points</text>\n",
              at(&y, budget), at(&y, budget) - 6, budget);
    draw_front(p, rec, cost, &x, &y);
    for (const hn_rec *t = hn_rec_first(rec, "trials"); t; t = t->next)
        if (!hn_rec_truth(t, "chosen", false)) draw_trial(p, t, cost, size ? HN_FIG_BYTES : HN_FIG_MS, &x, &y, budget);
    for (const hn_rec *t = hn_rec_first(rec, "trials"); t; t = t->next)
        if (hn_rec_truth(t, "chosen", false)) draw_trial(p, t, cost, size ? HN_FIG_BYTES : HN_FIG_MS, &x, &y, budget);
    draw_end(p, rec, size, false, &x, &y, budget);
    draw_end(p, rec, size, true, &x, &y, budget);
    hn_page_raw(
        p, "</svg></div><ul class=\"legend\"><li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle "
           "class=\"chosen\" cx=\"6\" cy=\"6\" "
           "r=\"5\"/></svg>chosen; result</li><li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle class=\"pt\" "
           "cx=\"6\" cy=\"6\" "
           "r=\"4\"/></svg>trial within the budget</li><li><svg viewBox=\"0 0 12 12\" "
           "aria-hidden=\"true\"><circle class=\"pt over\" cx=\"6\" "
           "cy=\"6\" r=\"4\"/></svg>trial beyond it</li><li><svg viewBox=\"0 0 12 12\" "
           "aria-hidden=\"true\"><path class=\"front\" "
           "d=\"M0 2H6V10H12\"/></svg>best for its cost</li></ul></figure>\n");
}

static void roof(hn_page *p, const axis *x, const axis *y, double peak, double bandwidth, const char *class,
                 const char *name)
{
    if (!(peak > 0) || !(bandwidth > 0)) return;
    double left = pow(10, x->lo), right = pow(10, x->hi), knee = fmin(fmax(peak / bandwidth, left), right);
    double floor_y = pow(10, y->lo), start = fmax(left, floor_y / bandwidth);
    hn_page_f(p,
              "<path class=\"roof %s\" d=\"M%.1f %.1fL%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
              "text-anchor=\"end\">%s %.0f G/s</text>\n",
              class, at(x, start), at(y, start * bandwidth), at(x, knee), at(y, fmin(peak, knee * bandwidth)), x->to,
              x->to - 4, at(y, peak) - 6, name, peak);
}

void hn_plot_roofline(hn_page *p, const hn_rec *rec)
{
    double gflops = hn_rec_num(rec, "roofline.peak_gflops", 0), gops = hn_rec_num(rec, "roofline.peak_gops", 0);
    double bandwidth = hn_rec_num(rec, "roofline.bandwidth_gbs", 0), x0 = 0.1, x1 = 100, y0 = 1,
           y1 = fmax(gflops, gops), most = 0;
    char a[HN_FIG];
    for (const hn_rec *t = hn_rec_first(rec, "roofline.points"); t; t = t->next) {
        double i = hn_rec_num(t, "intensity", 0), g = hn_rec_num(t, "gops", 0);
        if (!(i > 0) || !(g > 0)) continue;
        grow(&x0, &x1, i);
        grow(&y0, &y1, g);
        most = fmax(most, hn_rec_num(t, "us", 0));
    }
    if (!(y1 > 0)) return;
    axis x = {.lo = floor(log10(fmax(x0, 1e-3))), .hi = ceil(log10(x1)), .from = 60, .to = 880, .log = true};
    axis y = {.lo = floor(log10(fmax(y0, 1e-2))), .hi = log10(y1) + 0.25, .from = 330, .to = 26, .log = true};
    hn_page_raw(p, "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Roofline plot\"><svg "
                   "class=\"plot\" viewBox=\"0 0 900 376\" "
                   "role=\"img\" aria-label=\"Roofline: operations per byte against operations per second\">\n");
    axis_x(p, &x, 26, 330, HN_FIG_PLAIN, "operations per byte");
    axis_y(p, &y, 60, 880, "G operations per second");
    roof(p, &x, &y, gflops, bandwidth, "rf", "float32");
    roof(p, &x, &y, gops, bandwidth, "ri", "8-bit");
    for (const hn_rec *t = hn_rec_first(rec, "roofline.points"); t; t = t->next) {
        double i = hn_rec_num(t, "intensity", 0), g = hn_rec_num(t, "gops", 0), us = hn_rec_num(t, "us", 0);
        if (!(i >= 1e-3) || !(g >= 1e-2)) continue;
        hn_page_f(p, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>",
                  strcmp(hn_rec_text(t, "kind", ""), "int8") == 0 ? "int8" : "f32", at(&x, i), at(&y, g),
                  3 + 8 * sqrt(most > 0 ? us / most : 0));
        hn_page_text_at(p, t, "name");
        hn_page_f(p, ": %.4g operations per byte, %.4g G/s, %s us</title></circle>\n", i, g, hn_fig(HN_FIG_US, us, a));
    }
    hn_page_f(p,
              "</svg></div><ul class=\"legend\"><li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle "
              "class=\"f32\" cx=\"6\" cy=\"6\" r=\"4\"/></svg>"
              "float32 step</li><li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle class=\"int8\" cx=\"6\" "
              "cy=\"6\" r=\"4\"/></svg>8-bit step</li>"
              "<li>reading %.4g GB/s",
              bandwidth);
    if (hn_rec_get(rec, "roofline.bandwidth_bytes"))
        hn_page_f(p, " from %s", hn_fig_at(rec, "roofline.bandwidth_bytes", HN_FIG_BYTES, a));
    hn_page_raw(p, "</li></ul></figure>\n");
}

static void histogram(hn_page *p, const hn_rec *h)
{
    size_t n = hn_rec_size(h, "bins"), i = 0;
    double lo = hn_rec_num(h, "lo", 0), hi = hn_rec_num(h, "hi", 1), most = 0;
    double from = hn_rec_num(h, "chosen_lo", lo), to = hn_rec_num(h, "chosen_hi", hi);
    for (const hn_rec *b = hn_rec_first(h, "bins"); b; b = b->next) most = fmax(most, hn_rec_num(b, "", 0));
    axis x = {.lo = fmin(lo, from), .hi = fmax(hi, to), .from = 4, .to = 256};
    if (!n || !(x.hi > x.lo)) return;
    hn_page_raw(p, "<figure><svg viewBox=\"0 0 260 112\" role=\"img\" aria-label=\"Histogram of values\">");
    hn_page_f(p,
              "<title>%.4g to %.4g, range %.4g to %.4g</title><rect class=\"range\" x=\"%.1f\" y=\"4\" width=\"%.1f\" "
              "height=\"86\"/><path class=\"bins\" "
              "d=\"M%.1f 90",
              lo, hi, from, to, at(&x, from), fmax(at(&x, to) - at(&x, from), 0), at(&x, lo));
    for (const hn_rec *b = hn_rec_first(h, "bins"); b; b = b->next, i++) {
        double v = b->kind == HN_REC_INT ? (double)b->u.i : b->kind == HN_REC_REAL ? b->u.r : 0;
        hn_page_f(p, "V%.1fH%.1f", 90 - (most > 0 && v > 0 ? 82 * sqrt(v / most) : 0),
                  at(&x, lo + (hi - lo) * (double)(i + 1) / (double)n));
    }
    hn_page_f(p,
              "V90Z\"/><path class=\"limit\" d=\"M%.1f 4V90M%.1f 4V90\"/><path class=\"axis\" d=\"M4 90H256\"/><text "
              "x=\"4\" y=\"106\">%.4g</text>"
              "<text x=\"256\" y=\"106\" text-anchor=\"end\">%.4g</text></svg><figcaption>",
              at(&x, from), at(&x, to), x.lo, x.hi);
    hn_page_text_at(p, h, "value");
    hn_page_raw(p, "<span>");
    hn_page_text_at(p, h, "method");
    hn_page_f(p, " range %.4g to %.4g</span></figcaption></figure>\n", from, to);
}

void hn_plot_histograms(hn_page *p, const hn_rec *rec)
{
    hn_page_raw(p, "<div class=\"hists\">\n");
    for (const hn_rec *h = hn_rec_first(rec, "histograms"); h; h = h->next) histogram(p, h);
    hn_page_raw(p, "</div>\n");
}
