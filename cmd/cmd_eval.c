/* eval: a metric on a labelled set. */
#include "cmd/cmd.h"

static hone_eval_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"data", CMD_TEXT, "D", NULL, NULL, "Labelled data set.", &o.data.data},
        {"preprocess", CMD_TEXT, "P", NULL, "what the model declares, else none", "torch, tf, none, or KEY=VALUE,...",
         &o.data.preprocess},
        {"metric", CMD_CHOICE, "M", "top1|top5|auc|f1|ppl|xent|mse|rmse|mae", "top1",
         "Metric; docs/metrics.md defines each.", &o.metric},
        {"label-offset", CMD_INT, "N", NULL, "0", "Added to every label; 1 for models with a background class.",
         &o.data.label_offset},
        {"label-column", CMD_TEXT, "NAME", NULL, NULL, "Label column of CSV and TSV data.", &o.data.label_column},
        {"limit", CMD_SIZE, "N", NULL, NULL, "Use at most so many samples.", &o.data.limit},
        {"batch", CMD_INT, "N", NULL, "8", "Samples a run.", &o.batch},
        {0},
    };
    return rows;
}

static int run(cmd_context *c)
{
    hone_record *rec;
    hone_status st = hone_eval(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    if (!cmd_json(c, rec)) {
        const char *metric = hone_record_string(rec, "metric", "");
        double v = hone_record_number(rec, "value", 0), lo = hone_record_number(rec, "interval.0", 0),
               hi = hone_record_number(rec, "interval.1", 0);
        if (hone_record_has(rec, "correct"))
            printf("%s %.2f %%: %lld of %lld right, 95 %% interval %.2f..%.2f %%, %.1f s\n", metric, 100 * v,
                   (long long)hone_record_int(rec, "correct", 0), (long long)hone_record_int(rec, "n", 0), 100 * lo,
                   100 * hi, hone_record_number(rec, "seconds", 0));
        else
            printf("%s %.5g on %lld samples, 95 %% interval %.5g..%.5g, %.1f s\n", metric, v,
                   (long long)hone_record_int(rec, "n", 0), lo, hi, hone_record_number(rec, "seconds", 0));
    }
    hone_record_free(rec);
    return CMD_EXIT_OK;
}

const cmd_row cmd_eval = {
    .name = "eval",
    .usage = "MODEL --data D",
    .brief = "Measure a model's accuracy on a labelled set, with its interval.",
    .doc = "MODEL is an ONNX file or a plan. Intervals are at 95 %; for top1 and top5 Wilson's.",
    .example = "hone eval model.onnx --data images --preprocess torch",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
