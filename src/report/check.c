/* check: the schema of the optimize record. A key that must be there is there with the right kind, in every entry of a
 * list; keys that may be absent have the right kind where they are. docs/report.md says the same in words. */
#include "report/report.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

#define BIT(kind) (1u << (kind))
#define NUMBER    (BIT(HN_REC_INT) | BIT(HN_REC_REAL))
#define MAYBE     (NUMBER | BIT(HN_REC_NULL)) /* a number that could not be had */
#define TEXT      BIT(HN_REC_STR)
#define TRUTH     BIT(HN_REC_BOOL)
#define LIST      BIT(HN_REC_LIST)
#define MAP       BIT(HN_REC_MAP)

typedef struct rule {
    const char *in; /* map that holds the keys; "x[]": every entry of the list x; "": the record */
    bool must;
    unsigned kinds;
    const char *keys; /* separated by spaces */
} rule;

static const rule RULES[] = {
    {"", true, TEXT, "hone kind isa command verdict goal reproduce"},
    {"", true, NUMBER, "threads seed max_drop"},
    {"", true, TRUTH, "budget_met"},
    {"", true, MAP, "machine model data before after drop ratios"},
    {"", true, LIST, "layers trials refusals"},
    {"", false, TEXT, "weights"},
    {"", false, TRUTH, "certified"},
    {"", false, LIST, "histograms waterfall steps_before steps_after files"},
    {"", false, MAP, "roofline export_check"},
    {"machine", true, TEXT, "cpu isa"},
    {"machine", true, NUMBER, "cores"},
    {"machine", false, NUMBER, "l1d_bytes l2_bytes l3_bytes"},
    {"model", true, TEXT, "path name sha256"},
    {"model", false, NUMBER, "opset"},
    {"data", true, TEXT, "path"},
    {"data", false, TEXT, "preprocess split eval_path"},
    {"data", false, NUMBER, "label_offset calib_n select_n test_n"},
    {"before", true, TEXT, "metric"},
    {"before", true, NUMBER, "n value size_bytes"},
    {"before", true, LIST, "interval"},
    {"before", true, MAP, "latency_ms"},
    {"before", false, MAYBE,
     "correct size_fp16_bytes throughput_per_s memory_bytes arena_bytes arena_lower_bound_bytes params macs"},
    {"after", true, TEXT, "metric"},
    {"after", true, NUMBER, "n value size_bytes"},
    {"after", true, LIST, "interval"},
    {"after", true, MAP, "latency_ms"},
    {"after", false, MAYBE,
     "correct size_fp16_bytes throughput_per_s memory_bytes arena_bytes arena_lower_bound_bytes params macs "
     "plan_bytes "
     "params_removed params_zeroed"},
    {"before.latency_ms", true, NUMBER, "p50"},
    {"before.latency_ms", false, MAYBE, "min p90 p99 mean"},
    {"after.latency_ms", true, NUMBER, "p50"},
    {"after.latency_ms", false, MAYBE, "min p90 p99 mean"},
    {"drop", true, NUMBER, "value upper n"},
    {"drop", true, LIST, "interval"},
    {"drop", false, MAYBE, "lost gained"},
    {"ratios", false, MAYBE, "size latency throughput"},
    {"layers[]", true, TEXT, "name op decision reason"},
    {"layers[]", false, TEXT, "shape calibration"},
    {"layers[]", false, MAYBE,
     "bits_w bits_a params macs us_before us_after sqnr_db output_error "
     "accuracy_delta"},
    {"layers[]", false, LIST, "range"},
    {"trials[]", true, TEXT, "name"},
    {"trials[]", true, NUMBER, "size_bytes"},
    {"trials[]", false, MAYBE, "latency_ms drop int8_layers correct n upper loss"},
    {"trials[]", false, TRUTH, "chosen"},
    {"trials[]", false, TEXT, "note"},
    {"refusals[]", true, TEXT, "layer what reason"},
    {"histograms[]", true, TEXT, "value"},
    {"histograms[]", true, NUMBER, "lo hi"},
    {"histograms[]", true, LIST, "bins"},
    {"histograms[]", false, MAYBE, "chosen_lo chosen_hi"},
    {"histograms[]", false, TEXT, "method"},
    {"roofline", true, NUMBER, "peak_gflops bandwidth_gbs"},
    {"roofline", false, MAYBE, "peak_gops"},
    {"roofline", true, LIST, "points"},
    {"roofline.points[]", true, TEXT, "name kind"},
    {"roofline.points[]", true, NUMBER, "intensity gops us"},
    {"waterfall[]", true, TEXT, "stage"},
    {"waterfall[]", true, NUMBER, "ms"},
    {"waterfall[]", false, MAYBE, "size_bytes output_error correct n drop"},
    {"waterfall[]", false, LIST, "interval"},
    {"steps_before[]", true, TEXT, "name op"},
    {"steps_before[]", true, NUMBER, "us"},
    {"steps_after[]", true, TEXT, "name op"},
    {"steps_after[]", true, NUMBER, "us"},
    {"steps_after[]", false, TEXT, "kernel"},
    {"export_check", true, TEXT, "file"},
    {"export_check", false, MAYBE, "n same_top1 max_step_diff"},
};

static const char *kind_name(unsigned kinds)
{
    return kinds & TEXT    ? "a text"
           : kinds & TRUTH ? "true or false"
           : kinds & LIST  ? "a list"
           : kinds & MAP   ? "a map"
                           : "a number";
}

/* `where` names the map in messages: "layers.3". */
static hn_status check_keys(hn_env *env, const hn_rec *map, const rule *r, const char *where)
{
    for (const char *k = r->keys; *k;) {
        char key[64];
        size_t n = strcspn(k, " ");
        snprintf(key, sizeof key, "%.*s", (int)n, k);
        k += n + strspn(k + n, " ");
        const hn_rec *v = map->kind == HN_REC_MAP ? hn_rec_get(map, key) : NULL;
        const char *dot = where[0] ? "." : "";
        if (!v && r->must) return hn_fail(env, HN_BUG, "the record has no \"%s%s%s\"", where, dot, key);
        if (v && !(BIT(v->kind) & r->kinds))
            return hn_fail(env, HN_BUG, "\"%s%s%s\" of the record is not %s", where, dot, key, kind_name(r->kinds));
    }
    return HN_OK;
}

static hn_status check_rule(hn_env *env, const hn_rec *rec, const rule *r)
{
    char path[64], where[96];
    size_t n = strlen(r->in);
    bool each = n > 2 && strcmp(r->in + n - 2, "[]") == 0;
    snprintf(path, sizeof path, "%.*s", (int)(each ? n - 2 : n), r->in);
    const hn_rec *at = path[0] ? hn_rec_get(rec, path) : rec;
    if (!at) return HN_OK; /* whether it may be absent is another rule */
    if (!each) return check_keys(env, at, r, path);
    if (at->kind != HN_REC_LIST) return HN_OK;
    size_t i = 0;
    for (const hn_rec *e = at->u.c.first; e; e = e->next, i++) {
        snprintf(where, sizeof where, "%s.%zu", path, i);
        HN_TRY(check_keys(env, e, r, where));
    }
    return HN_OK;
}

hn_status hn_report_check(hn_env *env, const hn_rec *rec)
{
    if (!rec || rec->kind != HN_REC_MAP) return hn_fail(env, HN_BUG, "the record is not a map");
    for (size_t i = 0; i < HN_COUNT(RULES); i++) HN_TRY(check_rule(env, rec, &RULES[i]));
    static const char *const pairs[] = {"before.interval", "after.interval", "drop.interval"};
    for (size_t i = 0; i < HN_COUNT(pairs); i++) {
        const hn_rec *l = hn_rec_get(rec, pairs[i]);
        if (l->u.c.count != 2)
            return hn_fail(env, HN_BUG, "\"%s\" of the record holds %zu numbers, not 2", pairs[i], l->u.c.count);
    }
    return HN_OK;
}
