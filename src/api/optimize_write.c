/* optimize_write: the files of an output folder that are text. */
#include "api/optimize.h"

#include "base/io.h"
#include "optimize/package.h"
#include "report/report.h"

#include <string.h>

static hn_status write_text(hn_job *j, const char *name, hn_status st, hn_buf *b)
{
    hn_env *env = &j->e->env;
    if (st == HN_OK) st = hn_buf_status(b);
    char *path = st == HN_OK ? hn_path_join(env, &j->arena, j->out, name) : NULL;
    if (st == HN_OK) st = path ? hn_file_write(env, path, b->data, b->size) : HN_NOMEM;
    hn_buf_fini(env, b);
    return st;
}

/* A YAML double-quoted scalar. */
static void yaml_text(hn_env *env, hn_buf *b, const char *key, const char *s)
{
    hn_buf_printf(env, b, "%s: \"", key);
    for (; s && *s; s++) {
        if (*s == '"' || *s == '\\') hn_buf_puts(env, b, "\\");
        if ((unsigned char)*s < 32)
            hn_buf_printf(env, b, "\\x%02x", (unsigned)(unsigned char)*s);
        else
            hn_buf_append(env, b, s, 1);
    }
    hn_buf_puts(env, b, "\"\n");
}

static void write_recipe(hn_job *j, const hn_rec *root, hn_buf *b)
{
    hn_env *env = &j->e->env;
    hn_buf_puts(env, b, "# Every choice of this run, defaults written out.\nschema: 1\n");
    yaml_text(env, b, "model", j->path);
    yaml_text(env, b, "model_sha256", j->sha256);
    yaml_text(env, b, "data", j->o->data.data);
    yaml_text(env, b, "preprocess", hn_rec_text(root, "data.preprocess", "none"));
    hn_buf_printf(env, b, "label_offset: %lld\nseed: %llu\n", (long long)j->o->data.label_offset,
                  (unsigned long long)env->seed);
    if (j->o->eval.data) yaml_text(env, b, "eval", j->o->eval.data);
    hn_buf_printf(env, b, "budget:\n  max_drop: %g\n", j->so.max_drop);
    hn_buf_puts(env, b, "target:\n");
    yaml_text(env, b, "  goal", j->o->goal ? j->o->goal : "latency");
    yaml_text(env, b, "  isa", hn_isa_name(env->isa));
    hn_buf_printf(env, b, "  threads: %zu\n", hn_pool_threads(env->pool));
    hn_buf_printf(env, b,
                  "passes:\n  - quantize:\n      bits: 8\n      weights: %s\n      calibration: %s\n      samples: "
                  "%zu\n      keep_all: %s\n",
                  j->so.per_tensor ? "per_tensor" : "per_channel",
                  j->so.method < 0 ? "auto" : hn_method_name[j->so.method], j->split.count[HN_PART_CALIB],
                  j->so.all ? "true" : "false");
    hn_buf_puts(env, b, "  - compile: {}\n");
}

static void write_log(hn_job *j, const hn_rec *root, hn_buf *b)
{
    hn_env *env = &j->e->env;
    hn_buf_printf(env, b, "%s\n", hn_rec_text(root, "command", ""));
    for (size_t i = 0; i < j->s.ntrials; i++) {
        const hn_trial *t = &j->s.trials[i];
        hn_buf_printf(env, b, "trial: %s: %zu layers in INT8", t->name, t->int8_layers);
        if (t->scored)
            hn_buf_printf(env, b, ", %zu of %zu right, drop %.2f points", t->correct, t->drop.n, t->drop.value);
        hn_buf_printf(env, b, "%s%s\n", t->note[0] ? "; " : "", t->note);
    }
    for (size_t i = 0; i < j->s.nrefusals; i++)
        hn_buf_printf(env, b, "refused: %s for %s: %s\n", j->s.refusals[i].what, j->s.refusals[i].layer,
                      j->s.refusals[i].reason);
    hn_buf_printf(env, b, "%s\n", hn_rec_text(root, "verdict", ""));
}

hn_status hn_job_write(hn_job *j, const hn_rec *root)
{
    hn_env *env = &j->e->env;
    hn_buf b = {0};
    HN_TRY(hn_report_check(env, root));
    HN_TRY(write_text(j, HN_PACKAGE_JSON, hn_report_json(env, root, 1, &b), &b));
    HN_TRY(write_text(j, HN_PACKAGE_HTML, hn_report_html(env, root, NULL, &b), &b));
    HN_TRY(write_text(j, HN_PACKAGE_TEXT, hn_report_text(env, root, &b), &b));
    write_recipe(j, root, &b);
    HN_TRY(write_text(j, HN_PACKAGE_RECIPE, HN_OK, &b));
    write_log(j, root, &b);
    return write_text(j, HN_PACKAGE_LOG, HN_OK, &b);
}
