/* explain: why each node got its kernel. */
#include "cmd/cmd.h"

static hone_explain_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"node", CMD_TEXT, "NAME", NULL, NULL, "One node only, by its name or by the name of an output.", &o.node},
        {"batch", CMD_INT, "N", NULL, "1", "Samples a run, where the model's first dimension is free.", &o.batch},
        {0},
    };
    return rows;
}

static void print_node(hone_record *rec, size_t i)
{
    char p[256], list[64];
    const char *region = hone_record_string(rec, cmd_path(p, "nodes", i, "region"), "");
    printf("%s", hone_record_string(rec, cmd_path(p, "nodes", i, "name"), ""));
    printf("  %s", hone_record_string(rec, cmd_path(p, "nodes", i, "op"), ""));
    printf("  %s%s%s\n", hone_record_string(rec, cmd_path(p, "nodes", i, "shape"), ""), region[0] ? "  in " : "",
           region);
    printf("    %s", hone_record_string(rec, cmd_path(p, "nodes", i, "driver"), ""));
    snprintf(list, sizeof list, "nodes.%zu.kernels", i);
    for (size_t k = 0, n = hone_record_count(rec, list); k < n; k++)
        printf("%s%s", k ? " " : ": ", hone_record_string(rec, cmd_path(p, list, k, NULL), ""));
    double error = hone_record_number(rec, cmd_path(p, "nodes", i, "error_bound"), 0);
    if (error > 0)
        printf("; numerics %s, relative error at most %.1e",
               hone_record_string(rec, cmd_path(p, "nodes", i, "numerics"), ""), error);
    printf("\n");
    snprintf(list, sizeof list, "nodes.%zu.candidates", i);
    size_t n = hone_record_count(rec, list);
    for (size_t k = 0; k < n; k++) {
        if (hone_record_bool(rec, cmd_path(p, list, k, "taken"), false)) continue;
        printf("    not %s", hone_record_string(rec, cmd_path(p, list, k, "driver"), ""));
        printf(": %s\n", hone_record_string(rec, cmd_path(p, list, k, "reason"), ""));
    }
    const char *reason = hone_record_string(rec, cmd_path(p, "nodes", i, "reason"), "");
    if (reason[0] && !n) printf("    %s\n", reason);
}

static int run(cmd_context *c)
{
    hone_record *rec;
    hone_status st = hone_explain(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    if (!cmd_json(c, rec)) {
        const char *unsliced = hone_record_string(rec, "unsliced", "");
        cmd_slices(rec);
        if (unsliced[0]) printf("all samples at a time: %s\n", unsliced);
        for (size_t i = 0, n = hone_record_count(rec, "nodes"); i < n; i++) print_node(rec, i);
    }
    hone_record_free(rec);
    return CMD_EXIT_OK;
}

const cmd_row cmd_explain = {
    .name = "explain",
    .usage = "MODEL [--node NAME]",
    .brief = "Tell why each node got its kernel, and why every other candidate was refused.",
    .doc = "Nodes are those that are run: after the passes, in order. A node without a driver runs the reference code "
           "of its operator.",
    .example = "hone explain model.onnx --node Conv_3",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
