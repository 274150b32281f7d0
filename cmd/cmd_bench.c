/* bench: how fast, how soon, how much memory; alone or against a baseline. */
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

static hone_bench_options o;
static cmd_texts inputs;

static const cmd_option *options(void)
{
    static const cmd_option rows[] = {
        {"input", CMD_TEXTS, "NAME=FILE...", NULL, "random numbers of the declared shape",
         "Inputs, or one folder of input_K.pb.", &inputs},
        {"batch", CMD_INT, "N", NULL, "1", "Samples a run, where the model's first dimension is free.", &o.batch},
        {"scenario", CMD_CHOICE, "S", "single-stream|multi-stream|offline|server", "single-stream",
         "Scenario as MLPerf LoadGen defines it.", &o.scenario},
        {"target-qps", CMD_REAL, "X", NULL, NULL, "Server: mean rate of arriving queries.", &o.target_qps},
        {"baseline", CMD_TEXT, "M2", NULL, NULL, "Second model; the two take turns in one run.", &o.baseline},
        {"profile", CMD_FLAG, NULL, NULL, NULL, "Time of each step, held against the machine's measured peaks.",
         &o.profile},
        {"trace", CMD_TEXT, "FILE", NULL, NULL, "Write one run in the trace event format of Chrome and Perfetto.",
         &o.trace},
        {"seconds", CMD_SECONDS, "T", NULL, "2s", "Measuring time.", &o.seconds},
        {0},
    };
    return rows;
}

static void print_latency(hone_record *rec, const char *prefix)
{
    static const char *const names[] = {"min", "p50", "p90", "p99", "mean"};
    char path[64], text[32];
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%slatency_ms.%s", prefix, names[i]);
        printf("  %s %s", names[i], cmd_ms(hone_record_number(rec, path, 0), text));
    }
    printf("\n");
}

typedef struct place {
    double us;
    size_t at;
} place;

static int slower_first(const void *a, const void *b)
{
    double x = ((const place *)a)->us, y = ((const place *)b)->us;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void print_profile(hone_record *rec)
{
    size_t n = hone_record_count(rec, "ops");
    place *order = calloc(n + 1, sizeof *order);
    char p[256], flops[32];
    if (!order) return;
    for (size_t i = 0; i < n; i++) order[i] = (place){hone_record_number(rec, cmd_path(p, "ops", i, "us"), 0), i};
    qsort(order, n, sizeof *order, slower_first);
    printf("\npeaks measured here: %.1f GFLOP/s float32, %.1f GOP/s 8-bit, %.1f GB/s reading %s\n\n",
           hone_record_number(rec, "roofline.peak_gflops", 0), hone_record_number(rec, "roofline.peak_gops", 0),
           hone_record_number(rec, "roofline.bandwidth_gbs", 0),
           cmd_bytes(hone_record_number(rec, "roofline.bandwidth_bytes", 0), flops));
    printf("%9s %6s %9s %8s %7s %-8s %-18s %-28s %-22s %s\n", "us", "share", "GFLOP/s", "GB/s", "% peak", "bound", "op",
           "node", "shape", "kernels");
    for (size_t k = 0; k < n; k++) {
        size_t i = order[k].at;
        printf("%9.2f %5.1f%%", order[k].us, 100 * hone_record_number(rec, cmd_path(p, "ops", i, "share"), 0));
        printf(" %9.2f", hone_record_number(rec, cmd_path(p, "ops", i, "gops"), 0));
        printf(" %8.2f", hone_record_number(rec, cmd_path(p, "ops", i, "gbs"), 0));
        printf(" %6.1f%%", hone_record_number(rec, cmd_path(p, "ops", i, "percent_of_peak"), 0));
        printf(" %-8s", hone_record_string(rec, cmd_path(p, "ops", i, "bound"), ""));
        printf(" %-18.18s", hone_record_string(rec, cmd_path(p, "ops", i, "op"), ""));
        printf(" %-28.28s", hone_record_string(rec, cmd_path(p, "ops", i, "name"), ""));
        printf(" %-22.22s", hone_record_string(rec, cmd_path(p, "ops", i, "shape"), ""));
        const char *kernels = hone_record_string(rec, cmd_path(p, "ops", i, "kernels"), "");
        if (kernels[0])
            printf(" %s\n", kernels);
        else
            printf(" %s\n", hone_record_string(rec, cmd_path(p, "ops", i, "driver"), ""));
    }
    free(order);
}

static int run(cmd_context *c)
{
    hone_record *rec;
    char a[32], b[32];
    o.input = inputs.item;
    o.inputs = inputs.count;
    hone_status st = hone_bench(c->env, c->arg[0], &o, &rec);
    if (st != HONE_OK) return cmd_fail(c, st);
    if (!cmd_json(c, rec)) {
        printf("%s, %s, batch %lld, %s inputs, isa %s, %lld threads\n", c->arg[0],
               hone_record_string(rec, "scenario", ""), (long long)hone_record_int(rec, "batch", 0),
               o.inputs ? "given" : "random", hone_record_string(rec, "isa", ""),
               (long long)hone_record_int(rec, "threads", 0));
        cmd_slices(rec);
        printf("latency   ");
        print_latency(rec, "");
        if (o.baseline) {
            printf("baseline  ");
            print_latency(rec, "baseline.");
            printf("%.2f times as fast as %s (ratio of medians; nine turns in ten between %.2f and %.2f)\n",
                   hone_record_number(rec, "ratio", 0), o.baseline, hone_record_number(rec, "ratio_spread.0", 0),
                   hone_record_number(rec, "ratio_spread.1", 0));
        }
        printf("throughput  %.1f samples/s over %lld queries\n", hone_record_number(rec, "throughput_per_s", 0),
               (long long)hone_record_int(rec, "queries", 0));
        printf("cold start  %s   peak memory %s\n", cmd_ms(hone_record_number(rec, "cold_start_ms", 0), a),
               cmd_bytes(hone_record_number(rec, "peak_rss_bytes", 0), b));
        printf("arena  %s", cmd_bytes(hone_record_number(rec, "arena_bytes", 0), a));
        printf(" (no layout can do with less than %s)   constants %s\n",
               cmd_bytes(hone_record_number(rec, "arena_lower_bound_bytes", 0), a),
               cmd_bytes(hone_record_number(rec, "constants_bytes", 0), b));
        printf("work  %s, %s of memory traffic at least\n",
               cmd_quantity(hone_record_number(rec, "flops", 0), "FLOP", a),
               cmd_bytes(hone_record_number(rec, "modelled_bytes", 0), b));
        if (o.profile) print_profile(rec);
        if (o.trace) printf("trace written to %s\n", o.trace);
    }
    hone_record_free(rec);
    return CMD_EXIT_OK;
}

const cmd_row cmd_bench = {
    .name = "bench",
    .usage = "MODEL [--baseline M2]",
    .brief = "Measure latency, throughput, cold start and memory of a model.",
    .doc = "MODEL is an ONNX file or a plan. single-stream sends one query after the other; multi-stream sends queries "
           "of 8 samples; offline "
           "runs batches back to back for throughput; server lets queries arrive at random at --target-qps and counts "
           "latency from the "
           "arrival. Cold start is the time to open, plan and run once in this process.",
    .example = "hone bench model.onnx --baseline other.onnx --profile",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
};
