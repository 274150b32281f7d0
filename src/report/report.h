/* report: renders records as JSON and text, and the records of optimize jobs as one self-contained HTML page with
 * inline SVG. */
#ifndef HN_REPORT_REPORT_H
#define HN_REPORT_REPORT_H

#include "base/buf.h"
#include "meter/record.h"

/* One JSON value; indent 0: one line, else that many spaces a level. Numbers print so that they read back to the same
 * double. */
hn_status hn_report_json(hn_env *env, const hn_rec *rec, int indent, hn_buf *out) HN_MUST_CHECK;
/* JSON text back into a record; bounded depth (64) and size. HN_INPUT names the line and column. */
hn_status hn_report_parse(hn_env *env, hn_arena *arena, const char *text, size_t bytes, hn_rec **out) HN_MUST_CHECK;
/* Plain text for people: verdict, tables. `rec` is an optimize record (see docs/report.md). */
hn_status hn_report_text(hn_env *env, const hn_rec *rec, hn_buf *out) HN_MUST_CHECK;
/* One self-contained page: no scripts, fonts or images from elsewhere. `against` (may be NULL) is compared with. */
hn_status hn_report_html(hn_env *env, const hn_rec *rec, const hn_rec *against, hn_buf *out) HN_MUST_CHECK;
/* Every key that the schema demands is there with the right kind; HN_BUG names the first that is not. */
hn_status hn_report_check(hn_env *env, const hn_rec *rec) HN_MUST_CHECK;

#endif
