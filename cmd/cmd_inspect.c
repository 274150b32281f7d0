/* inspect: what is in a model. */
#include "cmd/cmd.h"

static hone_inspect_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"ops", CMD_FLAG, NULL, NULL, NULL, "Each operator with its count; operators that cannot be run are named.",
         &o.ops},
        {"text", CMD_FLAG, NULL, NULL, NULL, "The graph in text form.", &o.text},
        {"compiled", CMD_FLAG, NULL, NULL, NULL, "With --text: after the passes, as it is run.", &o.compiled},
        {"batch", CMD_INT, "N", NULL, "1", "Samples a run, where the model's first dimension is free.", &o.batch},
        {0},
    };
    return rows;
}

static void print_ports(hone_record *rec, const char *list)
{
    char p[256];
    for (size_t i = 0, n = hone_record_count(rec, list); i < n; i++) {
        printf("%-8s %s", i ? "" : list, hone_record_string(rec, cmd_path(p, list, i, "name"), ""));
        printf(": %s\n", hone_record_string(rec, cmd_path(p, list, i, "type"), ""));
    }
}

static void print_ops(hone_record *rec)
{
    char p[256];
    printf("\n%7s  operator\n", "count");
    for (size_t i = 0, n = hone_record_count(rec, "ops"); i < n; i++) {
        printf("%7lld", (long long)hone_record_int(rec, cmd_path(p, "ops", i, "count"), 0));
        printf("  %s\n", hone_record_string(rec, cmd_path(p, "ops", i, "op"), ""));
    }
    printf("every operator is supported\n");
}

static void print_layers(hone_record *rec)
{
    char p[256], a[32];
    printf("\n%-20s %-28s %-24s %10s %10s %10s\n", "op", "node", "shape", "params", "MACs", "bytes");
    for (size_t i = 0, n = hone_record_count(rec, "layers"); i < n; i++) {
        printf("%-20.20s", hone_record_string(rec, cmd_path(p, "layers", i, "op"), ""));
        printf(" %-28.28s", hone_record_string(rec, cmd_path(p, "layers", i, "name"), ""));
        printf(" %-24.24s", hone_record_string(rec, cmd_path(p, "layers", i, "shape"), ""));
        printf(" %10s", cmd_count_text(hone_record_number(rec, cmd_path(p, "layers", i, "params"), 0), a));
        if (hone_record_has(rec, cmd_path(p, "layers", i, "macs"))) {
            printf(" %10s", cmd_count_text(hone_record_number(rec, p, 0), a));
            printf(" %10s\n", cmd_bytes(hone_record_number(rec, cmd_path(p, "layers", i, "bytes"), 0), a));
        } else {
            printf(" %10s %10s\n", "?", "?");
        }
    }
}

static void print_summary(hone_record *rec)
{
    char a[32], b[32];
    printf("%s: %s, %s", hone_record_string(rec, "model", ""), hone_record_string(rec, "format", ""),
           cmd_bytes(hone_record_number(rec, "size_bytes", 0), a));
    if (hone_record_has(rec, "size_fp16_bytes"))
        printf(" (%s with FP16 weights)", cmd_bytes(hone_record_number(rec, "size_fp16_bytes", 0), b));
    if (hone_record_has(rec, "opsets.0"))
        printf(", opset %lld", (long long)hone_record_int(rec, "opsets.0.version", 0));
    printf("\n");
    print_ports(rec, "inputs");
    print_ports(rec, "outputs");
    if (hone_record_has(rec, "params"))
        printf("params   %s\n", cmd_count_text(hone_record_number(rec, "params", 0), a));
    printf("work     %s, %s, ", cmd_quantity(hone_record_number(rec, "macs", 0), "MAC", a),
           cmd_quantity(hone_record_number(rec, "flops", 0), "FLOP", b));
    printf("%s of memory traffic at least", cmd_bytes(hone_record_number(rec, "modelled_bytes", 0), a));
    int64_t unknown = hone_record_int(rec, "layers_of_unknown_shape", 0);
    if (unknown) printf("; %lld nodes of unknown shape not counted", (long long)unknown);
    printf("\n");
}

static int run(cmd_context *c)
{
    hone_record *rec;
    if (o.compiled) o.text = true;
    hone_status st = hone_inspect(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    bool supported = hone_record_bool(rec, "supported", false);
    bool printed = cmd_json(c, rec);
    if (!printed && !supported) {
        printf("%s\n", hone_record_string(rec, "unsupported", ""));
    } else if (!printed && o.text) {
        fputs(hone_record_string(rec, "text", ""), stdout);
    } else if (!printed) {
        print_summary(rec);
        if (o.ops)
            print_ops(rec);
        else
            print_layers(rec);
    }
    hone_record_free(rec);
    return supported ? CMD_EXIT_OK : CMD_EXIT_UNSUPPORTED;
}

const cmd_row cmd_inspect = {
    .name = "inspect",
    .usage = "MODEL",
    .brief = "Show a model's inputs, outputs, operators, parameters and work.",
    .doc = "MODEL is an ONNX file or a plan. Work and memory traffic are counted for --batch samples; every byte of "
           "weights, inputs and "
           "outputs of a node counts once. With --ops a model that holds unsupported operators ends with exit code 4 "
           "and names them.",
    .example = "hone inspect model.onnx --ops",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
