/* lib_optimize: runs the optimize job for both of its commands. */
#include "cmd/lib_optimize.h"

#include <stdlib.h>
#include <string.h>

static void print_plan(const cmd_context *c, const hone_optimize_options *o)
{
    const char *unsaid = o->recipe ? "as the recipe says" : "none given";
    printf("%s %s\n", o->quantize_only ? "quantise" : "optimise", c->arg[0] ? c->arg[0] : "the recipe's model");
    printf("  data        %s%s%s\n", o->data.data ? o->data.data : unsaid, o->eval.data ? ", judged on " : "",
           o->eval.data ? o->eval.data : "");
    if (!o->quantize_only && !o->recipe)
        printf("  goal        %s, losing at most %g points\n", o->goal ? o->goal : "latency",
               o->max_drop > 0 ? o->max_drop : 1.0);
    if (!o->recipe || o->calibration) printf("  calibration %s\n", o->calibration ? o->calibration : "auto");
    if (o->recipe) printf("  recipe      %s\n", o->recipe);
    if (o->time_budget_s > 0) printf("  time        at most %.0f s\n", o->time_budget_s);
    if (o->dry_run) printf("  dry run     nothing is written\n");
    printf("\n");
    fflush(stdout);
}

typedef enum figure { SHARE, BYTES, MS, RATE, COUNT } figure;

static char *show(hone_record *rec, const char *path, figure kind, char *dst)
{
    double v = hone_record_number(rec, path, 0);
    if (!hone_record_has(rec, path)) return snprintf(dst, 32, "-"), dst;
    switch (kind) {
    case SHARE: snprintf(dst, 32, "%.2f %%", 100 * v); return dst;
    case BYTES: return cmd_bytes(v, dst);
    case MS: return cmd_ms(v, dst);
    case RATE: snprintf(dst, 32, "%.1f /s", v); return dst;
    case COUNT: return cmd_count_text(v, dst);
    }
    return dst;
}

static void print_table(hone_record *rec)
{
    static const struct {
        const char *label, *path, *base;
        figure kind;
        int better;
    } rows[] = {{NULL, "value", NULL, SHARE, 0}, /* the metric names it */
                {"size", "size_bytes", NULL, BYTES, -1},
                {"size against FP16", "size_bytes", "size_fp16_bytes", BYTES, -1},
                {"latency, median", "latency_ms.p50", NULL, MS, -1},
                {"latency, 99 %", "latency_ms.p99", NULL, MS, -1},
                {"throughput", "throughput_per_s", NULL, RATE, 1},
                {"weights, activations", "memory_bytes", NULL, BYTES, -1},
                {"activation arena", "arena_bytes", NULL, BYTES, -1},
                {"parameters", "params", NULL, COUNT, 0}};
    printf("%-20s %14s %14s %9s\n", "", "before", "after", "ratio");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char before[64], after[64], a[32], b[32];
        snprintf(before, sizeof before, "before.%s", rows[i].base ? rows[i].base : rows[i].path);
        snprintf(after, sizeof after, "after.%s", rows[i].path);
        if (!hone_record_has(rec, before) && !hone_record_has(rec, after)) continue;
        printf("%-20s %14s %14s", rows[i].label ? rows[i].label : hone_record_string(rec, "before.metric", ""),
               show(rec, before, rows[i].kind, a), show(rec, after, rows[i].kind, b));
        double x = hone_record_number(rec, before, 0), y = hone_record_number(rec, after, 0);
        if (rows[i].better && x > 0 && y > 0) printf(" %8.2fx", rows[i].better < 0 ? x / y : y / x);
        printf("\n");
    }
    printf("%-20s %.2f points, 95 %% interval %.2f..%.2f, at most %.2f with 95 %% confidence\n", "drop",
           hone_record_number(rec, "drop.value", 0), hone_record_number(rec, "drop.interval.0", 0),
           hone_record_number(rec, "drop.interval.1", 0), hone_record_number(rec, "drop.upper", 0));
}

static void print_result(hone_record *rec)
{
    if (hone_record_has(rec, "before.value")) print_table(rec);
    if (hone_record_bool(rec, "dry_run", false)) return;
    const char *out = hone_record_string(rec, "out", ".");
    size_t refused = hone_record_count(rec, "refusals");
    printf("refused: %zu%s\n", refused, refused ? "; each with its reason in the report" : "");
    printf("report:  %s/report.html\nmodel:   %s/model.onnx\nplan:    %s/model.hone\n", out, out, out);
    printf("%s\n", hone_record_string(rec, "verdict", ""));
}

/* The command line as a shell would take it again; NULL without memory. */
static char *join_line(int argc, char **argv)
{
    size_t n = 1;
    for (int i = 0; i < argc; i++) n += strlen(argv[i]) + 3;
    char *line = malloc(n), *at = line;
    if (!line) return NULL;
    for (int i = 0; i < argc; i++) {
        bool plain = argv[i][0] && !strpbrk(argv[i], " \t\"'\\$*?;|&<>()");
        at += sprintf(at, plain ? "%s%s" : "%s'%s'", i ? " " : "", i ? argv[i] : "hone");
    }
    return line;
}

int cmd_optimize_run(cmd_context *c, hone_optimize_options *o)
{
    hone_record *rec;
    o->out = c->common.out;
    o->dry_run = c->common.dry_run;
    o->resume = c->common.resume;
    if (!c->arg[0] && !o->recipe)
        return cmd_usage(o->quantize_only ? "quantize" : "optimize", "no model and no recipe is named");
    if (!c->common.json && !c->common.quiet) print_plan(c, o);
    char *line = join_line(c->argc, c->argv);
    o->command = line;
    hone_status st = hone_optimize(c->env, c->arg[0], o, &rec);
    free(line);
    o->command = NULL;
    if (st != HONE_OK) return cmd_fail(c, st);
    bool met = hone_record_bool(rec, "budget_met", o->dry_run);
    if (!cmd_json(c, rec)) print_result(rec);
    hone_record_free(rec);
    return met ? CMD_EXIT_OK : CMD_EXIT_BUDGET;
}
