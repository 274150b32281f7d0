/* verify: cases against their stored outputs, or one model against another. */
#include "cmd/cmd.h"

#include <string.h>

static hone_verify_options o;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"cases", CMD_TEXT, "DIR", NULL, NULL,
         "Folder of cases, each with model.onnx and test_data_set_*/{input,output}_*.pb.", &o.cases},
        {"only", CMD_TEXT, "NAME", NULL, NULL, "Run one case only.", &o.only},
        {"table", CMD_TEXT, "FILE", NULL, NULL,
         "Cases with a tolerance of their own: case, rtol, atol and reason, separated by tabs.", &o.table},
        {"plan", CMD_FLAG, NULL, NULL, NULL,
         "Run every case from a saved and mapped plan as well; the bytes must be equal.", &o.plan},
        {"reference", CMD_FLAG, NULL, NULL, NULL,
         "Run cases by the reference kernels on the model as it stands, without any optimisation.", &o.reference},
        {"rtol", CMD_REAL, "X", NULL, "0.001", "Relative tolerance for cases; at least 2^-6 for bfloat16.", &o.rtol},
        {"atol", CMD_REAL, "X", NULL, "0.0001", "Absolute tolerance for cases.", &o.atol},
        {"tol", CMD_REAL, "X", NULL, "0.001", "A against B: largest difference, relative to the range of A's output.",
         &o.tol},
        {"bit-exact", CMD_FLAG, NULL, NULL, NULL, "A against B: demand equal bytes.", &o.bit_exact},
        {"data", CMD_TEXT, "D", NULL, NULL, "A against B: inputs to compare on; else 8 random ones.", &o.data.data},
        {"preprocess", CMD_TEXT, "P", NULL, NULL, "Pre-processing of the data.", &o.data.preprocess},
        {"limit", CMD_SIZE, "N", NULL, NULL, "Use at most so many samples.", &o.data.limit},
        {0},
    };
    return rows;
}

static void print_cases(hone_record *rec)
{
    char p[256];
    for (size_t i = 0, n = hone_record_count(rec, "cases"); i < n; i++) {
        const char *status = hone_record_string(rec, cmd_path(p, "cases", i, "status"), "?");
        printf("%-7s %-36s", status, hone_record_string(rec, cmd_path(p, "cases", i, "name"), "?"));
        printf(" max abs %-10.3g", hone_record_number(rec, cmd_path(p, "cases", i, "max_abs"), 0));
        printf(" max rel %-10.3g", hone_record_number(rec, cmd_path(p, "cases", i, "max_rel"), 0));
        printf(" %s\n", hone_record_string(rec, cmd_path(p, "cases", i, "reason"), ""));
    }
}

static void print_pair(hone_record *rec)
{
    char a[32], b[32];
    printf("A  %s (%s)\nB  %s (%s)\n", hone_record_string(rec, "a", ""),
           cmd_bytes(hone_record_number(rec, "bytes_a", 0), a), hone_record_string(rec, "b", ""),
           cmd_bytes(hone_record_number(rec, "bytes_b", 0), b));
    printf("inputs: %s, n = %lld\n", hone_record_string(rec, "inputs", ""), (long long)hone_record_int(rec, "n", 0));
    printf("largest difference %.4g (%.4g of the range)\n", hone_record_number(rec, "max_abs", 0),
           hone_record_number(rec, "max_relative_to_range", 0));
    if (hone_record_has(rec, "rows"))
        printf("same top class in %lld of %lld rows\n", (long long)hone_record_int(rec, "same_top1", 0),
               (long long)hone_record_int(rec, "rows", 0));
    printf("%s\n", hone_record_string(rec, "reason", ""));
}

static int run(cmd_context *c)
{
    if (c->args == 1 && !o.cases)
        return cmd_usage("verify", "one model given; verify compares two, or takes --cases DIR");
    if (c->args == 2) {
        o.a = c->arg[0];
        o.b = c->arg[1];
    }
    hone_record *rec;
    hone_status st = hone_verify(c->env, &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    int64_t failed = hone_record_int(rec, "failed", 0);
    if (!cmd_json(c, rec)) {
        if (o.cases)
            print_cases(rec);
        else
            print_pair(rec);
        printf("%lld passed, %lld failed", (long long)hone_record_int(rec, "passed", 0), (long long)failed);
        if (hone_record_int(rec, "skipped", 0)) printf(", %lld skipped", (long long)hone_record_int(rec, "skipped", 0));
        if (hone_record_int(rec, "random", 0))
            printf(" (%lld of the passed random: shape compared)", (long long)hone_record_int(rec, "random", 0));
        printf("\n");
    }
    hone_record_free(rec);
    return failed ? CMD_EXIT_BUDGET : CMD_EXIT_OK;
}

const cmd_row cmd_verify = {
    .name = "verify",
    .usage = "A B | --cases DIR",
    .brief = "Compare a model with its stored outputs, or with another model.",
    .doc =
        "With --cases, each folder holds model.onnx and test_data_set_*/{input,output}_*.pb as in the ONNX backend "
        "tests; the last line "
        "is \"N passed, N failed\". Outputs drawn at random are held to their type, shape and range, which their line "
        "says. Quantised models must give the same top class and outputs within two "
        "quantisation steps. "
        "With two models, both run on the same inputs.",
    .example = "hone verify --cases ../shared/data/models",
    .args_max = 2,
    .options = options,
    .run = run,
};
