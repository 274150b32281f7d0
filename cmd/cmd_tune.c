/* tune: measure kernel candidates on this machine and keep the outcome. */
#include "cmd/cmd.h"

static hone_tune_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"batch", CMD_INT, "N", NULL, "1", "Samples a run, where the model's first dimension is free.", &o.batch},
        {"time-budget", CMD_SECONDS, "TIME", NULL, "60s", "Nodes not reached by then are left to the rules.",
         &o.time_budget_s},
        {0},
    };
    return rows;
}

static void print_node(hone_record *rec, size_t i)
{
    char p[256], list[64];
    double gain = hone_record_number(rec, cmd_path(p, "nodes", i, "gain"), 1);
    if (gain <= 1) return;
    printf("%-28.28s", hone_record_string(rec, cmd_path(p, "nodes", i, "name"), ""));
    printf(" %-12s", hone_record_string(rec, cmd_path(p, "nodes", i, "op"), ""));
    printf(" %-24s", hone_record_string(rec, cmd_path(p, "nodes", i, "shape"), ""));
    snprintf(list, sizeof list, "nodes.%zu.candidates", i);
    for (size_t k = 0, n = hone_record_count(rec, list); k < n; k++) {
        if (k > 0 && !hone_record_bool(rec, cmd_path(p, list, k, "taken"), false)) continue;
        printf("%s%.1f us", k == 0 ? " " : " -> ", hone_record_number(rec, cmd_path(p, list, k, "us"), 0));
        printf(" %s", hone_record_string(rec, cmd_path(p, list, k, "driver"), ""));
        if (k > 0) printf(" (%s)", hone_record_string(rec, cmd_path(p, list, k, "kernel"), ""));
    }
    printf("\n");
}

static int run(cmd_context *c)
{
    hone_record *rec;
    hone_status st = hone_tune(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    if (!cmd_json(c, rec)) {
        char before[32], after[32];
        for (size_t i = 0, n = hone_record_count(rec, "nodes"); i < n; i++) print_node(rec, i);
        printf("%lld kinds of nodes timed, %lld better than by the rules", (long long)hone_record_int(rec, "timed", 0),
               (long long)hone_record_int(rec, "changed", 0));
        int64_t left = hone_record_int(rec, "left", 0);
        if (left > 0) printf(", %lld not reached in time", (long long)left);
        printf("; the model takes %s, by the rules %s\n", cmd_ms(hone_record_number(rec, "after_ms", 0), after),
               cmd_ms(hone_record_number(rec, "before_ms", 0), before));
        printf("kept in %s\n", hone_record_string(rec, "file", ""));
    }
    hone_record_free(rec);
    return CMD_EXIT_OK;
}

const cmd_row cmd_tune = {
    .name = "tune",
    .usage = "MODEL [--time-budget TIME]",
    .brief = "Time the kernels that can do each node on this machine and keep the outcome.",
    .doc =
        "Without tuning, rules choose by the shapes alone and nothing is timed. Tuning runs the candidates of each "
        "node in turn and takes another one than the rule's only if it is more than 3 % faster in nearly every round. "
        "The outcome goes into a file that later commands on this machine read (--choices); it never changes the "
        "numerics class, and a file from another machine or from other kernels is ignored with a warning.",
    .example = "hone tune model.onnx",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
