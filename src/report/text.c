/* text: an optimize record for a terminal: verdict, before and after, layers with their reasons, refusals. */
#include "report/report_priv.h"

#include <math.h>
#include <string.h>

enum { MOST_ROWS = 400 };

static void put(hn_page *p, const char *text, int width, bool right)
{
    /* Columns count code points, so that names outside ASCII line up; what does not fit is cut. */
    int n = 0;
    size_t bytes = 0;
    for (; text[bytes]; bytes++) {
        if (((unsigned char)text[bytes] & 0xC0) == 0x80) continue;
        if (n == width && width > 0) break;
        n++;
    }
    if (right) hn_buf_printf(p->env, p->out, "%*s", n < width ? width - n : 0, "");
    for (size_t i = 0; i < bytes; i++) hn_buf_append(p->env, p->out, (unsigned char)text[i] < 32 ? "?" : text + i, 1);
    if (!right) hn_buf_printf(p->env, p->out, "%*s", n < width ? width - n : 0, "");
}

static void before_after(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG];
    const hn_rec *before = hn_rec_get(rec, "before"), *after = hn_rec_get(rec, "after");
    hn_page_f(p, "\n%-28s %14s %14s %9s\n", "", "before", "after", "ratio");
    for (const hn_figure_row *r = hn_figure_rows; r->label; r++) {
        const char *from = r->before_path ? r->before_path : r->path;
        if (!hn_rec_get(before, from) && !hn_rec_get(after, r->path)) continue;
        put(p, r->label, 28, false);
        hn_page_f(p, " %14s %14s", hn_fig_at(before, from, r->kind, a), hn_fig_at(after, r->path, r->kind, b));
        double ratio = hn_figure_ratio(rec, r);
        if (isfinite(ratio))
            hn_page_f(p, " %8.2fx\n", ratio);
        else
            hn_page_f(p, "\n");
    }
}

static void layers(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG], c[HN_FIG];
    size_t left = MOST_ROWS;
    if (!hn_rec_first(rec, "layers")) return;
    hn_page_f(p, "\n%-28s %-18s %-8s %9s %9s %7s  %s\n", "layer", "operator", "decision", "us before", "us after",
              "SQNR dB", "reason");
    for (const hn_rec *l = hn_rec_first(rec, "layers"); l && left; l = l->next, left--) {
        put(p, hn_rec_text(l, "name", ""), 28, false);
        hn_page_f(p, " ");
        put(p, hn_rec_text(l, "op", ""), 18, false);
        hn_page_f(p, " ");
        put(p, hn_rec_text(l, "decision", ""), 8, false);
        hn_page_f(p, " %9s %9s %7s  ", hn_fig_at(l, "us_before", HN_FIG_US, a), hn_fig_at(l, "us_after", HN_FIG_US, b),
                  hn_fig_at(l, "sqnr_db", HN_FIG_DB, c));
        put(p, hn_rec_text(l, "reason", ""), 0, false);
        hn_page_f(p, "\n");
    }
}

static void trials(hn_page *p, const hn_rec *rec)
{
    char a[HN_FIG], b[HN_FIG], c[HN_FIG], d[HN_FIG];
    size_t left = MOST_ROWS;
    if (!hn_rec_first(rec, "trials")) return;
    hn_page_f(p, "\n  %-28s %8s %10s %12s %10s\n", "trial", "layers", "size", "latency", "drop");
    for (const hn_rec *t = hn_rec_first(rec, "trials"); t && left; t = t->next, left--) {
        hn_page_f(p, "%s ", hn_rec_truth(t, "chosen", false) ? "*" : " ");
        put(p, hn_rec_text(t, "name", ""), 28, false);
        hn_page_f(p, " %8s %10s %12s %10s", hn_fig_at(t, "int8_layers", HN_FIG_INT, a),
                  hn_fig_at(t, "size_bytes", HN_FIG_BYTES, b), hn_fig_at(t, "latency_ms", HN_FIG_MS, c),
                  hn_fig_at(t, "drop", HN_FIG_POINTS, d));
        const char *note = hn_rec_text(t, "note", "");
        hn_page_f(p, note[0] ? "  " : "");
        put(p, note, 0, false);
        hn_page_f(p, "\n");
    }
}

static void refusals(hn_page *p, const hn_rec *rec)
{
    size_t left = MOST_ROWS;
    if (!hn_rec_first(rec, "refusals")) return;
    hn_page_f(p, "\nrefused: %zu\n", hn_rec_size(rec, "refusals"));
    for (const hn_rec *r = hn_rec_first(rec, "refusals"); r && left; r = r->next, left--) {
        hn_page_f(p, "  ");
        put(p, hn_rec_text(r, "layer", ""), 28, false);
        hn_page_f(p, " ");
        put(p, hn_rec_text(r, "what", ""), 0, false);
        hn_page_f(p, ": ");
        put(p, hn_rec_text(r, "reason", ""), 0, false);
        hn_page_f(p, "\n");
    }
}

static void line(hn_page *p, const hn_rec *rec, const char *label, const char *path)
{
    const char *text = hn_rec_text(rec, path, "");
    if (!text[0]) return;
    put(p, label, 11, false);
    put(p, text, 0, false);
    hn_page_f(p, "\n");
}

hn_status hn_report_text(hn_env *env, const hn_rec *rec, hn_buf *out)
{
    hn_page p = {env, out};
    char a[HN_FIG], b[HN_FIG], c[HN_FIG];
    put(&p, hn_rec_text(rec, "verdict", ""), 0, false);
    hn_page_f(&p, "\n\n");
    line(&p, rec, "model", "model.path");
    line(&p, rec, "sha256", "model.sha256");
    line(&p, rec, "data", "data.path");
    line(&p, rec, "pre-proc.", "data.preprocess");
    line(&p, rec, "machine", "machine.cpu");
    line(&p, rec, "isa", "isa");
    line(&p, rec, "weights", "weights");
    hn_page_f(&p, "%-11s%.0f\n%-11s%.0f\n", "threads", hn_rec_num(rec, "threads", 0), "seed",
              hn_rec_num(rec, "seed", 0));
    line(&p, rec, "command", "command");
    before_after(&p, rec);
    hn_page_f(&p, "\n");
    put(&p, hn_rec_text(rec, "before.metric", ""), 0, false);
    hn_page_f(&p, " drop %s points, 95 %% interval %s..%s", hn_fig_at(rec, "drop.value", HN_FIG_POINTS, a),
              hn_fig_at(rec, "drop.interval.0", HN_FIG_POINTS, b), hn_fig_at(rec, "drop.interval.1", HN_FIG_POINTS, c));
    hn_page_f(&p, ", at most %s with 95 %% confidence; budget %s, n = %s\n",
              hn_fig_at(rec, "drop.upper", HN_FIG_POINTS, a), hn_fig_at(rec, "max_drop", HN_FIG_POINTS, b),
              hn_fig_at(rec, "drop.n", HN_FIG_INT, c));
    trials(&p, rec);
    layers(&p, rec);
    refusals(&p, rec);
    if (hn_rec_get(rec, "export_check.file")) {
        hn_page_f(&p, "\nexport check: ");
        put(&p, hn_rec_text(rec, "export_check.file", ""), 0, false);
        hn_page_f(&p, ": %s samples", hn_fig_at(rec, "export_check.n", HN_FIG_INT, b));
        if (hn_rec_get(rec, "export_check.same_top1"))
            hn_page_f(&p, ", same top class in %s", hn_fig_at(rec, "export_check.same_top1", HN_FIG_INT, a));
        if (isfinite(hn_rec_num(rec, "export_check.max_step_diff", NAN)))
            hn_page_f(&p, ", largest difference %s quantisation steps",
                      hn_fig_at(rec, "export_check.max_step_diff", HN_FIG_PLAIN, c));
        hn_page_f(&p, "\n");
    }
    hn_page_f(&p, "\nreproduce: ");
    put(&p, hn_rec_text(rec, "reproduce", ""), 0, false);
    hn_page_f(&p, "\n");
    return hn_buf_status(out);
}
