/* quantize: one step of the route: weights and activations in bytes, without a search. */
#include "cmd/lib_optimize.h"

static hone_optimize_options o = {.quantize_only = true};

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"data", CMD_TEXT, "D", NULL, NULL, "Data to calibrate and to judge on.", &o.data.data},
        {"eval", CMD_TEXT, "E", NULL, "a part of --data", "Separate data to judge on.", &o.eval.data},
        {"preprocess", CMD_TEXT, "P", NULL, "what the model declares, else none", "torch, tf, none, or KEY=VALUE,...",
         &o.data.preprocess},
        {"label-offset", CMD_INT, "N", NULL, "0", "Added to every label; 1 for models with a background class.",
         &o.data.label_offset},
        {"label-column", CMD_TEXT, "NAME", NULL, NULL, "Label column of CSV and TSV data.", &o.data.label_column},
        {"limit", CMD_SIZE, "N", NULL, NULL, "Use at most so many samples of --data.", &o.data.limit},
        {"metric", CMD_CHOICE, "M", "auto|top1|fidelity", "auto",
         "What accuracy is: top1 with labels, or closeness to the float model's outputs, which needs none.", &o.metric},
        {"max-drop", CMD_REAL, "X", NULL, "1.0", "Accuracy budget in points of the metric, for the verdict.",
         &o.max_drop},
        {"calib", CMD_SIZE, "N", NULL, "256, or a quarter of the data", "Calibration samples.", &o.calib},
        {"calibration", CMD_CHOICE, "METHOD", "auto|minmax|percentile|mse|entropy", "auto",
         "How ranges of activations are chosen.", &o.calibration},
        {"per-tensor", CMD_FLAG, NULL, NULL, NULL,
         "One scale for each weight tensor instead of one for each output channel.", &o.per_tensor},
        {"all", CMD_FLAG, NULL, NULL, NULL, "Keep no layer in float32 for speed or accuracy.", &o.all},
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

const cmd_row cmd_quantize = {
    .name = "quantize",
    .usage = "MODEL --data D",
    .brief = "Quantise a model to 8 bits and measure what it gains and loses.",
    .doc = "Writes the same files as optimize. Calibration never runs on random data: without --data nothing is done.",
    .example = "hone quantize model.onnx --data images --preprocess torch",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
