/* report: the record of an output folder, checked and rendered again, alone or held against another. */
#include "api/api.h"

#include "report/report.h"

#include <stdio.h>

typedef struct reporter {
    hone_env *e;
    const hone_report_options *o;
    hn_recs *r;
    hn_rec *root, *files;
} reporter;

/* A folder that holds report.json, or such a file itself. */
static hn_status load(reporter *x, const char *path, hn_rec **out)
{
    hn_env *env = &x->e->env;
    hn_map map;
    const char *file = hn_path_is_dir(path) ? hn_path_join(env, x->r->arena, path, "report.json") : path;
    if (!file) return HN_NOMEM;
    HN_TRY(hn_map_open(env, file, &map));
    hn_status st = map.size ? hn_report_parse(env, x->r->arena, (const char *)map.data, map.size, out)
                            : hn_fail(env, HN_INPUT, "the file is empty");
    hn_map_close(&map);
    if (st == HN_OK) st = hn_report_check(env, *out);
    if (st == HN_BUG) {
        /* Our own writer checks before it writes: what is wrong here came from outside. */
        char text[512];
        snprintf(text, sizeof text, "%s", env->error.text);
        hn_error_clear(env);
        st = hn_fail(env, HN_INPUT, "%s", text);
        hn_hint(env, "only records of optimize and quantize make a report");
    }
    return hn_context(env, st, "in %s", file);
}

static hn_status write_file(reporter *x, const char *path, const hn_buf *b)
{
    hn_rec_str(x->r, x->files, NULL, path);
    return hn_file_write(&x->e->env, path, b->data, b->size);
}

static hn_status render(reporter *x, const hn_rec *rec, const hn_rec *against, hn_buf *b)
{
    hn_env *env = &x->e->env;
    HN_TRY(hn_report_text(env, rec, b));
    hn_rec_str(x->r, x->root, "text", hn_buf_str(env, b));
    if (x->o->text) HN_TRY(write_file(x, x->o->text, b));
    hn_buf_fini(env, b);
    if (x->o->html) {
        HN_TRY(hn_report_html(env, rec, against, b));
        HN_TRY(write_file(x, x->o->html, b));
        hn_buf_fini(env, b);
    }
    if (x->o->json) {
        HN_TRY(hn_report_json(env, rec, 1, b));
        HN_TRY(write_file(x, x->o->json, b));
    }
    return HN_OK;
}

/* The figures after optimisation of both, for programs and for the terminal. */
static void compare(reporter *x, const hn_rec *a, const hn_rec *b)
{
    static const char *const keys[] = {"after.value", "drop.value", "after.size_bytes", "after.latency_ms.p50",
                                       "after.throughput_per_s"};
    hn_rec *list = hn_rec_list(x->r, x->root, "compared");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!hn_rec_get(a, keys[i]) || !hn_rec_get(b, keys[i])) continue;
        hn_rec *m = hn_rec_map(x->r, list, NULL);
        hn_rec_str(x->r, m, "key", keys[i]);
        hn_rec_real(x->r, m, "this", hn_rec_num(a, keys[i], 0));
        hn_rec_real(x->r, m, "other", hn_rec_num(b, keys[i], 0));
    }
}

static hn_status report(reporter *x)
{
    hn_env *env = &x->e->env;
    hn_rec *rec, *other = NULL;
    if (!x->o->folder) return hn_fail(env, HN_INPUT, "no folder given");
    HN_TRY(load(x, x->o->folder, &rec));
    if (x->o->against) HN_TRY(load(x, x->o->against, &other));
    const hn_rec *met = hn_rec_get(rec, "budget_met");
    hn_rec_str(x->r, x->root, "folder", x->o->folder);
    hn_rec_str(x->r, x->root, "verdict", hn_rec_text(rec, "verdict", ""));
    hn_rec_bool(x->r, x->root, "budget_met", met && met->u.b);
    if (other) {
        hn_rec_str(x->r, x->root, "against", x->o->against);
        compare(x, rec, other);
    }
    x->files = hn_rec_list(x->r, x->root, "files");
    hn_buf b = {0};
    hn_status st = render(x, rec, other, &b);
    hn_buf_fini(env, &b);
    return st;
}

hone_status hone_report(hone_env *e, const hone_report_options *options, hone_record **out)
{
    static const hone_report_options defaults;
    hone_record *rec;
    hn_recs r;
    reporter x = {.e = e, .o = options ? options : &defaults, .r = &r};
    hn_status st = hn_api_record_new(e, "report", &rec, &r);
    if (st == HN_OK) x.root = rec->root;
    if (st == HN_OK) st = report(&x);
    return hn_api_finish(e, st, rec, out);
}
