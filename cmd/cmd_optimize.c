/* optimize: the one command: the cheapest form of a model within an accuracy budget. */
#include "cmd/lib_optimize.h"

static hone_optimize_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"data", CMD_TEXT, "D", NULL, NULL,
         "Data, best with labels; parts to calibrate, to choose and to judge are cut from it, disjoint.", &o.data.data},
        {"eval", CMD_TEXT, "E", NULL, "a part of --data", "Separate data to judge on.", &o.eval.data},
        {"preprocess", CMD_TEXT, "P", NULL, "what the model declares, else none", "torch, tf, none, or KEY=VALUE,...",
         &o.data.preprocess},
        {"label-offset", CMD_INT, "N", NULL, "0", "Added to every label; 1 for models with a background class.",
         &o.data.label_offset},
        {"label-column", CMD_TEXT, "NAME", NULL, NULL, "Label column of CSV and TSV data.", &o.data.label_column},
        {"limit", CMD_SIZE, "N", NULL, NULL, "Use at most so many samples of --data.", &o.data.limit},
        {"metric", CMD_CHOICE, "M", "auto|top1|fidelity", "auto",
         "What accuracy is: top1 with labels, or closeness to the float model's outputs, which needs none.", &o.metric},
        {"max-drop", CMD_REAL, "X", NULL, "1.0", "Accuracy budget in points of the metric.", &o.max_drop},
        {"goal", CMD_CHOICE, "G", "latency|size|throughput", "latency", "What to make small within the budget.",
         &o.goal},
        {"recipe", CMD_TEXT, "FILE", NULL, NULL, "YAML recipe; options given here win.", &o.recipe},
        {"time-budget", CMD_SECONDS, "T", NULL, "none", "Stop searching after this time: 90, 90s, 30m, 1h.",
         &o.time_budget_s},
        {"calib", CMD_SIZE, "N", NULL, "256, or a quarter of the data", "Calibration samples.", &o.calib},
        {"calibration", CMD_CHOICE, "METHOD", "auto|minmax|percentile|mse|entropy", "auto",
         "How ranges of activations are chosen.", &o.calibration},
        {"per-tensor", CMD_FLAG, NULL, NULL, NULL,
         "One scale for each weight tensor instead of one for each output channel.", &o.per_tensor},
        {0},
    };
    return rows;
}

static int run(cmd_context *c)
{
    o.eval.preprocess = o.data.preprocess;
    o.eval.label_offset = o.data.label_offset;
    o.eval.label_column = o.data.label_column;
    return cmd_optimize_run(c, &o);
}

const cmd_row cmd_optimize = {
    .name = "optimize",
    .usage = "MODEL --data D | --recipe FILE",
    .brief = "Make a model as cheap as its accuracy budget allows, and prove it.",
    .doc = "Measures every layer on this machine, keeps what is not faster or costs too much accuracy in float32 with "
           "the reason, and writes "
           "model.onnx, model.hone, report.html, report.json, report.txt and recipe.lock.yaml to the output folder "
           "(MODEL-hone unless --out "
           "names one). Exit code 2: the budget was not met; the best result is written all the same.",
    .example = "hone optimize model.onnx --data images --preprocess torch --max-drop 1.0",
    .args_min = 0,
    .args_max = 1,
    .options = options,
    .run = run,
};
