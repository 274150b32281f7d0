/* html: one page that says what was reached and what it rests on: verdict first, then the figures, then every layer
 * with its reason. Nothing is loaded from anywhere; every text of the record is escaped on its way in. */
#include "report/report_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hn_page_raw(hn_page *p, const char *markup)
{
    hn_buf_puts(p->env, p->out, markup);
}

void hn_page_f(hn_page *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hn_buf_vprintf(p->env, p->out, fmt, args);
    va_end(args);
}

void hn_page_text(hn_page *p, const char *text)
{
    for (const char *s = text; *s; s++) {
        unsigned char c = (unsigned char)*s;
        const char *as = c == '&'    ? "&amp;"
                         : c == '<'  ? "&lt;"
                         : c == '>'  ? "&gt;"
                         : c == '"'  ? "&quot;"
                         : c == '\'' ? "&#39;"
                                     : NULL;
        if (!as && c < 32 && c != '\n' && c != '\t') as = "&#65533;";
        if (as)
            hn_buf_puts(p->env, p->out, as);
        else
            hn_buf_append(p->env, p->out, s, 1);
    }
}

void hn_page_text_at(hn_page *p, const hn_rec *rec, const char *path)
{
    hn_page_text(p, hn_rec_text(rec, path, ""));
}

static void open_section(hn_page *p, const char *id, const char *title, const char *about)
{
    hn_page_f(p, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>\n<p>%s</p>\n", id, id, title, about);
}

static void close_section(hn_page *p)
{
    hn_page_raw(p, "</section>\n");
}

static void open_table(hn_page *p, const char *label, const char *classes, const char *const *heads, const char *kinds)
{
    hn_page_f(p, "<div class=\"scroll%s\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table%s><thead><tr>",
              strcmp(classes, "sort") == 0 ? " tall" : "", label, classes[0] ? " class=\"sort\"" : "");
    for (size_t i = 0; heads[i]; i++) {
        hn_page_f(p, kinds[i] == 'n' ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        hn_page_raw(p, heads[i]);
        hn_page_raw(p, "</th>");
    }
    hn_page_raw(p, "</tr></thead><tbody>\n");
}

static void close_table(hn_page *p)
{
    hn_page_raw(p, "</tbody></table></div>\n");
}

static void number_cell(hn_page *p, const hn_rec *rec, const char *path, hn_fig_kind kind)
{
    char text[HN_FIG];
    double v = hn_rec_num(rec, path, NAN);
    if (isfinite(v))
        hn_page_f(p, "<td class=\"n\" data-v=\"%.9g\">%s</td>", v, hn_fig(kind, v, text));
    else
        hn_page_raw(p, "<td class=\"n\" data-v=\"nan\">-</td>");
}

static void text_cell(hn_page *p, const hn_rec *rec, const char *path, const char *classes)
{
    if (classes[0])
        hn_page_f(p, "<td class=\"%s\">", classes);
    else
        hn_page_raw(p, "<td>");
    hn_page_text_at(p, rec, path);
    hn_page_raw(p, "</td>");
}

static void head(hn_page *p, const hn_rec *rec, const char *title)
{
    hn_page_raw(p, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                   "<meta name=\"referrer\" content=\"no-referrer\"><title>");
    hn_page_text(p, title);
    hn_page_raw(p, " - hone</title><link rel=\"icon\" href=\"data:,\"><style>");
    for (size_t i = 0; hn_page_style[i]; i++) hn_page_raw(p, hn_page_style[i]);
    hn_page_raw(p, "</style></head>\n<body><header><p><b>hone</b> ");
    hn_page_text_at(p, rec, "hone");
    hn_page_raw(p, " &middot; ");
    hn_page_text_at(p, rec, "kind");
    hn_page_raw(p, "</p><h1>");
    hn_page_text(p, title);
    hn_page_raw(p, "</h1></header>\n<main>\n");
}

static void tail(hn_page *p)
{
    hn_page_raw(p, "</main>\n<footer>Times are medians on the machine named above. Accuracy intervals are 95 %; drops "
                   "are measured in pairs, "
                   "on the same samples. The data of this page is report.json beside it.</footer>\n<script>");
    hn_page_raw(p, hn_page_script);
    hn_page_raw(p, "</script></body></html>\n");
}

static void verdict(hn_page *p, const hn_rec *rec)
{
    bool met = hn_rec_truth(rec, "budget_met", false), certified = hn_rec_truth(rec, "certified", false);
    char a[HN_FIG];
    hn_page_f(p, "<section class=\"verdict%s\" aria-label=\"Verdict\"><span class=\"pill%s\">%s</span>",
              met ? "" : " no", met ? "" : " no", met ? "Within the budget" : "Budget not met");
    if (hn_rec_get(rec, "certified"))
        hn_page_f(p, "<span class=\"pill plain\">%s</span>",
                  certified ? "certified: the 95 % bound is inside the budget"
                            : "not certified: the 95 % bound is beyond the budget");
    hn_page_f(p, "<span class=\"pill plain\">budget %s points</span><span class=\"pill plain\">goal ",
              hn_fig_at(rec, "max_drop", HN_FIG_POINTS, a));
    hn_page_text_at(p, rec, "goal");
    hn_page_raw(p, "</span><p class=\"says\">");
    hn_page_text_at(p, rec, "verdict");
    hn_page_raw(p, "</p>");
    hn_plot_drop(p, rec);
    hn_page_raw(p, "</section>\n");
}

static void key(hn_page *p, const char *what, double ratio, const char *from, const char *to)
{
    hn_page_f(p, "<div class=\"key\"><span class=\"what\">%s</span>", what);
    if (isfinite(ratio))
        hn_page_f(p, "<b>%.*f&times;</b>", ratio < 10 ? 2 : 1, ratio);
    else
        hn_page_raw(p, "<b>-</b>");
    hn_page_f(p, "<span>%s &rarr; %s</span></div>\n", from, to);
}

static void keys(hn_page *p, const hn_rec *rec)
{
    static const struct {
        const char *what, *path;
        hn_fig_kind kind;
        int better;
    } rows[] = {{"faster", "latency_ms.p50", HN_FIG_MS, -1},
                {"more throughput", "throughput_per_s", HN_FIG_RATE, 1},
                {"smaller", "size_bytes", HN_FIG_BYTES, -1}};
    char a[HN_FIG], b[HN_FIG], c[HN_FIG];
    hn_page_raw(p, "<div class=\"keys\">\n");
    for (size_t i = 0; i < 3; i++) {
        hn_figure_row r = {rows[i].what, rows[i].path, rows[i].kind, rows[i].better, NULL};
        key(p, r.label, hn_figure_ratio(rec, &r), hn_fig_at(hn_rec_get(rec, "before"), r.path, r.kind, a),
            hn_fig_at(hn_rec_get(rec, "after"), r.path, r.kind, b));
    }
    hn_page_f(p,
              "<div class=\"key\"><span class=\"what\">accuracy drop, points</span><b>%s</b><span>95 %% interval %s to "
              "%s</span></div>\n</div>\n",
              hn_fig_at(rec, "drop.value", HN_FIG_POINTS, a), hn_fig_at(rec, "drop.interval.0", HN_FIG_POINTS, b),
              hn_fig_at(rec, "drop.interval.1", HN_FIG_POINTS, c));
}

static void figures(hn_page *p, const hn_rec *rec)
{
    static const char *const heads[] = {"", "before", "after", "ratio", NULL};
    const hn_rec *before = hn_rec_get(rec, "before"), *after = hn_rec_get(rec, "after");
    char a[HN_FIG], b[HN_FIG];
    open_section(p, "figures", "Before and after",
                 "Measured in one run, taking turns. A ratio above 1 is better; the size is held against FP32 and "
                 "against FP16 weights.");
    open_table(p, "Before and after", "", heads, "tnnn");
    for (const hn_figure_row *r = hn_figure_rows; r->label; r++) {
        const char *from = r->before_path ? r->before_path : r->path;
        if (!hn_rec_get(before, from) && !hn_rec_get(after, r->path)) continue;
        hn_page_f(p, "<tr><th scope=\"row\">%s", r->label);
        if (strcmp(r->path, "value") == 0) {
            hn_page_raw(p, ", ");
            hn_page_text_at(p, before, "metric");
        }
        hn_page_f(p, "</th><td class=\"n\">%s</td><td class=\"n\">%s</td>", hn_fig_at(before, from, r->kind, a),
                  hn_fig_at(after, r->path, r->kind, b));
        double ratio = hn_figure_ratio(rec, r);
        if (isfinite(ratio))
            hn_page_f(p, "<td class=\"n %s\">%.2f&times;</td></tr>\n",
                      ratio >= 1.005  ? "good"
                      : ratio < 0.995 ? "bad"
                                      : "",
                      ratio);
        else
            hn_page_raw(p, "<td class=\"n\"></td></tr>\n");
        if (strcmp(r->path, "value") == 0)
            hn_page_f(p,
                      "<tr><th scope=\"row\">its 95 %% interval</th><td class=\"n wrap\">%.2f to %.2f %%</td><td "
                      "class=\"n wrap\">%.2f to %.2f %%</td><td></td></tr>\n",
                      100 * hn_rec_num(before, "interval.0", 0), 100 * hn_rec_num(before, "interval.1", 0),
                      100 * hn_rec_num(after, "interval.0", 0), 100 * hn_rec_num(after, "interval.1", 0));
    }
    if (hn_rec_get(rec, "drop.lost"))
        hn_page_f(p,
                  "<tr><th scope=\"row\">answers lost and gained</th><td></td><td class=\"n\">&minus;%s / "
                  "+%s</td><td></td></tr>\n",
                  hn_fig_at(rec, "drop.lost", HN_FIG_INT, a), hn_fig_at(rec, "drop.gained", HN_FIG_INT, b));
    close_table(p);
    close_section(p);
}

static void item(hn_page *p, const hn_rec *rec, const char *label, const char *path, bool code)
{
    const char *text = hn_rec_text(rec, path, "");
    if (!text[0]) return;
    hn_page_f(p, "<dt>%s</dt><dd>%s", label, code ? "<code>" : "");
    hn_page_text(p, text);
    hn_page_f(p, "%s</dd>\n", code ? "</code>" : "");
}

static void provenance(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG], c[HN_FIG];
    open_section(p, "how", "How it was measured", "Everything that the figures depend on.");
    hn_page_raw(p, "<dl>\n");
    item(p, rec, "machine", "machine.cpu", false);
    hn_page_f(p, "<dt>cores, caches</dt><dd>%s cores; L1 %s, L2 %s", hn_fig_at(rec, "machine.cores", HN_FIG_INT, a),
              hn_fig_at(rec, "machine.l1d_bytes", HN_FIG_BYTES, b),
              hn_fig_at(rec, "machine.l2_bytes", HN_FIG_BYTES, c));
    hn_page_f(p, ", L3 %s</dd>\n", hn_fig_at(rec, "machine.l3_bytes", HN_FIG_BYTES, a));
    item(p, rec, "instruction set", "isa", false);
    item(p, rec, "weights", "weights", false);
    hn_page_f(p, "<dt>threads, seed</dt><dd>%s, %s</dd>\n", hn_fig_at(rec, "threads", HN_FIG_INT, a),
              hn_fig_at(rec, "seed", HN_FIG_INT, b));
    item(p, rec, "model", "model.path", true);
    item(p, rec, "SHA-256", "model.sha256", true);
    item(p, rec, "data", "data.path", true);
    item(p, rec, "test data", "data.eval_path", true);
    item(p, rec, "pre-processing", "data.preprocess", true);
    item(p, rec, "split", "data.split", false);
    if (hn_rec_get(rec, "data.calib_n"))
        hn_page_f(p, "<dt>samples</dt><dd>%s to calibrate, %s to choose, %s to judge</dd>\n",
                  hn_fig_at(rec, "data.calib_n", HN_FIG_INT, a), hn_fig_at(rec, "data.select_n", HN_FIG_INT, b),
                  hn_fig_at(rec, "data.test_n", HN_FIG_INT, c));
    item(p, rec, "command", "command", true);
    hn_page_raw(p, "</dl>\n");
    close_section(p);
}

static void trials(hn_page *p, const hn_rec *rec)
{
    static const char *const heads[] = {"trial", "8-bit layers", "size", "latency", "drop", "upper", "note", NULL};
    if (!hn_rec_first(rec, "trials")) return;
    open_section(p, "trials", "What was tried",
                 "Every trial that was scored, as cost against accuracy drop on the selection part. The final figures "
                 "come from the "
                 "test part, which no trial has seen.");
    hn_plot_pareto(p, rec);
    hn_page_f(p, "<details%s><summary>%zu trials as a table</summary>", hn_rec_size(rec, "trials") <= 12 ? " open" : "",
              hn_rec_size(rec, "trials"));
    open_table(p, "Trials", "sort", heads, "tnnnnnt");
    for (const hn_rec *t = hn_rec_first(rec, "trials"); t; t = t->next) {
        hn_page_raw(p, "<tr><td class=\"name\">");
        hn_page_text_at(p, t, "name");
        hn_page_raw(p, hn_rec_truth(t, "chosen", false) ? " <span class=\"good\">chosen</span></td>" : "</td>");
        number_cell(p, t, "int8_layers", HN_FIG_INT);
        number_cell(p, t, "size_bytes", HN_FIG_BYTES);
        number_cell(p, t, "latency_ms", HN_FIG_MS);
        number_cell(p, t, "drop", HN_FIG_POINTS);
        number_cell(p, t, "upper", HN_FIG_POINTS);
        text_cell(p, t, "note", "w");
        hn_page_raw(p, "</tr>\n");
    }
    close_table(p);
    hn_page_raw(p, "</details>\n");
    close_section(p);
}

static void layer_row(hn_page *p, const hn_rec *l)
{
    const char *decision = hn_rec_text(l, "decision", "");
    bool int8 = strcmp(decision, "int8") == 0;
    char a[HN_FIG], b[HN_FIG];
    hn_page_raw(p, "<tr>");
    text_cell(p, l, "name", "name");
    text_cell(p, l, "op", "");
    hn_page_f(p, "<td><span class=\"tag %s\">", int8 ? "int8" : "float32");
    hn_page_text(p, decision);
    hn_page_raw(p, "</span></td>");
    text_cell(p, l, "reason", "w");
    number_cell(p, l, "us_before", HN_FIG_US);
    number_cell(p, l, "us_after", HN_FIG_US);
    number_cell(p, l, "sqnr_db", HN_FIG_DB);
    number_cell(p, l, "accuracy_delta", HN_FIG_POINTS);
    if (hn_rec_get(l, "bits_w"))
        hn_page_f(p, "<td class=\"n\" data-v=\"%.0f\">%s/%s</td>", hn_rec_num(l, "bits_w", 0),
                  hn_fig_at(l, "bits_w", HN_FIG_INT, a), hn_fig_at(l, "bits_a", HN_FIG_INT, b));
    else
        hn_page_raw(p, "<td class=\"n\" data-v=\"nan\">-</td>");
    number_cell(p, l, "params", HN_FIG_COUNT);
    number_cell(p, l, "macs", HN_FIG_COUNT);
    text_cell(p, l, "shape", "");
    if (hn_rec_get(l, "range.1"))
        hn_page_f(p, "<td class=\"n\" data-v=\"%.9g\">%.4g to %.4g</td>", hn_rec_num(l, "range.1", 0),
                  hn_rec_num(l, "range.0", 0), hn_rec_num(l, "range.1", 0));
    else
        hn_page_raw(p, "<td class=\"n\" data-v=\"nan\">-</td>");
    text_cell(p, l, "calibration", "");
    hn_page_raw(p, "</tr>\n");
}

static void layers(hn_page *p, const hn_rec *rec)
{
    static const char *const heads[] = {"layer",           "operator",       "decision", "reason",
                                        "&micro;s before", "&micro;s after", "SQNR dB",  "accuracy &Delta;",
                                        "bits w/a",        "params",         "MACs",     "shape",
                                        "range",           "calibration",    NULL};
    if (!hn_rec_first(rec, "layers")) return;
    open_section(p, "layers", "Layers",
                 "What was decided for each layer, and why. SQNR: signal to quantisation noise of the layer's output; "
                 "accuracy &Delta;: points lost when only this layer is quantised.");
    open_table(p, "Layers", "sort", heads, "ttttnnnnnnntnt");
    for (const hn_rec *l = hn_rec_first(rec, "layers"); l; l = l->next) layer_row(p, l);
    close_table(p);
    close_section(p);
}

static void refusals(hn_page *p, const hn_rec *rec)
{
    static const char *const heads[] = {"layer", "what", "reason", NULL};
    open_section(p, "refusals", "Refusals",
                 "What could not be done, or was not worth it, with the reason. Nothing is left out in silence.");
    if (!hn_rec_first(rec, "refusals")) {
        hn_page_raw(p, "<p>None: everything that was asked for was done.</p>");
        close_section(p);
        return;
    }
    open_table(p, "Refusals", "sort", heads, "ttt");
    for (const hn_rec *r = hn_rec_first(rec, "refusals"); r; r = r->next) {
        hn_page_raw(p, "<tr>");
        text_cell(p, r, "layer", "name");
        text_cell(p, r, "what", "");
        text_cell(p, r, "reason", "w");
        hn_page_raw(p, "</tr>\n");
    }
    close_table(p);
    close_section(p);
}

static void where_time_goes(hn_page *p, const hn_rec *rec)
{
    bool stages = hn_rec_first(rec, "waterfall"),
         steps = hn_rec_first(rec, "steps_before") || hn_rec_first(rec, "steps_after");
    bool pairs = false;
    for (const hn_rec *l = hn_rec_first(rec, "layers"); l && !pairs; l = l->next)
        pairs = isfinite(hn_rec_num(l, "us_before", NAN));
    if (stages || steps || pairs) {
        open_section(p, "time", "Where the time goes",
                     "One run before and after on the same scale; each piece is one step, coloured by operator.");
        hn_plot_stages(p, rec);
        hn_plot_timeline(p, rec);
        hn_plot_layers(p, rec);
        close_section(p);
    }
    if (hn_rec_first(rec, "roofline.points")) {
        open_section(p, "roofline", "Roofline",
                     "Each step as work per byte moved against the speed it reached; the lines are what this machine "
                     "can do at most, measured in the same process. Larger dots took longer.");
        hn_plot_roofline(p, rec);
        close_section(p);
    }
}

static void histograms(hn_page *p, const hn_rec *rec)
{
    if (!hn_rec_first(rec, "histograms")) return;
    open_section(p, "histograms", "Calibration",
                 "What each quantised value took on over the calibration samples, and the range that was chosen "
                 "(shaded). Bars are on a square-root scale, so that rare values can be seen.");
    hn_plot_histograms(p, rec);
    close_section(p);
}

static void outcome(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG], c[HN_FIG];
    open_section(p, "files", "Files and how to reproduce",
                 "One command repeats it; the recipe beside this page has every default written out.");
    hn_page_raw(p, "<pre>");
    hn_page_text_at(p, rec, "reproduce");
    hn_page_raw(p, "</pre>\n");
    if (hn_rec_get(rec, "export_check.file")) {
        hn_page_raw(p, "<h3>Export check</h3><dl><dt>file</dt><dd><code>");
        hn_page_text_at(p, rec, "export_check.file");
        hn_page_f(p, "</code></dd><dt>read back and run</dt><dd>%s samples",
                  hn_fig_at(rec, "export_check.n", HN_FIG_INT, b));
        if (hn_rec_get(rec, "export_check.same_top1"))
            hn_page_f(p, "; same top class in %s", hn_fig_at(rec, "export_check.same_top1", HN_FIG_INT, a));
        if (isfinite(hn_rec_num(rec, "export_check.max_step_diff", NAN)))
            hn_page_f(p, "; largest difference %s quantisation steps",
                      hn_fig_at(rec, "export_check.max_step_diff", HN_FIG_PLAIN, c));
        hn_page_raw(p, "</dd></dl>\n");
    }
    if (hn_rec_first(rec, "files")) {
        hn_page_raw(p, "<h3>Written</h3><ul class=\"files\">");
        for (const hn_rec *f = hn_rec_first(rec, "files"); f; f = f->next) {
            if (f->kind != HN_REC_STR) continue;
            hn_page_raw(p, "<li><code>");
            hn_page_text(p, f->u.s);
            hn_page_raw(p, "</code></li>");
        }
        hn_page_raw(p, "</ul>\n");
    }
    close_section(p);
}

static void against_table(hn_page *p, const hn_rec *rec, const hn_rec *other)
{
    static const char *const heads[] = {"", "this report", "the other", NULL};
    char a[HN_FIG], b[HN_FIG];
    open_section(p, "against", "Compared with another report",
                 "The figures after optimisation, side by side. Times compare only when both come from "
                 "the same machine.");
    open_table(p, "Comparison", "", heads, "tnn");
    hn_page_raw(p, "<tr><th scope=\"row\">model</th><td class=\"n\">");
    hn_page_text_at(p, rec, "model.name");
    hn_page_raw(p, "</td><td class=\"n\">");
    hn_page_text_at(p, other, "model.name");
    hn_page_f(p,
              "</td></tr>\n<tr><th scope=\"row\">accuracy drop, points</th><td class=\"n\">%s</td><td "
              "class=\"n\">%s</td></tr>\n",
              hn_fig_at(rec, "drop.value", HN_FIG_POINTS, a), hn_fig_at(other, "drop.value", HN_FIG_POINTS, b));
    for (const hn_figure_row *r = hn_figure_rows; r->label; r++) {
        const hn_rec *x = hn_rec_get(rec, "after"), *y = hn_rec_get(other, "after");
        if (r->before_path || (!hn_rec_get(x, r->path) && !hn_rec_get(y, r->path))) continue;
        hn_page_f(p, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n", r->label,
                  hn_fig_at(x, r->path, r->kind, a), hn_fig_at(y, r->path, r->kind, b));
    }
    close_table(p);
    close_section(p);
}

hn_status hn_report_html(hn_env *env, const hn_rec *rec, const hn_rec *against, hn_buf *out)
{
    hn_page p = {env, out};
    head(&p, rec, hn_rec_text(rec, "model.name", "model"));
    verdict(&p, rec);
    keys(&p, rec);
    hn_page_raw(&p, "<div class=\"two\">\n");
    figures(&p, rec);
    provenance(&p, rec);
    hn_page_raw(&p, "</div>\n");
    if (against) against_table(&p, rec, against);
    trials(&p, rec);
    layers(&p, rec);
    refusals(&p, rec);
    where_time_goes(&p, rec);
    histograms(&p, rec);
    outcome(&p, rec);
    tail(&p);
    return hn_buf_status(out);
}
