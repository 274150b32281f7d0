/* sample: an optimize record with every part of the schema, made up, with names that try to break a page. */
#ifndef HN_TEST_REPORT_SAMPLE_H
#define HN_TEST_REPORT_SAMPLE_H

#include "base/buf.h"
#include "meter/record.h"

#include <math.h>

#define HOSTILE "<script>alert(1)</script>\"'&"

static inline void sample_side(hn_recs *r, hn_rec *root, const char *key, double scale)
{
    hn_rec *m = hn_rec_map(r, root, key), *l;
    hn_rec_str(r, m, "metric", "top1");
    hn_rec_int(r, m, "correct", scale > 1 ? 4391 : 4376);
    hn_rec_int(r, m, "n", 5000);
    hn_rec_real(r, m, "value", (scale > 1 ? 4391 : 4376) / 5000.0);
    l = hn_rec_list(r, m, "interval");
    hn_rec_real(r, l, NULL, 0.868);
    hn_rec_real(r, l, NULL, 0.887);
    hn_rec_int(r, m, "size_bytes", (int64_t)(279000 * scale));
    hn_rec_int(r, m, "size_fp16_bytes", (int64_t)(140500 * scale));
    l = hn_rec_map(r, m, "latency_ms");
    hn_rec_real(r, l, "min", 0.151 * scale);
    hn_rec_real(r, l, "p50", 0.158 * scale);
    hn_rec_real(r, l, "p90", 0.163 * scale);
    hn_rec_real(r, l, "p99", 0.188 * scale);
    hn_rec_real(r, l, "mean", 0.160 * scale);
    hn_rec_real(r, m, "throughput_per_s", 6300 / scale);
    hn_rec_int(r, m, "memory_bytes", 24000000);
    hn_rec_int(r, m, "arena_bytes", (int64_t)(49152 * scale));
    hn_rec_int(r, m, "arena_lower_bound_bytes", (int64_t)(49152 * scale));
    hn_rec_int(r, m, "params", 271098);
    hn_rec_int(r, m, "macs", 40551040);
    if (scale > 1) return;
    hn_rec_int(r, m, "plan_bytes", 318000);
    hn_rec_int(r, m, "params_removed", 0);
    hn_rec_int(r, m, "params_zeroed", 1204);
}

static inline void sample_layers(hn_recs *r, hn_rec *root, int n)
{
    hn_rec *layers = hn_rec_list(r, root, "layers"), *before = hn_rec_list(r, root, "steps_before"),
           *after = hn_rec_list(r, root, "steps_after");
    hn_rec *hists = hn_rec_list(r, root, "histograms");
    for (int i = 0; i < n; i++) {
        bool int8 = i % 7 != 6;
        double us = 30 + 20 * fabs(sin(i * 1.3));
        hn_rec *l = hn_rec_map(r, layers, NULL);
        if (i == 3)
            hn_rec_str(r, l, "name", HOSTILE);
        else
            hn_rec_strf(r, l, "name", "stage%d/unit%d/conv", i / 6 + 1, i % 6);
        hn_rec_str(r, l, "op", i == n - 1 ? "Gemm" : "Conv");
        hn_rec_str(r, l, "shape", "u8[1,16,32,32]");
        hn_rec_str(r, l, "decision", int8 ? "int8" : "float32");
        hn_rec_int(r, l, "bits_w", int8 ? 8 : 32);
        hn_rec_int(r, l, "bits_a", int8 ? 8 : 32);
        hn_rec_int(r, l, "params", 2304 * (i + 1));
        hn_rec_int(r, l, "macs", 2359296);
        hn_rec_real(r, l, "us_before", us);
        hn_rec_real(r, l, "us_after", int8 ? us / 3.4 : us);
        hn_rec_real(r, l, "sqnr_db", 38 - i * 0.7);
        hn_rec *range = hn_rec_list(r, l, "range");
        hn_rec_real(r, range, NULL, 0);
        hn_rec_real(r, range, NULL, 2.5 + 0.2 * i);
        hn_rec_str(r, l, "calibration", i % 2 ? "mse" : "minmax");
        hn_rec_real(r, l, "accuracy_delta", 0.02 * (i % 5));
        hn_rec_str(r, l, "reason",
                   int8 ? "measured 3.4 times as fast here; loses 0.02 points alone"
                        : "kept in float32: loses 0.61 points alone, more than its share of the budget");
        hn_rec *s = hn_rec_map(r, before, NULL);
        hn_rec_strf(r, s, "name", "step %d", i);
        hn_rec_str(r, s, "op", i % 4 == 3 ? "Add" : i == n - 1 ? "Gemm" : "Conv");
        hn_rec_real(r, s, "us", us);
        s = hn_rec_map(r, after, NULL);
        hn_rec_strf(r, s, "name", "step %d", i);
        hn_rec_str(r, s, "op", i % 4 == 3 ? "Add" : i == n - 1 ? "Gemm" : "Conv");
        hn_rec_real(r, s, "us", us / 3.4);
        hn_rec_str(r, s, "kernel", "vnni_gemm_q8_8x48");
        if (i >= 6) continue;
        hn_rec *h = hn_rec_map(r, hists, NULL);
        hn_rec_strf(r, h, "value", "stage1/unit%d/relu:0", i);
        hn_rec_real(r, h, "lo", i % 2 ? -4.0 : 0.0);
        hn_rec_real(r, h, "hi", 6.0);
        hn_rec *bins = hn_rec_list(r, h, "bins");
        for (int k = 0; k < 128; k++) {
            double x = (k - (i % 2 ? 51 : 20)) / 18.0;
            hn_rec_int(r, bins, NULL, (int64_t)(40000 * exp(-x * x / 2) + (k == 126)));
        }
        hn_rec_real(r, h, "chosen_lo", i % 2 ? -3.1 : 0.0);
        hn_rec_real(r, h, "chosen_hi", 4.8);
        hn_rec_str(r, h, "method", i % 2 ? "mse" : "percentile");
    }
}

static inline void sample_trials(hn_recs *r, hn_rec *root)
{
    hn_rec *trials = hn_rec_list(r, root, "trials"), *m;
    for (int i = 0; i < 22; i++) {
        double share = i / 21.0;
        m = hn_rec_map(r, trials, NULL);
        hn_rec_strf(r, m, "name", "%d of 21 layers in 8 bits", i);
        hn_rec_int(r, m, "int8_layers", i);
        hn_rec_int(r, m, "size_bytes", (int64_t)(1095833 - 810000 * share));
        hn_rec_real(r, m, "latency_ms", 0.62 - 0.46 * share + 0.02 * sin(i * 2.1));
        hn_rec_int(r, m, "correct", 880);
        hn_rec_int(r, m, "n", 1000);
        hn_rec_real(r, m, "drop", 0.05 + 1.6 * pow(share, 4) + 0.08 * cos(i * 1.7));
        hn_rec_real(r, m, "upper", 0.4 + 1.6 * pow(share, 4));
        hn_rec_real(r, m, "loss", 0.4);
        hn_rec_bool(r, m, "chosen", i == 18);
        hn_rec_str(r, m, "note", i == 18 ? "the fastest within the budget" : "");
    }
    hn_rec *list = hn_rec_list(r, root, "refusals");
    m = hn_rec_map(r, list, NULL);
    hn_rec_str(r, m, "layer", "stage2/unit0/conv");
    hn_rec_str(r, m, "what", "int8");
    hn_rec_str(r, m, "reason", "loses 0.61 points alone, more than its share of the budget");
    m = hn_rec_map(r, list, NULL);
    hn_rec_str(r, m, "layer", "softmax");
    hn_rec_str(r, m, "what", "int8");
    hn_rec_str(r, m, "reason", "no 8-bit kernel on this machine is faster than float32");
}

static inline void sample_speed(hn_recs *r, hn_rec *root)
{
    static const char *const stages[] = {"float32, row by row", "fused, vector kernels",
                                         "8-bit weights and activations"};
    static const double ms[] = {2.9, 0.62, 0.158};
    hn_rec *roofline = hn_rec_map(r, root, "roofline");
    hn_rec_real(r, roofline, "peak_gflops", 115.8);
    hn_rec_real(r, roofline, "peak_gops", 402.7);
    hn_rec_real(r, roofline, "bandwidth_gbs", 111.1);
    hn_rec_int(r, roofline, "bandwidth_bytes", 509568);
    hn_rec *points = hn_rec_list(r, roofline, "points");
    for (int i = 0; i < 20; i++) {
        hn_rec *m = hn_rec_map(r, points, NULL);
        hn_rec_strf(r, m, "name", "step %d", i);
        hn_rec_real(r, m, "intensity", i % 4 == 3 ? 0.12 : 8 + 3 * i);
        hn_rec_real(r, m, "gops", i % 4 == 3 ? 6.5 : (i % 2 ? 70 : 210) + i);
        hn_rec_real(r, m, "us", 4 + i);
        hn_rec_str(r, m, "kind", i % 2 ? "f32" : "int8");
    }
    hn_rec *fall = hn_rec_list(r, root, "waterfall");
    for (int i = 0; i < 3; i++) {
        hn_rec *m = hn_rec_map(r, fall, NULL);
        hn_rec_str(r, m, "stage", stages[i]);
        hn_rec_real(r, m, "ms", ms[i]);
        if (i == 0) continue;
        hn_rec_real(r, m, "size_bytes", 1e6 * (3 - i));
        hn_rec_int(r, m, "correct", 140 - i);
        hn_rec_int(r, m, "n", 150);
    }
}

static inline hn_rec *sample_record(hn_recs *r, const char *name)
{
    hn_rec *root = hn_rec_map(r, NULL, NULL), *m, *l;
    hn_rec_str(r, root, "hone", "0.1.0");
    hn_rec_str(r, root, "kind", "optimize");
    m = hn_rec_map(r, root, "machine");
    hn_rec_str(r, m, "cpu", "AMD EPYC");
    hn_rec_int(r, m, "cores", 2);
    hn_rec_int(r, m, "l1d_bytes", 32768);
    hn_rec_int(r, m, "l2_bytes", 1048576);
    hn_rec_int(r, m, "l3_bytes", 33554432);
    hn_rec_str(r, m, "isa", "bf16");
    hn_rec_str(r, root, "isa", "vnni");
    hn_rec_str(r, root, "weights", "8 bits: with vnni products of bytes are added in 32 bits");
    hn_rec_int(r, root, "threads", 1);
    hn_rec_int(r, root, "seed", 0);
    hn_rec_str(r, root, "command", "hone optimize resnet20.onnx --data cifar10 --max-drop 1");
    hn_rec_str(r, root, "verdict",
               "3.92 times as fast and 3.93 times smaller, losing 0.30 points of top-1 (95 % interval 0.02 to 0.58): "
               "within the budget of 1 point.");
    hn_rec_bool(r, root, "budget_met", true);
    hn_rec_bool(r, root, "certified", true);
    m = hn_rec_map(r, root, "model");
    hn_rec_str(r, m, "path", "models/resnet20.onnx");
    hn_rec_str(r, m, "name", name);
    hn_rec_str(r, m, "sha256", "761f4fc61547ab72b05af3fdbc257206df1ac29dc29813a0b4dd1436537ad356");
    hn_rec_int(r, m, "opset", 13);
    m = hn_rec_map(r, root, "data");
    hn_rec_str(r, m, "path", "cifar10");
    hn_rec_str(r, m, "preprocess", "mean=123:117:104,std=58:57:57");
    hn_rec_int(r, m, "calib_n", 256);
    hn_rec_int(r, m, "select_n", 1000);
    hn_rec_int(r, m, "test_n", 5000);
    hn_rec_str(r, m, "split", "by a hash of each sample, classes in proportion");
    hn_rec_str(r, root, "goal", "latency");
    hn_rec_real(r, root, "max_drop", 1.0);
    sample_side(r, root, "before", 3.92);
    sample_side(r, root, "after", 1);
    m = hn_rec_map(r, root, "drop");
    hn_rec_real(r, m, "value", 0.30);
    l = hn_rec_list(r, m, "interval");
    hn_rec_real(r, l, NULL, 0.02);
    hn_rec_real(r, l, NULL, 0.58);
    hn_rec_real(r, m, "upper", 0.54);
    hn_rec_int(r, m, "n", 5000);
    hn_rec_int(r, m, "lost", 33);
    hn_rec_int(r, m, "gained", 18);
    m = hn_rec_map(r, root, "ratios");
    hn_rec_real(r, m, "size", 3.93);
    hn_rec_real(r, m, "latency", 3.92);
    hn_rec_real(r, m, "throughput", 3.92);
    sample_layers(r, root, 21);
    sample_trials(r, root);
    sample_speed(r, root);
    m = hn_rec_map(r, root, "export_check");
    hn_rec_str(r, m, "file", "resnet20-hone/model.onnx");
    hn_rec_int(r, m, "n", 5000);
    hn_rec_int(r, m, "same_top1", 5000);
    hn_rec_real(r, m, "max_step_diff", 0);
    l = hn_rec_list(r, root, "files");
    hn_rec_str(r, l, NULL, "resnet20-hone/model.onnx");
    hn_rec_str(r, l, NULL, "resnet20-hone/model.hone");
    hn_rec_str(r, root, "reproduce", "hone optimize models/resnet20.onnx --recipe resnet20-hone/recipe.lock.yaml");
    return root;
}

#endif
