/* plot_time: where time goes: stages of the speed-up, one run before and after on one scale, and layers in pairs. */
#include "report/report_priv.h"

#include <math.h>
#include <string.h>

enum { COLOURS = 8, KNOWN_OPS = 7, MOST_PAIRS = 60 };

/* The operators that took most time get a colour of their own, the rest share the last. */
typedef struct legend {
    const char *op[KNOWN_OPS];
    size_t n;
} legend;

static double total_of(const hn_rec *rec, const char *list, const char *op)
{
    double us = 0;
    for (const hn_rec *s = hn_rec_first(rec, list); s; s = s->next)
        if (!op || strcmp(hn_rec_text(s, "op", ""), op) == 0) us += hn_rec_num(s, "us", 0);
    return us;
}

static bool listed(const legend *l, const char *op)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->op[i], op) == 0) return true;
    return false;
}

static void fill_legend(legend *l, const hn_rec *rec)
{
    static const char *const lists[] = {"steps_before", "steps_after"};
    while (l->n < KNOWN_OPS) {
        const char *best = NULL;
        double most = 0;
        for (size_t k = 0; k < 2; k++)
            for (const hn_rec *s = hn_rec_first(rec, lists[k]); s; s = s->next) {
                const char *op = hn_rec_text(s, "op", "");
                if (listed(l, op)) continue;
                double us = total_of(rec, "steps_before", op) + total_of(rec, "steps_after", op);
                if (us > most) {
                    most = us;
                    best = op;
                }
            }
        if (!best) return;
        l->op[l->n++] = best;
    }
}

static size_t colour(const legend *l, const char *op)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->op[i], op) == 0) return i;
    return COLOURS - 1;
}

static void timeline(hn_page *p, const hn_rec *rec, const char *list, const char *label, double y, double scale,
                     const legend *l)
{
    char a[HN_FIG];
    double at = 70, total = total_of(rec, list, NULL);
    hn_page_f(p, "<text class=\"ink\" x=\"0\" y=\"%.0f\">%s</text>\n", y + 24, label);
    for (const hn_rec *s = hn_rec_first(rec, list); s; s = s->next) {
        double us = hn_rec_num(s, "us", 0), w = us * scale;
        if (!(us > 0)) continue;
        hn_page_f(p, "<rect class=\"seg s%zu\" x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"36\"><title>",
                  colour(l, hn_rec_text(s, "op", "")), at, y, w);
        hn_page_text_at(p, s, "name");
        hn_page_raw(p, " (");
        hn_page_text_at(p, s, "op");
        hn_page_f(p, "): %s us, %.1f %%", hn_fig(HN_FIG_US, us, a), 100 * us / total);
        if (hn_rec_text(s, "kernel", "")[0]) {
            hn_page_raw(p, ", ");
            hn_page_text_at(p, s, "kernel");
        }
        hn_page_raw(p, "</title></rect>\n");
        at += w;
    }
    hn_page_f(p, "<text class=\"ink\" x=\"%.1f\" y=\"%.0f\">%s</text>\n", at + 6, y + 24,
              hn_fig(HN_FIG_MS, total * 1e-3, a));
}

void hn_plot_timeline(hn_page *p, const hn_rec *rec)
{
    double before = total_of(rec, "steps_before", NULL), after = total_of(rec, "steps_after", NULL),
           most = fmax(before, after);
    legend l = {{NULL}, 0};
    if (!(most > 0)) return;
    fill_legend(&l, rec);
    hn_page_raw(
        p, "<h3>Steps of one run</h3><figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Time of "
           "each step\"><svg class=\"plot\" "
           "viewBox=\"0 0 900 104\" role=\"img\" aria-label=\"Steps of one run before and after, on one scale\">\n");
    timeline(p, rec, "steps_before", "before", 6, 750 / most, &l);
    timeline(p, rec, "steps_after", "after", 58, 750 / most, &l);
    hn_page_raw(p, "</svg></div><ul class=\"legend\">");
    for (size_t i = 0; i < l.n; i++) {
        hn_page_f(p,
                  "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"s%zu\" width=\"12\" height=\"12\" "
                  "rx=\"2\"/></svg>",
                  i);
        hn_page_text(p, l.op[i]);
        hn_page_raw(p, "</li>");
    }
    double rest = before + after;
    for (size_t i = 0; i < l.n; i++)
        rest -= total_of(rec, "steps_before", l.op[i]) + total_of(rec, "steps_after", l.op[i]);
    if (rest > 1e-6 * (before + after))
        hn_page_raw(p, "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"s7\" width=\"12\" "
                       "height=\"12\" rx=\"2\"/></svg>others</li>");
    hn_page_raw(p, "</ul></figure>\n");
}

void hn_plot_layers(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG];
    double most = 0;
    size_t n = 0;
    for (const hn_rec *l = hn_rec_first(rec, "layers"); l; l = l->next) {
        double x = hn_rec_num(l, "us_before", NAN), y = hn_rec_num(l, "us_after", NAN);
        if (!isfinite(x) && !isfinite(y)) continue;
        most = fmax(most, fmax(isfinite(x) ? x : 0, isfinite(y) ? y : 0));
        n++;
    }
    if (!(most > 0)) return;
    if (n > MOST_PAIRS) n = MOST_PAIRS;
    hn_page_f(p,
              "<h3>Layer by layer</h3><figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Time "
              "of each layer\"><svg class=\"plot\" "
              "viewBox=\"0 0 900 %zu\" role=\"img\" aria-label=\"Microseconds of each layer before and after\">\n",
              n * 26 + 6);
    size_t i = 0;
    for (const hn_rec *l = hn_rec_first(rec, "layers"); l && i < n; l = l->next) {
        double x = hn_rec_num(l, "us_before", NAN), y = hn_rec_num(l, "us_after", NAN);
        if (!isfinite(x) && !isfinite(y)) continue;
        double top = (double)i * 26 + 4;
        hn_page_f(p, "<g><title>");
        hn_page_text_at(p, l, "name");
        hn_page_f(p,
                  ": %s us before, %s us after</title><svg x=\"0\" y=\"%.0f\" width=\"212\" height=\"22\" "
                  "style=\"width:212px;height:22px\"><text x=\"0\" "
                  "y=\"15\">",
                  hn_fig(HN_FIG_US, x, a), hn_fig(HN_FIG_US, y, b), top);
        hn_page_text_at(p, l, "name");
        hn_page_f(p,
                  "</text></svg><rect class=\"bar old\" x=\"220\" y=\"%.0f\" width=\"%.1f\" height=\"9\" "
                  "rx=\"2\"/><rect class=\"bar\" x=\"220\" y=\"%.0f\" "
                  "width=\"%.1f\" height=\"9\" rx=\"2\"/>",
                  top + 1, 560 * (isfinite(x) ? x : 0) / most, top + 11, 560 * (isfinite(y) ? y : 0) / most);
        hn_page_f(p, "<text x=\"%.1f\" y=\"%.0f\">%s",
                  226 + 560 * fmax(isfinite(x) ? x : 0, isfinite(y) ? y : 0) / most, top + 15, a);
        hn_page_f(p, " &rarr; %s</text></g>\n", b);
        i++;
    }
    hn_page_raw(p, "</svg></div><ul class=\"legend\"><li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect "
                   "class=\"bar old\" width=\"12\" height=\"12\" "
                   "rx=\"2\"/></svg>before, us</li><li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect "
                   "class=\"bar\" width=\"12\" height=\"12\" rx=\"2\"/>"
                   "</svg>after, us</li></ul></figure>\n");
}

void hn_plot_stages(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG];
    double most = 0, first = 0;
    size_t n = hn_rec_size(rec, "waterfall"), i = 0;
    for (const hn_rec *s = hn_rec_first(rec, "waterfall"); s; s = s->next) {
        double ms = hn_rec_num(s, "ms", 0);
        if (!(first > 0)) first = ms;
        most = fmax(most, ms);
    }
    if (!(most > 0)) return;
    hn_page_f(p,
              "<h3>Stage by stage</h3><figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
              "aria-label=\"Latency after each stage\"><svg class=\"plot\" "
              "viewBox=\"0 0 900 %zu\" role=\"img\" aria-label=\"Latency after each stage\">\n",
              n * 30 + 4);
    for (const hn_rec *s = hn_rec_first(rec, "waterfall"); s; s = s->next, i++) {
        double ms = hn_rec_num(s, "ms", 0), y = (double)i * 30 + 4;
        hn_page_f(p, "<text class=\"ink\" x=\"0\" y=\"%.0f\">", y + 16);
        hn_page_text_at(p, s, "stage");
        hn_page_f(p,
                  "</text><rect class=\"bar%s\" x=\"240\" y=\"%.0f\" width=\"%.1f\" height=\"22\" rx=\"3\"/><text "
                  "x=\"%.1f\" y=\"%.0f\">%s, %.2f&times;",
                  i ? "" : " old", y, 300 * ms / most, 248 + 300 * ms / most, y + 16, hn_fig(HN_FIG_MS, ms, a),
                  ms > 0 ? first / ms : 0);
        if (hn_rec_get(s, "size_bytes")) hn_page_f(p, ", %s", hn_fig_at(s, "size_bytes", HN_FIG_BYTES, a));
        if (hn_rec_get(s, "correct"))
            hn_page_f(p, ", %s of %s right", hn_fig_at(s, "correct", HN_FIG_INT, a), hn_fig_at(s, "n", HN_FIG_INT, b));
        hn_page_raw(p, "</text>\n");
    }
    hn_page_raw(p, "</svg></div></figure>\n");
}
