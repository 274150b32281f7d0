/* report_priv: what the files of the report room share: figures as people read them, the rows of the before/after
 * table, and the page under construction. Text from a record reaches a page only through hn_page_text, which escapes
 * it. */
#ifndef HN_REPORT_REPORT_PRIV_H
#define HN_REPORT_REPORT_PRIV_H

#include "report/report.h"

typedef enum hn_fig_kind {
    HN_FIG_SHARE, /* 0..1, shown as percent */
    HN_FIG_POINTS,
    HN_FIG_BYTES,
    HN_FIG_MS,
    HN_FIG_US,
    HN_FIG_COUNT, /* 1.2 M */
    HN_FIG_INT,
    HN_FIG_RATE, /* per second */
    HN_FIG_DB,
    HN_FIG_PLAIN /* four digits */
} hn_fig_kind;

enum { HN_FIG = 40 };
/* dst of HN_FIG bytes, returned; "-" for a value that is not finite. */
char *hn_fig(hn_fig_kind kind, double v, char *dst);
/* The number at a path as a figure; "-" when absent. */
char *hn_fig_at(const hn_rec *rec, const char *path, hn_fig_kind kind, char *dst);

/* One row of the before/after table. */
typedef struct hn_figure_row {
    const char *label, *path; /* path inside before and after */
    hn_fig_kind kind;
    int better;              /* -1: smaller, 1: larger, 0: no ratio */
    const char *before_path; /* NULL: path */
} hn_figure_row;
extern const hn_figure_row hn_figure_rows[]; /* ends with a NULL label */

/* before/after or after/before, so that above 1 is better; NaN when it cannot be said. */
double hn_figure_ratio(const hn_rec *rec, const hn_figure_row *row);

/* Entries of a list at a path; NULL when it is absent or empty. */
const hn_rec *hn_rec_first(const hn_rec *rec, const char *path);
size_t hn_rec_size(const hn_rec *rec, const char *path);
bool hn_rec_truth(const hn_rec *rec, const char *path, bool otherwise);

typedef struct hn_page {
    hn_env *env;
    hn_buf *out;
} hn_page;

void hn_page_raw(hn_page *p, const char *markup);
void hn_page_f(hn_page *p, const char *fmt, ...) HN_PRINTF(2, 3); /* numbers and literals only */
void hn_page_text(hn_page *p, const char *text);                  /* escaped */
void hn_page_text_at(hn_page *p, const hn_rec *rec, const char *path);

extern const char *const hn_page_style[]; /* pieces; ends with NULL */
extern const char *const hn_page_script;

/* Plots: each writes one <figure>, or nothing when the record has no data for it. */
void hn_plot_drop(hn_page *p, const hn_rec *rec);
void hn_plot_pareto(hn_page *p, const hn_rec *rec);
void hn_plot_timeline(hn_page *p, const hn_rec *rec);
void hn_plot_layers(hn_page *p, const hn_rec *rec);
void hn_plot_stages(hn_page *p, const hn_rec *rec);
void hn_plot_roofline(hn_page *p, const hn_rec *rec);
void hn_plot_histograms(hn_page *p, const hn_rec *rec);

#endif
