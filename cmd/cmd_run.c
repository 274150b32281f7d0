/* run: a model on given inputs. */
#include "cmd/cmd.h"

static hone_run_options o = {.top = 0};
static cmd_texts inputs;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"input", CMD_TEXTS, "NAME=FILE...", NULL, NULL,
         "npy, npz, .pb, image or wav files; one folder of input_K.pb; or one folder of images or arrays, run one by "
         "one.",
         &inputs},
        {"output", CMD_TEXT, "DIR", NULL, NULL, "Folder for output_K.npy; --out is the same.", &o.output},
        {"pb", CMD_FLAG, NULL, NULL, NULL, "Write output_K.pb (ONNX TensorProto) instead.", &o.pb},
        {"top", CMD_SIZE, "K", NULL, "0", "List the K largest entries of each row of the outputs.", &o.top},
        {"preprocess", CMD_TEXT, "P", NULL, "what the model declares, else none", "torch, tf, none, or KEY=VALUE,...",
         &o.preprocess},
        {0},
    };
    return rows;
}

/* Texts, or the types of a sequence's entries, one a line. */
static void print_words(hone_record *rec, const char *at, const char *list, const char *quote)
{
    char p[256];
    snprintf(p, sizeof p, "%s.%s", at, list);
    size_t n = hone_record_count(rec, p);
    for (size_t k = 0; k < n; k++) {
        snprintf(p, sizeof p, "%s.%s.%zu", at, list, k);
        printf("    %s%s%s\n", quote, hone_record_string(rec, p, ""), quote);
    }
}

static void print_output(hone_record *rec, const char *at)
{
    char p[256];
    snprintf(p, sizeof p, "%s.name", at);
    printf("  %s: ", hone_record_string(rec, p, ""));
    snprintf(p, sizeof p, "%s.type", at);
    printf("%s", hone_record_string(rec, p, ""));
    snprintf(p, sizeof p, "%s.min", at);
    if (hone_record_has(rec, p)) {
        printf("  min %.6g", hone_record_number(rec, p, 0));
        snprintf(p, sizeof p, "%s.max", at);
        printf("  max %.6g", hone_record_number(rec, p, 0));
        snprintf(p, sizeof p, "%s.mean", at);
        printf("  mean %.6g", hone_record_number(rec, p, 0));
    }
    snprintf(p, sizeof p, "%s.not_finite", at);
    if (hone_record_int(rec, p, 0)) printf("  %lld NaN or infinite", (long long)hone_record_int(rec, p, 0));
    snprintf(p, sizeof p, "%s.file", at);
    if (hone_record_has(rec, p)) printf("  -> %s", hone_record_string(rec, p, ""));
    printf("\n");
    snprintf(p, sizeof p, "%s.top", at);
    size_t rows = hone_record_count(rec, p);
    for (size_t i = 0; i < rows; i++) {
        snprintf(p, sizeof p, "%s.top.%zu", at, i);
        printf("    row %zu:", i);
        for (size_t k = 0, n = hone_record_count(rec, p); k < n; k++) {
            snprintf(p, sizeof p, "%s.top.%zu.%zu.index", at, i, k);
            printf("  %lld", (long long)hone_record_int(rec, p, 0));
            snprintf(p, sizeof p, "%s.top.%zu.%zu.value", at, i, k);
            printf(" (%.6g)", hone_record_number(rec, p, 0));
            snprintf(p, sizeof p, "%s.top.%zu", at, i);
        }
        printf("\n");
    }
    print_words(rec, at, "texts", "\"");
    print_words(rec, at, "entry_types", "");
    snprintf(p, sizeof p, "%s.first", at);
    size_t first = rows ? 0 : hone_record_count(rec, p);
    for (size_t k = 0; k < first; k++) {
        snprintf(p, sizeof p, "%s.first.%zu", at, k);
        printf("%s%.6g", k ? ", " : "    ", hone_record_number(rec, p, 0));
    }
    if (first) printf("%s\n", first >= 8 ? ", ..." : "");
}

static void print_run(hone_record *rec, const char *prefix)
{
    char p[128];
    snprintf(p, sizeof p, "%sinputs_not_finite", prefix);
    int64_t bad = hone_record_int(rec, p, 0);
    if (bad) fprintf(stderr, "hone run: warning: the input holds %lld NaN or infinite values\n", (long long)bad);
    snprintf(p, sizeof p, "%soutputs", prefix);
    for (size_t k = 0, n = hone_record_count(rec, p); k < n; k++) {
        snprintf(p, sizeof p, "%soutputs.%zu", prefix, k);
        print_output(rec, p);
    }
}

static int run(cmd_context *c)
{
    hone_record *rec;
    char p[256], prefix[64];
    o.input = inputs.item;
    o.inputs = inputs.count;
    if (!o.output) o.output = c->common.out;
    hone_status st = hone_run(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    if (!cmd_json(c, rec)) {
        print_run(rec, "");
        for (size_t i = 0, n = hone_record_count(rec, "samples"); i < n; i++) {
            printf("%s\n", hone_record_string(rec, cmd_path(p, "samples", i, "name"), ""));
            snprintf(prefix, sizeof prefix, "samples.%zu.", i);
            print_run(rec, prefix);
        }
    }
    hone_record_free(rec);
    return CMD_EXIT_OK;
}

const cmd_row cmd_run = {
    .name = "run",
    .usage = "MODEL --input FILE",
    .brief = "Run a model once, or over a folder.",
    .doc = "MODEL is an ONNX file or a plan. Without a name an input file goes to the inputs in order. A missing batch "
           "dimension of 1 is added, "
           "and numbers are converted where nothing is lost.",
    .example = "hone run model.onnx --input cat.jpg --preprocess torch --top 5",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
