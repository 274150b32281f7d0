/* export: a model as ONNX or as a plan. */
#include "cmd/cmd.h"

static hone_export_options o;
static cmd_texts inputs;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"to", CMD_CHOICE, "FORMAT", "onnx|onnx-qdq|plan", "onnx", "What to write.", &o.to},
        {"opset", CMD_INT, "N", NULL, "the source's, raised as far as the operators need",
         "Operator set of ONNX files, 13 or newer.", &o.opset},
        {"batch", CMD_INT, "N", NULL, "1", "Plan: samples a run, where the model's first dimension is free.", &o.batch},
        {"input", CMD_TEXTS, "NAME=FILE...", NULL, NULL,
         "Plan: inputs, or one folder of input_K.pb, whose shapes it is made for. Default: the declared shapes.",
         &inputs},
        {"check", CMD_FLAG, NULL, NULL, NULL,
         "Read the result back and compare it with the source on these inputs, or on random ones.", &o.check},
        {0},
    };
    return rows;
}

static int run(cmd_context *c)
{
    hone_record *rec;
    char a[32], b[32];
    o.out = c->common.out;
    o.input = inputs.item;
    o.inputs = inputs.count;
    hone_status st = hone_export(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    bool wrong = !hone_record_bool(rec, "export_check.passed", true);
    if (!cmd_json(c, rec)) {
        printf("%s: %s, from %s\n", hone_record_string(rec, "file", ""),
               cmd_bytes(hone_record_number(rec, "size_bytes", 0), a),
               cmd_bytes(hone_record_number(rec, "source_bytes", 0), b));
        if (o.check)
            printf("check on %lld %s inputs: largest difference %.4g, same top class in %lld of %lld rows: %s\n",
                   (long long)hone_record_int(rec, "export_check.n", 0), o.inputs ? "given" : "random",
                   hone_record_number(rec, "export_check.max_abs", 0),
                   (long long)hone_record_int(rec, "export_check.same_top1", 0),
                   (long long)hone_record_int(rec, "export_check.rows", 0), wrong ? "FAILED" : "passed");
    }
    hone_record_free(rec);
    return wrong ? CMD_EXIT_BUDGET : CMD_EXIT_OK;
}

const cmd_row cmd_export = {
    .name = "export",
    .usage = "MODEL --to FORMAT --out DIR",
    .brief = "Write a model as ONNX for other runtimes, or as a plan that starts at once.",
    .doc = "onnx writes DIR/model.onnx, in the operator set that is asked for. onnx-qdq does the same for a model that "
           "is quantised already. "
           "plan writes DIR/model.hone: compiled for this kind of machine and one set of input shapes, opened by "
           "mapping it. "
           "With --check a result "
           "that differs ends with exit code 2.",
    .example = "hone export model.onnx --to plan --out build --check",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
