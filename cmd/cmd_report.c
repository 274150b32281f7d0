/* report: show or compare what optimize wrote. */
#include "cmd/cmd.h"

static hone_report_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"html", CMD_TEXT, "FILE", NULL, NULL, "Write the page there.", &o.html},
        {"text", CMD_TEXT, "FILE", NULL, NULL, "Write the text there.", &o.text},
        {"record", CMD_TEXT, "FILE", NULL, NULL, "Write the record there, as JSON.", &o.json},
        {0},
    };
    return rows;
}

static int run(cmd_context *c)
{
    hone_record *rec;
    char p[256];
    o.folder = c->arg[0];
    o.against = c->args > 1 ? c->arg[1] : NULL;
    hone_status st = hone_report(c->env, &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    if (!cmd_json(c, rec)) {
        fputs(hone_record_string(rec, "text", ""), stdout);
        size_t n = hone_record_count(rec, "compared");
        if (n) printf("\n%-26s %16s %16s\n", "compared", "this", "the other");
        for (size_t i = 0; i < n; i++) {
            printf("%-26s", hone_record_string(rec, cmd_path(p, "compared", i, "key"), ""));
            printf(" %16.6g", hone_record_number(rec, cmd_path(p, "compared", i, "this"), 0));
            printf(" %16.6g\n", hone_record_number(rec, cmd_path(p, "compared", i, "other"), 0));
        }
        for (size_t i = 0, files = hone_record_count(rec, "files"); i < files; i++)
            printf("written %s\n", hone_record_string(rec, cmd_path(p, "files", i, NULL), ""));
    }
    hone_record_free(rec);
    return CMD_EXIT_OK;
}

const cmd_row cmd_report = {
    .name = "report",
    .usage = "DIR [DIR2]",
    .brief = "Show what optimize wrote, render it again, or compare two.",
    .doc = "DIR is an output folder of optimize or quantize, or a report.json. With DIR2 the page and the text end in "
           "a comparison.",
    .example = "hone report model-hone --html report.html",
    .args_min = 1,
    .args_max = 2,
    .options = options,
    .run = run,
};
